// SPDX-License-Identifier: BSL-1.0
// The rows of the table of errors. docs/errors.md shows them; a test compares the two.
#include "base/advice.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace perdure {
namespace {

constexpr auto quota_exceeded = static_cast<std::errc>(EDQUOT);  // std::errc has no name for it
constexpr auto stale_handle = static_cast<std::errc>(ESTALE);

constexpr std::string_view any{};

constexpr Advice system_error(std::errc code, std::string_view step, std::string_view words) {
  return {ErrorKind::system, code, step, any, any, words};
}
constexpr Advice known(std::errc code, std::string_view fact, std::string_view words) {
  return {ErrorKind::system, code, any, fact, any, words};
}

using std::errc;

constexpr std::string_view other_owner =
    "write as the owner of the file or of the directory, or choose another directory";
constexpr std::string_view one_user =
    "all who use the lock are one user: remove a lock file of another, or give this user write "
    "permission for the directory";

constexpr std::array table{
    known(errc::operation_not_permitted, circumstance::sticky, other_owner),
    known(errc::permission_denied, circumstance::sticky, other_owner),
    known(errc::no_space_on_device, circumstance::no_inodes,
          "remove files on that file system (df -i shows its inodes)"),
    known(errc::no_such_file_or_directory, circumstance::private_directory_gone,
          "recover the root (perdure recover) to get an empty one"),
    Advice{ErrorKind::system, errc::too_many_symbolic_link_levels, any, circumstance::is_link,
           "no link is followed here", "name the file itself"},
    Advice{ErrorKind::system, errc::too_many_symbolic_link_levels, any,
           circumstance::link_on_the_way, "transactions follow no link beneath their root",
           "name the path behind the link, or make a root of what it leads to"},
    Advice{ErrorKind::system, errc::cross_device_link, any, circumstance::mount_on_the_way,
           "a transaction stays on the file system of its root",
           "make a root of what is mounted there"},
    Advice{ErrorKind::lock_timeout, errc::timed_out, any, any,
           "another program held the lock for as long as this one may wait",
           "try again later, or wait longer (lock_timeout_ms, lock_timeout, "
           "--lock-timeout)"},
    Advice{ErrorKind::stopped, errc::operation_canceled, any, any,
           "this program was told to stop (stop) while another one held the lock",
           "call again, with a stop that nobody has requested, to wait for it anew"},

    system_error(errc::no_such_file_or_directory, "open the directory",
                 "make the directory first, or have it made where that is offered "
                 "(make_parents, --parents)"),
    system_error(errc::no_such_file_or_directory, "use the target",
                 "a symbolic link there leads through a directory that does not exist: mend the "
                 "link"),
    system_error(errc::no_such_file_or_directory, "create a temp",
                 "somebody removed the directory in the meantime: make it again"),
    system_error(errc::no_such_file_or_directory, "remove the file",
                 "it is gone already, or has another name"),
    system_error(errc::no_such_file_or_directory, "check the transaction",
                 "check the path; a transaction makes a missing directory if it is told to "
                 "(make_directory, --parents)"),
    system_error(errc::no_such_file_or_directory, any, "check the path"),
    system_error(errc::not_a_directory, any,
                 "a file is where a directory should be: check the path"),
    system_error(errc::too_many_symbolic_link_levels, any,
                 "the links lead in a circle: mend one of them"),

    system_error(errc::permission_denied, "open the directory",
                 "perdure opens a directory for reading: give this user read and search "
                 "permission there (chmod u+rx), and search permission on the way"),
    system_error(errc::permission_denied, "create a temp",
                 "the temp lies beside the target: give this user write permission for the "
                 "directory"),
    system_error(errc::permission_denied, "read the file",
                 "give this user read permission for the file"),
    system_error(errc::permission_denied, "take the target's lock", one_user),
    system_error(errc::permission_denied, "take the state's lock", one_user),
    system_error(errc::permission_denied, any,
                 "check the permissions of the file and its directory"),
    system_error(errc::operation_not_permitted, any,
                 "check owner and attributes (lsattr shows immutable ones)"),

    system_error(errc::no_space_on_device, any, "free some space on that file system"),
    system_error(quota_exceeded, any, "free some space, or have the quota raised"),
    system_error(errc::file_too_large, any, "raise the limit of file size (ulimit -f)"),
    system_error(errc::too_many_files_open, any, "raise the limit of open files (ulimit -n)"),
    system_error(errc::filename_too_long, any, "choose a shorter name"),
    system_error(errc::read_only_file_system, any,
                 "remount it for writing or choose another place"),
    system_error(errc::io_error, any, "check the disk and the kernel's log"),
    system_error(stale_handle, any, "the server has lost the file: open it again"),
    system_error(errc::not_enough_memory, any, "it does not fit into the memory that is left"),
};

bool fits(const Advice& row, const Error& error) {
  const auto is = [](std::string_view wanted, const std::string& given) {
    return wanted.empty() || wanted == given;
  };
  return row.kind == error.kind && static_cast<int>(row.code) == error.cause.value() &&
         is(row.step, error.step) && is(row.circumstance, error.detail);
}

}  // namespace

std::span<const Advice> advice_table() noexcept {
  return table;
}

const Advice* advice_for(const Error& error) noexcept {
  if (error.cause.category() != std::generic_category()) return nullptr;
  const auto* const row =
      std::ranges::find_if(table, [&](const Advice& each) { return fits(each, error); });
  return row == table.end() ? nullptr : row;
}

}  // namespace perdure
