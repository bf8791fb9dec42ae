// SPDX-License-Identifier: BSL-1.0
// A root with a mount beneath it.
#pragma once

#include <optional>
#include <string>

#include "support/directory.hpp"
#include "support/mount.hpp"

namespace perdure::test {

/// A directory with something mounted at "mounted".
struct MountedBeneath {
  MountedBeneath() {
    if (!can_mount()) {
      error = "this process may not mount";
      return;
    }
    for (const char* name : {"elsewhere", "mounted"}) fs::create_directories(root / name);
    mount.emplace(std::vector<std::string>{"--bind", (root / "elsewhere").native(),
                                           (root / "mounted").native()});
    error = mount->error();
  }
  TempDirectory root;
  std::optional<Mount> mount;
  std::string error;  ///< Empty when it is mounted.
};

}  // namespace perdure::test
