// SPDX-License-Identifier: BSL-1.0
// Reads and parses /proc/self/mountinfo.
#include "linux/mount_info.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "linux/descriptor.hpp"

namespace perdure {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Space, tab, newline and backslash stand as octal escapes in mountinfo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr ==
            text.data() + i + 4) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

void add_options(std::string_view text, std::vector<std::string>& options) {
  for (const auto option : split(text, ',')) {
    if (std::find(options.begin(), options.end(), option) == options.end()) {
      options.emplace_back(option);
    }
  }
}

}  // namespace

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto line : split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

bool find_mount(std::string_view mountinfo, std::uint64_t mount_id, FileSystemInfo& info) {
  const std::string id = std::to_string(mount_id);
  for (const auto line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 10 || fields[0] != id) continue;
    // 36 35 98:0 /root /mount/point options [optional...] - type source super-options
    std::size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 3 >= fields.size()) return false;
    info.mount_point = unescape(fields[4]);
    info.type = unescape(fields[dash + 1]);
    info.source = unescape(fields[dash + 2]);
    add_options(fields[5], info.mount_options);
    add_options(fields[dash + 3], info.mount_options);
    return true;
  }
  return false;
}

std::string read_kernel_file(const std::string& path) {
  std::string text;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return text;
  std::array<char, 8192> block;  // NOLINT: filled by the call
  ssize_t got = 0;
  do {
    got = ::read(file.get(), block.data(), block.size());
    if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
  } while (got > 0 || (got < 0 && errno == EINTR));
  return got == 0 ? text : std::string();
}

bool find_mount_of(int fd, struct statx& raw, FileSystemInfo& info) {
  return ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &raw) == 0 &&
         (raw.stx_mask & STATX_MNT_ID) != 0 &&
         find_mount(read_kernel_file("/proc/self/mountinfo"), raw.stx_mnt_id, info);
}

}  // namespace perdure
