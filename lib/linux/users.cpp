// SPDX-License-Identifier: BSL-1.0
// Reads which users and groups this user name space has numbers for.
#include "linux/users.hpp"

#include <fstream>

namespace perdure {
namespace {

/// The kernel's DEFAULT_OVERFLOWUID (include/linux/highuid.h), for where /proc does not say.
constexpr std::uint32_t default_overflow = 65534;

std::uint32_t overflow_of(const char* sysctl) {
  std::uint32_t number = default_overflow;
  std::ifstream(sysctl) >> number;
  return number;
}

/// The map is one line, "0 0 4294967295", in the first user name space and in copies of it.
bool knows_all(const char* map_file) {
  constexpr std::uint64_t all = 0xFFFFFFFF;  // -1 stands for nobody (chown(2))
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::ifstream map(map_file);
  return (map >> inside >> outside >> count) && inside == 0 && count == all;
}

}  // namespace

bool is_known_user_native(std::uint32_t owner) {
  static const std::uint32_t overflow = overflow_of("/proc/sys/kernel/overflowuid");
  return owner != overflow || knows_all("/proc/self/uid_map");
}

bool is_known_group_native(std::uint32_t group) {
  static const std::uint32_t overflow = overflow_of("/proc/sys/kernel/overflowgid");
  return group != overflow || knows_all("/proc/self/gid_map");
}

}  // namespace perdure
