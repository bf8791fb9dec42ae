// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string>

#include <perdure/files.hpp>
#include <perdure/stage.hpp>

namespace perdure {

/// Reads the regular file `leaf` in the commit's directory, content and version from one
/// descriptor; again from the start when it was rewritten in place meanwhile. `opened`, if given,
/// sees each descriptor before anything is read from it.
Result<FileContent> read_steady(const Commit& commit, const std::string& leaf,
                                std::uint64_t size_max,
                                const std::function<Result<void>(Handle)>& opened);

}  // namespace perdure
