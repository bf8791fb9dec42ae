// SPDX-License-Identifier: BSL-1.0
// Helpers around system calls, whose errors are thrown as Failure.
#include "host/posix.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/random.h>
#include <sys/utsname.h>
#include <system_error>

namespace crashlab {

const std::string& own_program() {
  static const std::string path = [] {
    std::error_code error;
    const auto found = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) throw Failure("find this program by /proc/self/exe: " + error.message());
    return found.string();
  }();
  return path;
}

void fail_errno(const std::string& what) {
  throw Failure(what + ": " + std::strerror(errno));
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void write_all(int fd, std::span<const std::byte> bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;
    if (count <= 0) fail_errno(what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void write_all(int fd, std::string_view text, const std::string& what) {
  write_all(fd, std::as_bytes(std::span(text)), what);
}

void read_exactly(int fd, std::span<std::byte> bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) throw Failure(what + ": it ends too early");
    if (count < 0) fail_errno(what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::string kernel_release() {
  utsname names{};
  must(::uname(&names), "uname");
  return names.release;
}

std::string read_file(const std::string& path) {
  const UniqueFd fd(must(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open " + path));
  std::string text;
  char block[1 << 14];
  for (;;) {
    const ssize_t count = ::read(fd.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    must(count, "read " + path);
    if (count == 0) return text;
    text.append(block, static_cast<std::size_t>(count));
  }
}

void write_file(const std::string& path, std::string_view text) {
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  const UniqueFd fd(must(::open(path.c_str(), flags, 0600), "create " + path));
  write_all(fd.get(), text, "write " + path);
}

std::string random_name() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) fail_errno("getrandom");
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

}  // namespace crashlab
