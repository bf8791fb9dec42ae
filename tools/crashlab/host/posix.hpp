// SPDX-License-Identifier: BSL-1.0
// Helpers around the operating system for every part of the laboratory: descriptors, failures,
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace crashlab {

/// A reason why the laboratory can't work here; its text says the reason and what to do. Never a
/// finding about the workload: such findings are violations.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws a Failure "WHAT: the text of errno".
[[noreturn]] void fail_errno(const std::string& what);

/// Passes a system call's result on, or throws the Failure for errno.
template <class Number>
Number must(Number result, const std::string& what) {
  if (result < 0) fail_errno(what);
  return result;
}

/// The path of this program, found at the first call, which main makes. In a mount name space of
/// its own the kernel would tell the path in the old one. Beneath a chroot that path leads nowhere
/// (proc_exe_link in the kernel's fs/proc/base.c). Throws a Failure where /proc does not tell it.
const std::string& own_program();

/// Owns one descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start);

/// Writes everything or throws.
void write_all(int fd, std::span<const std::byte> bytes, const std::string& what);
void write_all(int fd, std::string_view text, const std::string& what);

/// Reads exactly this many bytes or throws; end of file is a failure as well.
void read_exactly(int fd, std::span<std::byte> bytes, const std::string& what);

std::string read_file(const std::string& path);
/// A new or emptied file of mode 0600 with this content. Not durable: the run directory is
/// volatile.
void write_file(const std::string& path, std::string_view text);

/// The release of the running kernel, as uname(2) has it.
std::string kernel_release();

/// 64 unguessable bits in hexadecimal.
std::string random_name();

/// Steps of a seeded sequence that is the same on every machine (splitmix64).
std::uint64_t next_random(std::uint64_t& state);

}  // namespace crashlab
