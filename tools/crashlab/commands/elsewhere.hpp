// SPDX-License-Identifier: BSL-1.0
// Commands whose file system lives in a guest.
#pragma once

#include <string>
#include <vector>

#include "options.hpp"

namespace crashlab {

/// `words` are those of this process's command line; they go to the laboratory in the guest.
int run_elsewhere(const RunOptions& options, const std::vector<std::string>& words);
int mount_elsewhere(const KeptOptions& options, const std::vector<std::string>& words);
int probe_elsewhere(const std::string& kernel, const std::vector<std::string>& words);

}  // namespace crashlab
