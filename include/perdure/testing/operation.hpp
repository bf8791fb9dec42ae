// SPDX-License-Identifier: BSL-1.0
// Each call of the seam by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/detail/language.hpp>

namespace perdure::testing {

/// The calls of FileSystem that can fail, by their names there.
enum class Operation : std::uint8_t {
  open_directory,
  open_beneath,
  create,
  create_unnamed,
  open_file,
  open_link,
  open_lock,
  close,
  read_at,
  write_at,
  preallocate,
  evict,
  start_writeback,
  await_writeback,
  sync_file,
  sync_data,
  sync_directory,
  sync_file_system,
  rename,
  link,
  unlink,
  make_directory,
  remove_directory,
  read_link,
  list,
  stat,
  stat_at,
  set_mode,
  set_owner,
  list_xattrs,
  list_xattrs_at,
  get_xattr,
  get_xattr_at,
  set_xattr,
  remove_xattr,
  try_lock,
  open_for_writing,
  describe,
  check_alive,
  make_symlink,
  copy_range,
  open_direct,
  write_through,
};

/// How many there are; they are numbered from 0.
inline constexpr std::size_t operation_count =
    static_cast<std::size_t>(Operation::write_through) + 1;

/// "sync_file", ...
[[nodiscard]] PERDURE_TESTING_API std::string_view to_string(Operation operation) noexcept;

/// The operation of that name; empty for any other word.
[[nodiscard]] PERDURE_TESTING_API std::optional<Operation> parse_operation(
    std::string_view word) noexcept;

/// Every operation, in the order of their numbers, for tests that go through them all.
[[nodiscard]] PERDURE_TESTING_API std::span<const Operation> all_operations() noexcept;

/// The errors (errno) that a test should make this call return. They are those in the manual pages
/// of its system calls that a correct call with valid handles can meet. EINTR is among them only
/// where the native file system hands it on; ENOSYS and EFAULT are not.
[[nodiscard]] PERDURE_TESTING_API std::span<const int> errors_of(Operation operation) noexcept;

/// "EIO", "ENOSPC", ...; "E?" for a number that no call of the seam returns.
[[nodiscard]] PERDURE_TESTING_API std::string_view errno_name(int error) noexcept;

}  // namespace perdure::testing
