// SPDX-License-Identifier: BSL-1.0
// The names of calls, and the errors that each can return.
#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include <perdure/testing/operation.hpp>

namespace perdure::testing {

namespace {

// open(2), openat(2): the errors of permissions, limits and the path itself.
constexpr auto opening = std::to_array(
    {EACCES, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, EIO, ENOTDIR, ENAMETOOLONG, EINTR});
constexpr auto opening_beneath = std::to_array(
    {EACCES, EAGAIN, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, EIO, ENOTDIR, EXDEV, EINTR});
constexpr auto creating_unnamed =
    std::to_array({EACCES, EMFILE, ENFILE, ENOSPC, EDQUOT, EROFS, EOPNOTSUPP, EPERM, EIO});
constexpr auto creating = std::to_array(
    {EACCES, EEXIST, EMFILE, ENFILE, ENOSPC, EDQUOT, EROFS, ENOENT, ENAMETOOLONG, EPERM, EIO});
constexpr auto locking_open = std::to_array({EACCES, ELOOP, EMFILE, ENFILE, EROFS, EISDIR, EIO});
constexpr auto opening_direct =
    std::to_array({EACCES, EINVAL, ELOOP, EMFILE, ENFILE, ENOENT, EROFS, EIO});
constexpr auto closing = std::to_array({EIO, ENOSPC, EDQUOT, EINTR});
constexpr auto reading = std::to_array({EIO, EISDIR, EINTR, ESTALE});
constexpr auto writing = std::to_array({EIO, ENOSPC, EDQUOT, EFBIG, EPERM, EINTR});
constexpr auto writing_through =
    std::to_array({EIO, EINVAL, EOPNOTSUPP, ENOSPC, EDQUOT, EPERM, EROFS});
constexpr auto copying =
    std::to_array({EIO, ENOSPC, EDQUOT, EFBIG, EXDEV, EINVAL, EOPNOTSUPP, ENOMEM, EPERM});
constexpr auto allocating =
    std::to_array({EIO, ENOSPC, EDQUOT, EFBIG, EOPNOTSUPP, EINTR, EPERM, ENODEV});
constexpr auto evicting = std::to_array({EIO, EINVAL, ESPIPE});
constexpr auto writing_back = std::to_array({EIO, ENOSPC, EDQUOT, ENOMEM});
constexpr auto syncing = std::to_array({EIO, ENOSPC, EDQUOT, EROFS, EINVAL, EINTR});
constexpr auto renaming = std::to_array({EACCES, EBUSY, EDQUOT, EEXIST, EINVAL, EISDIR, ENOENT,
                                         ENOSPC, EPERM, EROFS, EXDEV, EIO, ENOTEMPTY});
constexpr auto linking = std::to_array({EACCES, EDQUOT, EEXIST, EMLINK, ENOENT, ENOSPC, EPERM,
                                        EROFS, EXDEV, EIO, EOPNOTSUPP, ENAMETOOLONG});
constexpr auto unlinking = std::to_array({EACCES, EBUSY, EIO, EISDIR, ENOENT, EPERM, EROFS});
constexpr auto making = std::to_array(
    {EACCES, EDQUOT, EEXIST, EMLINK, ENOENT, ENOSPC, EPERM, EROFS, EIO, ENAMETOOLONG});
constexpr auto removing =
    std::to_array({EACCES, EBUSY, EIO, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EROFS});
constexpr auto link_reading = std::to_array({EACCES, EIO, ENOENT, ENOMEM});
constexpr auto listing = std::to_array({EIO, ENOENT, ENOMEM, EACCES});
constexpr auto asking = std::to_array({EIO, ENOMEM, EOVERFLOW, ESTALE});
constexpr auto asking_at = std::to_array({EACCES, EIO, ENOENT, ENOMEM, ENAMETOOLONG});
constexpr auto moding = std::to_array({EIO, EPERM, EROFS, EOPNOTSUPP});
constexpr auto owning = std::to_array({EIO, EPERM, EROFS, EDQUOT, EINVAL});
constexpr auto attribute_listing = std::to_array({EIO, E2BIG, ENOMEM, EOPNOTSUPP});
constexpr auto attribute_reading =
    std::to_array({EIO, ENODATA, E2BIG, ERANGE, EOPNOTSUPP, EACCES, EPERM});
constexpr auto attribute_setting =
    std::to_array({EIO, EDQUOT, ENOSPC, EPERM, EACCES, EROFS, EOPNOTSUPP, E2BIG, ERANGE, EINVAL});
constexpr auto alive_checking = std::to_array({EROFS, EIO, EPERM, EACCES, EOPNOTSUPP, ENOMEM});
constexpr auto attribute_removing = std::to_array({EIO, ENODATA, EPERM, EACCES, EROFS, EOPNOTSUPP});
constexpr auto locking = std::to_array({EWOULDBLOCK, EINTR, ENOLCK, EOPNOTSUPP});
constexpr auto lease_asking = std::to_array({EACCES, EINVAL, EPERM, EAGAIN});
constexpr auto describing = std::to_array({EIO, ENOMEM, EACCES, ENOENT, EOVERFLOW});

struct Row {
  std::string_view word;
  std::span<const int> errors;
};

constexpr std::array<Row, operation_count> rows{{
    {"open_directory", opening},
    {"open_beneath", opening_beneath},
    {"create", creating},
    {"create_unnamed", creating_unnamed},
    {"open_file", opening},
    {"open_link", opening},
    {"open_lock", locking_open},
    {"close", closing},
    {"read_at", reading},
    {"write_at", writing},
    {"preallocate", allocating},
    {"evict", evicting},
    {"start_writeback", writing_back},
    {"await_writeback", writing_back},
    {"sync_file", syncing},
    {"sync_data", syncing},
    {"sync_directory", syncing},
    {"sync_file_system", syncing},
    {"rename", renaming},
    {"link", linking},
    {"unlink", unlinking},
    {"make_directory", making},
    {"remove_directory", removing},
    {"read_link", link_reading},
    {"list", listing},
    {"stat", asking},
    {"stat_at", asking_at},
    {"set_mode", moding},
    {"set_owner", owning},
    {"list_xattrs", attribute_listing},
    {"list_xattrs_at", attribute_listing},
    {"get_xattr", attribute_reading},
    {"get_xattr_at", attribute_reading},
    {"set_xattr", attribute_setting},
    {"remove_xattr", attribute_removing},
    {"try_lock", locking},
    {"open_for_writing", lease_asking},
    {"describe", describing},
    {"check_alive", alive_checking},
    {"make_symlink", making},
    {"copy_range", copying},
    {"open_direct", opening_direct},
    {"write_through", writing_through},
}};

constexpr auto every_operation = [] {
  std::array<Operation, operation_count> all{};
  for (std::size_t i = 0; i < operation_count; ++i) all[i] = static_cast<Operation>(i);
  return all;
}();

constexpr auto errno_names = std::to_array<std::pair<int, std::string_view>>({
    {EPERM, "EPERM"},
    {ENOENT, "ENOENT"},
    {EINTR, "EINTR"},
    {EIO, "EIO"},
    {E2BIG, "E2BIG"},
    {EBADF, "EBADF"},
    {EAGAIN, "EAGAIN"},
    {ENOMEM, "ENOMEM"},
    {EACCES, "EACCES"},
    {EBUSY, "EBUSY"},
    {EEXIST, "EEXIST"},
    {EXDEV, "EXDEV"},
    {ENODEV, "ENODEV"},
    {ENOTDIR, "ENOTDIR"},
    {EISDIR, "EISDIR"},
    {EINVAL, "EINVAL"},
    {ENFILE, "ENFILE"},
    {EMFILE, "EMFILE"},
    {EFBIG, "EFBIG"},
    {ENOSPC, "ENOSPC"},
    {ESPIPE, "ESPIPE"},
    {EROFS, "EROFS"},
    {EMLINK, "EMLINK"},
    {ERANGE, "ERANGE"},
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOLCK, "ENOLCK"},
    {ENOSYS, "ENOSYS"},
    {ENOTEMPTY, "ENOTEMPTY"},
    {ELOOP, "ELOOP"},
    {ENODATA, "ENODATA"},
    {EOVERFLOW, "EOVERFLOW"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
    {ESTALE, "ESTALE"},
    {EDQUOT, "EDQUOT"},
    {ETXTBSY, "ETXTBSY"},
    {ETIMEDOUT, "ETIMEDOUT"},
});

}  // namespace

std::string_view to_string(Operation operation) noexcept {
  return rows[static_cast<std::size_t>(operation)].word;
}

std::optional<Operation> parse_operation(std::string_view word) noexcept {
  const auto* const row = std::ranges::find(rows, word, &Row::word);
  if (row == rows.end()) return std::nullopt;
  return static_cast<Operation>(std::distance(rows.begin(), row));
}

std::span<const Operation> all_operations() noexcept {
  return every_operation;
}

std::span<const int> errors_of(Operation operation) noexcept {
  return rows[static_cast<std::size_t>(operation)].errors;
}

std::string_view errno_name(int error) noexcept {
  for (const auto& [code, word] : errno_names) {
    if (code == error) return word;
  }
  return "E?";
}

}  // namespace perdure::testing
