// SPDX-License-Identifier: BSL-1.0
// Workloads of AtomicFile: adopted (`adopt` of a file that somebody wrote with plain calls),
// streamed
// (`write_at` in any order, with `append_from` of a file that nobody synced). The file is of an
// acknowledged version or a later one.
#pragma once

#include "commits.hpp"

namespace commits {

Workloads stream_workloads();

}  // namespace commits
