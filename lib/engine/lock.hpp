// SPDX-License-Identifier: BSL-1.0
// The lock of a target, and the order in which several are taken.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/lock_wait.hpp>
#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>

#include "base/internal.hpp"

namespace perdure {

class Observer;

/// The identity of a target, whatever path led to it: one directory has one device and inode, also
/// through links and bind mounts. Two hard links of a file are two targets.
///
/// A thread that holds several locks of targets takes them in the order of these keys, so that no
/// two threads wait for each other. The case of ASCII letters comes last, since a directory may
/// take `A` and `a` for one name, with one lock.
struct TargetKey {
  TargetKey(const Version& directory, const std::string& leaf);

  std::uint64_t device;
  std::uint64_t inode;  ///< Of the directory.
  std::string folded;   ///< The leaf in lower case.
  std::string leaf;

  friend auto operator<=>(const TargetKey&, const TargetKey&) = default;  // NOLINT(*-use-nullptr)
};

/// Takes the lock of the target `leaf` in `directory`, through its lock file: 0600, made when it is
/// missing, never unlinked by us. It excludes threads as well as processes, since each taker opens
/// the file anew and flock(2) belongs to the open file. Released by closing the handle. If root
/// makes the lock file, it belongs to the keeper of the place (trust.hpp).
///
/// ETIMEDOUT when others held the lock for as long as `wait` says. ECANCELED when `wait.stop` ended
/// the wait; it is asked before each pause. ENOTSUP when the file of the lock's name is not a
/// regular file. EACCES when that file is another user's, and this user can't open it or must not
/// believe it. Looks at the directory where it needs `directory_status` and that is empty. `waited`
/// gets the time if others held it.
SysResult<OwnedHandle> take_lock(FileSystem& files, Environment& environment, Handle directory,
                                 const std::string& leaf, LockMode mode, const LockWait& wait,
                                 std::optional<Status> directory_status = {},
                                 std::chrono::nanoseconds* waited = nullptr);

/// The same, exclusive, for a caller that returns errors. `failure` makes the error from its cause.
/// When the wait ended without the lock, its kind becomes ErrorKind::lock_timeout or
/// ErrorKind::stopped, and its detail says `held`, unless that is empty. Where another user has the
/// lock file, the detail names both. `observer` is told of a wait.
PERDURE_INTERNAL_API Result<OwnedHandle> take_target_lock(
    FileSystem& files, Environment& environment, Handle directory, const std::string& leaf,
    const LockWait& wait, const std::function<Error(std::error_code)>& failure, Observer* observer,
    std::string_view held = {}, const std::optional<Status>& directory_status = {});

}  // namespace perdure
