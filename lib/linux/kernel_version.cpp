// SPDX-License-Identifier: BSL-1.0
// Reads the kernel's version from uname(2).
#include "linux/kernel_version.hpp"

#include <charconv>
#include <iterator>
#include <sys/utsname.h>
#include <utility>

namespace perdure {

bool kernel_is_at_least(int wanted_major, int wanted_minor) {
  struct utsname name {};
  int found_major = 0;
  int found_minor = 0;
  if (::uname(&name) != 0) return false;
  const char* const end = name.release + std::size(name.release);
  const auto major_end = std::from_chars(name.release, end, found_major).ptr;
  if (*major_end != '.') return false;
  std::from_chars(major_end + 1, end, found_minor);
  return std::pair(found_major, found_minor) >= std::pair(wanted_major, wanted_minor);
}

}  // namespace perdure
