// SPDX-License-Identifier: BSL-1.0
// Reads a file and its version as one.
#pragma once

#include <functional>
#include <string>

#include <perdure/file_version.hpp>
#include <perdure/pipeline/stage.hpp>

namespace perdure {

/// Reads the regular file `leaf` in the commit's directory, content and version from one
/// descriptor; again from the start, through the same one, when its version changed in the
/// meantime. `opened`, if given, sees the descriptor before each pass.
Result<FileContent> read_steady(const Commit& commit, const std::string& leaf,
                                std::uint64_t size_max,
                                const std::function<Result<void>(Handle)>& opened);

}  // namespace perdure
