// SPDX-License-Identifier: BSL-1.0
// Takes the lock file of a target by flock(2), and waits for it.
#include "engine/lock.hpp"

#include <algorithm>

#include "base/missing.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

/// A non-blocking flock does not queue. A program that saves in a loop takes the lock again at
/// once, and the others have only the moment in between: so they try often.
constexpr std::chrono::nanoseconds pause_min = std::chrono::microseconds(100);
constexpr std::chrono::nanoseconds pause_max = std::chrono::milliseconds(4);

/// Whether the locked file still bears the lock's name: someone may have deleted it by hand, and
/// the next taker would then lock another file.
SysResult<bool> still_named(FileSystem& files, Handle directory, const std::string& name,
                            const Status& locked) {
  const auto named = files.stat_at(directory, name);
  if (named) return named.value().version.same_file(locked.version);
  if (is_missing(named.error())) return false;
  return named.error();
}

}  // namespace

TargetKey::TargetKey(const Version& directory, const std::string& name)
    : device(directory.device), inode(directory.inode), folded(names::folded(name)), leaf(name) {}

SysResult<OwnedHandle> take_lock(FileSystem& files, Environment& environment, Handle directory,
                                 const std::string& leaf, LockMode mode,
                                 std::chrono::milliseconds timeout_ms) {
  using std::chrono::milliseconds;
  const std::string name = names::lock_of(leaf);
  const auto begin = environment.monotonic();
  OwnedHandle lock;
  Status status;
  auto pause = pause_min;
  while (true) {
    if (!lock) {
      BOOST_OUTCOME_TRY(const Handle opened, files.open_lock(directory, name));
      lock = OwnedHandle(files, opened);
      BOOST_OUTCOME_TRY(status, files.stat(opened));
      if (status.type != FileType::regular) return make_error_code(std::errc::not_supported);
    }
    const auto taken = files.try_lock(lock.get(), mode);
    if (taken) {
      BOOST_OUTCOME_TRY(const bool named, still_named(files, directory, name, status));
      if (named) return lock;
      lock.reset();
    } else if (taken.error() != std::errc::operation_would_block) {
      return taken.error();
    }
    // Compared in milliseconds: the longest timeout is beyond what nanoseconds can count.
    const auto waited = environment.monotonic() - begin;
    const auto whole = std::chrono::floor<milliseconds>(waited);
    if (whole >= timeout_ms) return make_error_code(std::errc::timed_out);
    const auto left = timeout_ms - whole;
    environment.sleep(left < milliseconds(100) ? std::min(pause, left - (waited - whole)) : pause);
    pause = std::min(pause * 3 / 2, pause_max);
  }
}

Result<OwnedHandle> take_target_lock(FileSystem& files, Environment& environment, Handle directory,
                                     const std::string& leaf, std::chrono::milliseconds timeout_ms,
                                     const std::function<Error(std::error_code)>& failure,
                                     std::string_view held) {
  auto taken = take_lock(files, environment, directory, leaf, LockMode::exclusive, timeout_ms);
  if (taken) return std::move(taken.value());
  Error error = failure(taken.error());
  if (taken.error() == std::errc::timed_out) {
    error.kind = ErrorKind::lock_timeout;
    if (!held.empty()) error.detail = held;
  }
  return error;
}

}  // namespace perdure
