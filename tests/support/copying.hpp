// SPDX-License-Identifier: BSL-1.0
// Copies of a root by the tools that people copy with.
#pragma once

#include <cstdlib>
#include <string>

#include <boost/filesystem.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"

namespace perdure::test {

/// Runs a command of the shell: `from` and `to` stand in it as $1 and $2.
inline void shell(const std::string& command, const fs::path& from, const fs::path& to) {
  const std::string all =
      "set -- '" + from.native() + "' '" + to.native() + "'; { " + command + "; }";
  INFO(all);
  REQUIRE(std::system(all.c_str()) == 0);  // NOLINT(cert-env33-c): the paths are our own
}

/// For `shell`: everything, with its times.
inline const std::string copy_all = "cp -a \"$1\"/. \"$2\"";
inline const std::string copy_by_tar = "tar -C \"$1\" -cf - . | tar -C \"$2\" -xpf -";
/// With new times.
inline const std::string copy_without_times = "cp -R \"$1\"/. \"$2\" && chmod 700 \"$2\"/.perdure*";

/// Everything in the root goes and comes back from a copy: its directory alone stays the same.
inline void restore_by(const std::string& copy, const fs::path& root) {
  const TempDirectory backup("/dev/shm");
  shell(copy, root, backup.path());
  for (const auto& name : list(root)) fs::remove_all(root / name);
  shell(copy, backup.path(), root);
}

}  // namespace perdure::test
