// SPDX-License-Identifier: BSL-1.0
// Reads a file and its version as one.
#pragma once

#include <functional>
#include <string>

#include <perdure/file_version.hpp>
#include <perdure/pipeline/target.hpp>
#include <perdure/serializer.hpp>

#include "base/internal.hpp"

namespace perdure {

/// Reads the regular file `leaf` in the target's directory, content and version from one
/// descriptor. When its version changed in the meantime, reads it again from the start, through the
/// same descriptor. `opened`, if given, sees the descriptor before each pass.
PERDURE_INTERNAL_API Result<FileContent> read_steady(
    const Target& target, const std::string& leaf, std::uint64_t size_max,
    const std::function<Result<void>(Handle)>& opened);

/// Writes the content of the open regular file into the sink. ErrorKind::conflict where the file
/// changed in the meantime: then the sink has parts of both contents.
Result<void> copy_steady(const Target& target, Handle file, Sink& sink);

/// The version of the target that was looked at just now. The target is not read where its stamps
/// tell contents apart. Waits out a tick, so that two looks at an unchanged file give equal
/// versions.
Result<Version> settled_version(const Target& target);

/// The version of the file by its content alone, whatever its size: read as by `read_steady`, and
/// not kept.
Result<Version> hash_steady(const Target& target, const std::string& leaf);

}  // namespace perdure
