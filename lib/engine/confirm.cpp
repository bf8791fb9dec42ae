// SPDX-License-Identifier: BSL-1.0
// Asks a file system whether it still takes changes, and remembers failed syncs.
#include "engine/confirm.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <new>
#include <optional>

namespace perdure {
namespace {

/// The last failed sync of one device. Never destroyed.
struct FailedDevice {
  const FileSystem* files;
  std::uint64_t device;
  std::atomic<std::uint64_t> last;
  FailedDevice* next;
};

/// The failed syncs of this process. Only failures let it grow, by one entry for each device; two
/// threads may add one device twice, and both entries count. It has no mutex: a forked child may
/// lack the thread that holds it, and would wait forever.
struct FailedSyncs {
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> last_unknown{0};  // of a device that could not be told
  std::atomic<FailedDevice*> devices{nullptr};

  std::atomic<std::uint64_t>& last_of(const FileSystem& files, std::uint64_t device) noexcept;
};

constinit FailedSyncs all_failed;

/// If there is no memory for an entry, the failure counts for all devices.
std::atomic<std::uint64_t>& FailedSyncs::last_of(const FileSystem& files,
                                                 std::uint64_t device) noexcept {
  FailedDevice* first = devices.load();
  for (FailedDevice* entry = first; entry != nullptr; entry = entry->next) {
    if (entry->files == &files && entry->device == device) return entry->last;
  }
  auto* const made = new (std::nothrow) FailedDevice{&files, device, {0}, first};
  if (made == nullptr) return last_unknown;
  while (!devices.compare_exchange_weak(made->next, made)) {
  }
  return made->last;
}

void raise(std::atomic<std::uint64_t>& value, std::uint64_t least) noexcept {
  for (std::uint64_t now = value.load(); now < least;) {
    if (value.compare_exchange_weak(now, least)) return;
  }
}

std::optional<std::uint64_t> device_of(FileSystem& files, Handle handle) {
  const auto status = files.stat(handle);
  return status ? std::optional(status.value().version.device) : std::nullopt;
}

enum class Answer : std::uint8_t { alive, dead, untold };

/// The meaning of each code; docs/failed-journals.md has the table.
Answer answer_of(const SysResult<void>& asked) {
  if (asked) return Answer::alive;
  // ext4 says EROFS, xfs EIO or EUCLEAN; a device that is gone ENODEV or ENXIO;
  // NFS ESTALE, FUSE without its server ENOTCONN or ECONNABORTED (fs/fuse/dev.c).
  constexpr std::array dead{EROFS,     EIO,    EUCLEAN,  ENODEV,      ENXIO,
                            ESHUTDOWN, ESTALE, ENOTCONN, ECONNABORTED};
  const bool is_dead = std::find(dead.begin(), dead.end(), asked.error().value()) != dead.end();
  return is_dead ? Answer::dead : Answer::untold;
}

/// To make a file without a name is a change, too, and needs only permission to write to the
/// directory.
SysResult<void> ask_for_file(FileSystem& files, Handle directory) {
  BOOST_OUTCOME_TRY(const Handle made, files.create_unnamed(directory, 0600));
  OwnedHandle(files, made).reset();
  return success();
}

}  // namespace

std::uint64_t failed_syncs() noexcept {
  return all_failed.count.load();
}

SysResult<void> noted(FileSystem& files, Handle handle, SysResult<void> synced) noexcept {
  if (synced || synced.error() == std::errc::invalid_argument) return synced;
  const auto device = device_of(files, handle);
  auto& last = device ? all_failed.last_of(files, *device) : all_failed.last_unknown;
  // A thread that sees the new count also sees the number. Two threads may give one number: a
  // commit that began between their counts began after both syncs had failed.
  raise(last, all_failed.count.load() + 1);
  all_failed.count.fetch_add(1);
  return synced;
}

SysResult<void> sync_entries(FileSystem& files, Handle directory) {
  return noted(files, directory, files.sync_directory(directory));
}

bool sync_failed_since(FileSystem& files, Handle directory, std::uint64_t mark) {
  if (all_failed.count.load() == mark) return false;
  const auto device = device_of(files, directory);
  if (!device || all_failed.last_unknown > mark) return true;
  for (auto* entry = all_failed.devices.load(); entry != nullptr; entry = entry->next) {
    const bool same = entry->files == &files && entry->device == *device;
    if (same && entry->last > mark) return true;
  }
  return false;
}

SysResult<bool> confirm_syncs(FileSystem& files, Handle directory, Handle temp,
                              std::uint64_t mark) {
  auto asked = files.check_alive(directory);
  if (answer_of(asked) == Answer::untold && temp != Handle::none) asked = files.check_alive(temp);
  if (answer_of(asked) == Answer::untold) asked = ask_for_file(files, directory);
  if (answer_of(asked) == Answer::dead) return asked.error();
  if (sync_failed_since(files, directory, mark)) return std::make_error_code(std::errc::io_error);
  return answer_of(asked) == Answer::alive;
}

Error explain_dead_journal(Error error) {
  error.detail =
      "the file system failed and takes no more changes, although "
      "the sync reported success; see "
      "the kernel's log, mount it again, then commit again";
  return error;
}

}  // namespace perdure
