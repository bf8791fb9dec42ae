// SPDX-License-Identifier: BSL-1.0
// Takes the lock file of a target by flock(2), and waits for it.
#include "engine/lock.hpp"

#include <algorithm>

#include <perdure/system/observer.hpp>

#include "base/missing.hpp"
#include "engine/fresh_file.hpp"
#include "engine/names.hpp"
#include "engine/trust.hpp"
#include "engine/unlink.hpp"

namespace perdure {
namespace {

/// A non-blocking flock does not queue. A program that saves in a loop takes the lock again at
/// once, and others have only the moment in between. So waiting calls try often.
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

/// Makes the lock file where there is none. A file for a keeper gets its name only when the keeper
/// owns it, since he may open it at any moment. EEXIST when somebody else has made it.
SysResult<OwnedHandle> make_lock(FileSystem& files, Environment& environment, Handle directory,
                                 const std::string& leaf, const std::string& name) {
  constexpr std::uint32_t mode = 0600;
  BOOST_OUTCOME_TRY(const auto keeper, keeper_at(files, directory, leaf));
  if (!keeper) {
    BOOST_OUTCOME_TRY(const Handle made, files.create(directory, name, mode));
    return OwnedHandle(files, made);
  }
  BOOST_OUTCOME_TRY(FreshFile fresh, make_fresh_file(files, directory, leaf, environment, mode));
  auto named = give_to(files, fresh.handle.get(), *keeper);
  if (named) named = files.rename(directory, fresh.name, directory, name, RenameMode::no_replace);
  if (!named && (named.error() == std::errc::invalid_argument ||
                 named.error() == std::errc::function_not_supported)) {
    named = files.link(directory, fresh.name, directory, name);  // NFS, ZFS; FAT has no links
  }
  const auto removed = unlink_if_there(files, directory, fresh.name);
  if (!named) return named.error();
  if (!removed) return removed.error();
  return std::move(fresh.handle);
}

/// Opens the lock file, and makes it if it is missing. It takes two calls: in a sticky directory
/// O_CREAT is refused for another user's file, even to root (protected_regular in sysctl/fs of the
/// kernel).
SysResult<OwnedHandle> open_or_make(FileSystem& files, Environment& environment, Handle directory,
                                    const std::string& leaf, const std::string& name) {
  constexpr int attempts_max = 100;
  for (int attempt = 1;; ++attempt) {
    const auto opened = files.open_lock(directory, name);
    if (opened) return OwnedHandle(files, opened.value());
    if (!is_missing(opened.error())) return opened.error();
    auto made = make_lock(files, environment, directory, leaf, name);
    if (made) return std::move(made.value());
    // Somebody made the file, and somebody, by hand or by `clean`, may have removed it since: try
    // again.
    if (made.error() != std::errc::file_exists || attempt == attempts_max) return made.error();
  }
}

/// The owner of a lock file can unlink it and make another one, so that two hold "the" lock.
SysResult<bool> may_believe(FileSystem& files, Handle directory, std::uint32_t owner,
                            std::optional<Status>& directory_status) {
  if (!directory_status) {
    if (is_user_or_root(files, owner)) return true;
    BOOST_OUTCOME_TRY(directory_status, files.stat(directory));
  }
  return is_owner_trusted(files, *directory_status, owner);
}

/// Says whose lock file it is, where this user may not open it or must not believe it.
void explain_refusal(Error& error, FileSystem& files, Handle directory, const std::string& leaf) {
  const std::string name = names::lock_of(leaf);
  const auto status = files.stat_at(directory, name);
  if (!status) return;
  error.detail = "its lock file '" + name + "' belongs to user " +
                 std::to_string(status.value().owner) +
                 ": give it to the user who is to commit here (chown), or remove it while nobody "
                 "commits";
}

}  // namespace

TargetKey::TargetKey(const Version& directory, const std::string& name)
    : device(directory.device), inode(directory.inode), folded(names::folded(name)), leaf(name) {}

SysResult<OwnedHandle> take_lock(FileSystem& files, Environment& environment, Handle directory,
                                 const std::string& leaf, LockMode mode, const LockWait& wait,
                                 std::optional<Status> directory_status,
                                 std::chrono::nanoseconds* waited_for) {
  using std::chrono::milliseconds;
  const std::string name = names::lock_of(leaf);
  const auto begin = environment.monotonic();
  OwnedHandle lock;
  Status status;
  auto pause = pause_min;
  while (true) {
    if (!lock) {
      BOOST_OUTCOME_TRY(lock, open_or_make(files, environment, directory, leaf, name));
      BOOST_OUTCOME_TRY(status, files.stat(lock.get()));
      if (status.type != FileType::regular) return make_error_code(std::errc::not_supported);
      BOOST_OUTCOME_TRY(const bool believed,
                        may_believe(files, directory, status.owner, directory_status));
      if (!believed) return make_error_code(std::errc::permission_denied);
    }
    const auto taken = files.try_lock(lock.get(), mode);
    if (taken) {
      BOOST_OUTCOME_TRY(const bool named, still_named(files, directory, name, status));
      if (named) {
        if (waited_for != nullptr && pause != pause_min) {
          *waited_for = environment.monotonic() - begin;
        }
        return lock;
      }
      lock.reset();
    } else if (taken.error() != std::errc::operation_would_block) {
      return taken.error();
    }
    // Compared in milliseconds, since nanoseconds can't count the longest timeout.
    const auto waited = environment.monotonic() - begin;
    const auto waited_ms = std::chrono::floor<milliseconds>(waited);
    if (waited_ms >= wait.timeout_ms) return make_error_code(std::errc::timed_out);
    if (wait.stop.is_met()) return make_error_code(std::errc::operation_canceled);
    const auto left = wait.timeout_ms - waited_ms;
    environment.sleep(left < milliseconds(100) ? std::min(pause, left - (waited - waited_ms))
                                               : pause);
    pause = std::min(pause * 3 / 2, pause_max);
  }
}

Result<OwnedHandle> take_target_lock(FileSystem& files, Environment& environment, Handle directory,
                                     const std::string& leaf, const LockWait& wait,
                                     const std::function<Error(std::error_code)>& failure,
                                     Observer* observer, std::string_view held,
                                     const std::optional<Status>& directory_status) {
  std::chrono::nanoseconds waited{};
  auto taken = take_lock(files, environment, directory, leaf, LockMode::exclusive, wait,
                         directory_status, observer != nullptr ? &waited : nullptr);
  if (taken) {
    if (waited.count() > 0) observer->waited_for_lock(failure({}).path, waited);
    return std::move(taken.value());
  }
  Error error = failure(taken.error());
  const bool stopped = taken.error() == std::errc::operation_canceled;
  if (stopped || taken.error() == std::errc::timed_out) {
    error.kind = stopped ? ErrorKind::stopped : ErrorKind::lock_timeout;
    if (!held.empty()) error.detail = held;
  } else if (taken.error() == std::errc::permission_denied) {
    explain_refusal(error, files, directory, leaf);
  }
  return error;
}

}  // namespace perdure
