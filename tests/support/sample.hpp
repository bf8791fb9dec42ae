// SPDX-License-Identifier: BSL-1.0
// A transaction that touches everything, and the files before and after it. It needs no test
// framework, since a program makes the golden files with it.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <perdure/transaction.hpp>

#include "directory.hpp"

namespace perdure::test {

/// Content by path; directories end in "/".
using Tree = std::map<std::string, std::string>;

struct Sample {
  static Tree files_before() {
    return {{"a", "old a"}, {"b", "old b"}, {"sub/c", "old c"}, {"sub/m", "moved"}};
  }
  static Tree files_after() {
    return {{"a", "new a"}, {"n/d", "new d"}, {"sub/c", "new c"}, {"top", "moved"}};
  }
  static Tree before() { return with_directories(files_before()); }
  static Tree after() { return with_directories(files_after()); }

  /// Makes the files of before.
  static void prepare(const fs::path& root) {
    for (const auto& [path, content] : files_before()) {
      fs::create_directories((root / path).parent_path());
      spit(root / path, content);
    }
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

 private:
  static Tree with_directories(Tree tree) {
    const Tree files = tree;
    for (const auto& [path, content] : files) {
      const auto slash = path.find('/');  // none lies deeper
      if (slash != std::string::npos) tree[path.substr(0, slash + 1)] = "";
    }
    return tree;
  }
};

}  // namespace perdure::test
