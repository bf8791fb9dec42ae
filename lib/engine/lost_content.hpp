// SPDX-License-Identifier: BSL-1.0
// The files whose content may be lost, since a sync of them failed.
#pragma once

#include <perdure/system/file_system.hpp>

namespace perdure {

/// Remembers a file for the life of this process. fsync(2) tells of content that
/// did not reach the disk once, to those who have the file open, and marks its pages clean. A sync
/// by another handle succeeds then (filemap_check_wb_err in include/linux/pagemap.h).
void note_lost_content(const FileSystem& files, const Version& file) noexcept;

/// Whether this file is remembered, by whatever name.
[[nodiscard]] bool is_content_lost(const FileSystem& files, const Version& file) noexcept;

}  // namespace perdure
