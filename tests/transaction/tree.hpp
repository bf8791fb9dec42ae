// SPDX-License-Identifier: BSL-1.0
// A root as it looks from outside, and short words for what tests do to it.
#pragma once

#include <string>
#include <vector>

#include <boost/filesystem.hpp>

#include <perdure/transaction.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "support/sample.hpp"

namespace perdure::test {

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

/// The content of the private directory besides the root's lock.
inline std::vector<std::string> private_of(const fs::path& root) {
  if (!fs::exists(root / ".perdure")) return {};  // a transaction that was refused leaves none
  std::vector<std::string> names = list(root / ".perdure");
  std::erase(names, ".root.perdure-lock");
  return names;
}

/// A root at rest, as docs/format.md has it. A first commit makes it, and nothing before.
inline void make_root(const fs::path& root, const std::string& private_directory = ".perdure") {
  const fs::path named(private_directory);
  const fs::path at = named.is_absolute() ? named : root / named;
  fs::create_directory(at);
  fs::permissions(at, fs::owner_all);
  spit(root / ".perdure-root", "perdure root 1\n" + private_directory + "\n");
}

inline TransactionOptions through(FileSystem& files) {
  TransactionOptions options;
  options.system.files = &files;
  return options;
}

}  // namespace perdure::test
