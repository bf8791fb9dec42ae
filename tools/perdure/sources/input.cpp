// SPDX-License-Identifier: BSL-1.0
// Reads a file or standard input in blocks.
#include "sources/input.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace perdure::cli {

namespace {

constexpr const char* open_step = "open the input";

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

int open_file(const std::string& path, int flags) {
  int descriptor = -1;
  do {  // a signal may cut an open short that waits
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// Waits until a named pipe has something to read, or had a writer. Before that, poll(2) does not
/// report the end, but read(2) would.
int wait_for_writer(int descriptor) {
  pollfd watched{.fd = descriptor, .events = POLLIN, .revents = 0};
  int ready = -1;
  do {
    ready = ::poll(&watched, 1, -1);
  } while (ready < 0 && errno == EINTR);
  return ready;
}

}  // namespace

Input::Input(int descriptor, bool owned, std::string name)
    : descriptor_(descriptor),
      owned_(owned),
      name_(std::move(name)),
      size_(bytes_to_come(descriptor)) {
  // a pipe refuses it, which does no harm
  (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
}

Input::Input(Input&& other) noexcept
    : descriptor_(other.descriptor_),
      owned_(std::exchange(other.owned_, false)),
      name_(std::move(other.name_)),
      size_(other.size_),
      mode_(other.mode_) {}

Input::~Input() {
  if (owned_) ::close(descriptor_);  // only read from: nothing can be lost
}

Result<Input> Input::open(const std::string& path, Pipes pipes) {
  if (path == "-") return Input(STDIN_FILENO, false, "standard input");
  int descriptor = open_file(path, O_NONBLOCK);
  // Another program has a lease on the file: this open waits until it gives the lease back, or the
  // kernel takes it.
  if (descriptor < 0 && errno == EWOULDBLOCK) descriptor = open_file(path, 0);
  const std::error_code cause = descriptor < 0 ? last_error() : std::error_code();
  if (cause) return Error{.cause = cause, .step = open_step, .path = path, .detail = {}};
  Input input(descriptor, true, path);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return input.failure(open_step, last_error());
  if (S_ISREG(status.st_mode)) input.mode_ = status.st_mode & 0777U;
  const bool pipe = S_ISFIFO(status.st_mode);
  if (pipe && pipes == Pipes::own && status.st_uid != ::geteuid() && status.st_uid != 0) {
    Error error = input.failure(open_step, {});
    error.kind = ErrorKind::not_regular;
    error.detail =
        "it is another user's pipe, which could keep the root locked; read it into a file first";
    return error;
  }
  if (pipe && wait_for_writer(descriptor) < 0) return input.failure(open_step, last_error());
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) < 0) {
    return input.failure(open_step, last_error());
  }
  return input;
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
