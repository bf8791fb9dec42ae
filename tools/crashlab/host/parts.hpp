// SPDX-License-Identifier: BSL-1.0
// Divides one task among several processes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "host/posix.hpp"

namespace crashlab {

struct Parts {
  int status = 0;                    ///< the first that is not 0, or 0
  std::vector<std::string> reports;  ///< the output of each part
};

/// Calls `work` for each part in a process of its own, which writes to `out`, and waits for all.
/// SIGINT, SIGTERM and SIGHUP are passed on to each; when this process is killed, they get SIGTERM.
Parts run_parts(std::size_t count,
                const std::function<int(std::size_t part, const UniqueFd& out)>& work);

}  // namespace crashlab
