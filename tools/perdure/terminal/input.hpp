// SPDX-License-Identifier: BSL-1.0
// The input of a write: a file or standard input.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <perdure/error.hpp>

namespace perdure::cli {

/// Where the new content comes from: a file, or standard input ("-"). Move-only.
class Input {
 public:
  static Result<Input> open(const std::string& path);

  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// Fills the front of `out`; 0 at the end. A directory is an error, not an empty file.
  Result<std::size_t> read(std::span<std::byte> out);

  /// Bytes to come, where the system knows: for regular files.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return size_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// An error that happened to this input; nothing was done to the target.
  [[nodiscard]] Error failure(std::string step, std::error_code cause) const;

 private:
  Input(int descriptor, bool owned, std::string name);

  int descriptor_;
  bool owned_;
  std::string name_;
  std::optional<std::uint64_t> size_;
};

}  // namespace perdure::cli
