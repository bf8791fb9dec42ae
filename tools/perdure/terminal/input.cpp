// SPDX-License-Identifier: BSL-1.0
// Reads a file or standard input in blocks.
#include "terminal/input.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace perdure::cli {

namespace {

std::error_code last_error() {
  return {errno, std::generic_category()};
}

std::optional<std::uint64_t> bytes_to_come(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const off_t position = ::lseek(descriptor, 0, SEEK_CUR);
  if (position < 0 || position > status.st_size) return {};
  return static_cast<std::uint64_t>(status.st_size - position);
}

}  // namespace

Input::Input(int descriptor, bool owned, std::string name)
    : descriptor_(descriptor),
      owned_(owned),
      name_(std::move(name)),
      size_(bytes_to_come(descriptor)) {
  (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);  // a pipe says no: no harm
}

Input::Input(Input&& other) noexcept
    : descriptor_(other.descriptor_),
      owned_(std::exchange(other.owned_, false)),
      name_(std::move(other.name_)),
      size_(other.size_) {}

Input::~Input() {
  if (owned_) ::close(descriptor_);  // only read from: nothing can be lost
}

Result<Input> Input::open(const std::string& path) {
  if (path == "-") return Input(STDIN_FILENO, false, "standard input");
  int descriptor = -1;
  do {  // the open of a FIFO waits for its writer, and a signal may cut that short
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) {
    const std::error_code cause = last_error();
    return Error{.cause = cause, .step = "open the input", .path = path, .detail = {}};
  }
  return Input(descriptor, true, path);
}

Result<std::size_t> Input::read(std::span<std::byte> out) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, out.data(), out.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return failure("read the input", last_error());
  }
}

Error Input::failure(std::string step, std::error_code cause) const {
  return {.cause = cause, .step = std::move(step), .path = name_, .detail = {}};
}

}  // namespace perdure::cli
