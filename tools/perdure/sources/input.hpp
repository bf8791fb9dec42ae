// SPDX-License-Identifier: BSL-1.0
// The input of a write: a file or standard input.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <perdure/error.hpp>

namespace perdure::cli {

/// The source of the new content: a file, or standard input ("-"). Move-only.
class Input {
 public:
  /// Which named pipes may be opened.
  enum class Pipes {
    all,
    /// Pipes of this user or of root. The maker of any other pipe would decide when the input ends.
    own,
  };
  /// Waits for the writer of a named pipe, and for another program that has a lease on the file
  /// (fcntl(2)). Call it before anything is held for which others wait.
  static Result<Input> open(const std::string& path, Pipes pipes = Pipes::all);

  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// Fills the front of `out`; 0 at the end. A directory is an error, not an empty file.
  Result<std::size_t> read(std::span<std::byte> out);

  /// The bytes still to come, for regular files.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return size_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// The permission bits that a new file with this content gets, less the umask. They are those of
  /// the file that was opened by its path; otherwise 0666.
  [[nodiscard]] std::uint32_t mode() const noexcept { return mode_; }
  /// An error that happened to this input; nothing was done to the target.
  [[nodiscard]] Error failure(std::string step, std::error_code cause) const;

 private:
  Input(int descriptor, bool owned, std::string name);

  int descriptor_;
  bool owned_;
  std::string name_;
  std::optional<std::uint64_t> size_;
  std::uint32_t mode_ = 0666;
};

}  // namespace perdure::cli
