// SPDX-License-Identifier: BSL-1.0
// A descriptor of our own that is only read from, closed with its scope.
#pragma once

#include <unistd.h>

namespace perdure {

/// Owns a descriptor, or -1. The end of the scope closes it, also after an exception.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);  // nothing was written: nothing can be lost
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace perdure
