// SPDX-License-Identifier: BSL-1.0
#include "confirm.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace perdure {
namespace {

/// The failed syncs of this process. Grows with failures alone, by one entry for each device.
struct FailedSyncs {
  std::atomic<std::uint64_t> count{0};
  std::mutex mutex;  // guards what follows
  std::map<std::pair<const FileSystem*, std::uint64_t>, std::uint64_t> last{};  // by device
  std::uint64_t last_unknown = 0;  // of a device that could not be told
};

FailedSyncs& all_failed() noexcept {
  static FailedSyncs failed;
  return failed;
}

std::optional<std::uint64_t> device_of(FileSystem& files, Handle handle) {
  const auto status = files.stat(handle);
  return status ? std::optional(status.value().version.device) : std::nullopt;
}

enum class Answer : std::uint8_t { alive, dead, untold };

/// For each code what it means; docs/failed-journals.md has the table.
Answer answer_of(const SysResult<void>& asked) {
  if (asked) return Answer::alive;
  // ext4 says EROFS, xfs EIO or EUCLEAN; a device that is gone ENODEV or ENXIO; NFS ESTALE.
  constexpr std::array dead{EROFS, EIO, EUCLEAN, ENODEV, ENXIO, ESHUTDOWN, ESTALE};
  const bool is_dead = std::find(dead.begin(), dead.end(), asked.error().value()) != dead.end();
  return is_dead ? Answer::dead : Answer::untold;
}

/// A file without a name is a change, too, which takes no permission but the directory's.
SysResult<void> ask_for_file(FileSystem& files, Handle directory) {
  BOOST_OUTCOME_TRY(const Handle made, files.create_unnamed(directory, 0600));
  OwnedHandle(files, made).reset();
  return success();
}

}  // namespace

std::uint64_t failed_syncs() noexcept {
  return all_failed().count.load();
}

void note_failed_sync(FileSystem& files, Handle handle) noexcept {
  FailedSyncs& failed = all_failed();
  const auto device = device_of(files, handle);
  const std::lock_guard lock(failed.mutex);
  const std::uint64_t number = failed.count.load() + 1;
  try {
    if (device) {
      failed.last[{&files, *device}] = number;
    } else {
      failed.last_unknown = number;
    }
  } catch (...) {  // without memory for it, it counts for all devices
    failed.last_unknown = number;
  }
  failed.count.store(number);
}

bool sync_failed_since(FileSystem& files, Handle directory, std::uint64_t mark) {
  FailedSyncs& failed = all_failed();
  if (failed.count.load() == mark) return false;
  const auto device = device_of(files, directory);
  const std::lock_guard lock(failed.mutex);
  if (!device || failed.last_unknown > mark) return true;
  const auto found = failed.last.find({&files, *device});
  return found != failed.last.end() && found->second > mark;
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
      "the file system failed and takes no more changes, although the sync reported success; see "
      "the kernel's log, mount it again, then commit again";
  return error;
}

}  // namespace perdure
