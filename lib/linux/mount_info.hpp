// SPDX-License-Identifier: BSL-1.0
// The mount table of this process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <perdure/system/file_system.hpp>

namespace perdure {

/// Reads the line of /proc/self/mountinfo (proc_pid_mountinfo(5)) that has this mount id into
/// `info`; false when no line has it.
bool find_mount(std::string_view mountinfo, std::uint64_t mount_id, FileSystemInfo& info);

/// The same for the mount on which `fd` lies; `raw` gets the answer of statx(2).
bool find_mount_of(int fd, struct statx& raw, FileSystemInfo& info);

/// The content of a file of the kernel's; empty when it is missing or can't be read.
std::string read_kernel_file(const std::string& path);

/// The lines of a text that are not empty.
std::vector<std::string> split_lines(std::string_view text);

}  // namespace perdure
