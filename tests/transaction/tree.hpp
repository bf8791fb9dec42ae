// SPDX-License-Identifier: BSL-1.0
// What a root looks like from outside, and short words for what tests do to it.
#pragma once

#include <map>
#include <string>

#include <boost/filesystem.hpp>

#include <perdure/transaction.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

namespace perdure::test {

using Tree = std::map<std::string, std::string>;

/// Every file beneath the root and its content; directories end in "/". Without what belongs to
/// the root itself (marker, private directory) and without lock files, which stay by design.
inline Tree tree_of(const fs::path& root) {
  Tree tree;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string name = entry->path().lexically_relative(root).native();
    const std::string leaf = entry->path().filename().native();
    if (name == ".perdure" || name == ".perdure-root") {
      entry.disable_recursion_pending();
      continue;
    }
    if (leaf.ends_with(".perdure-lock")) continue;
    const auto type = entry->symlink_status().type();
    if (type == fs::directory_file) tree[name + "/"] = "";
    if (type == fs::regular_file) tree[name] = slurp(entry->path());
    if (type == fs::symlink_file) tree[name] = "-> " + fs::read_symlink(entry->path()).native();
  }
  return tree;
}

/// What the private directory holds beside the root's lock.
inline std::vector<std::string> private_of(const fs::path& root) {
  std::vector<std::string> names = list(root / ".perdure");
  std::erase(names, ".root.perdure-lock");
  return names;
}

inline TransactionOptions through(FileSystem& files) {
  TransactionOptions options;
  options.system.files = &files;
  return options;
}

/// A transaction that touches everything: the tree before and after it.
struct Sample {
  static void prepare(const fs::path& root) {
    fs::create_directories(root / "sub");
    spit(root / "a", "old a");
    spit(root / "b", "old b");
    spit(root / "sub/c", "old c");
    spit(root / "sub/m", "moved");
  }
  static Tree before() {
    return {{"a", "old a"}, {"b", "old b"}, {"sub/", ""}, {"sub/c", "old c"}, {"sub/m", "moved"}};
  }
  static Tree after() {
    return {{"a", "new a"}, {"n/", ""},         {"n/d", "new d"},
            {"sub/", ""},   {"sub/c", "new c"}, {"top", "moved"}};
  }
  static Result<void> stage(Transaction& transaction) {
    BOOST_OUTCOME_TRY(transaction.put("a", "new a"));
    BOOST_OUTCOME_TRY(transaction.remove("b"));
    BOOST_OUTCOME_TRY(transaction.put("sub/c", "new c"));
    BOOST_OUTCOME_TRY(transaction.make_directory("n"));
    BOOST_OUTCOME_TRY(transaction.put("n/d", "new d"));
    return transaction.move("sub/m", "top");
  }
  static Result<TransactionReceipt> run(const fs::path& root, TransactionOptions options = {}) {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, std::move(options)));
    BOOST_OUTCOME_TRY(stage(transaction));
    return transaction.commit();
  }
};

}  // namespace perdure::test
