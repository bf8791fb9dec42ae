// SPDX-License-Identifier: BSL-1.0
// Remembers stamps of files and directories, and syncs those whose stamps changed.
#include "log/known_durable.hpp"

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "make durable what is there";
/// Beyond this number everything is forgotten, and synced again when it is seen again.
constexpr std::size_t known_max = 100'000;

}  // namespace

void KnownDurable::forget() {
  failed_ = false;
  files_.clear();
  stamps_.clear();
  ways_.clear();
  unchanged_.clear();
}

bool KnownDurable::is_known(const std::string& path, const Status& found) const {
  const auto known = files_.find(path);
  return known != files_.end() && known->second == before_of(found.version);
}

bool KnownDurable::is_unchanged(Directories& directories, const std::string& parent) {
  const auto known = stamps_.find(parent);
  if (known == stamps_.end()) return false;
  const auto opened = directories.open(parent);
  if (!opened) return false;
  const auto status = root_.files.stat(opened.value());
  return status && has_stamps_of(status.value(), known->second);
}

Result<std::optional<Status>> KnownDurable::look(Directories& directories,
                                                 const std::string& path) {
  if (files_.size() > known_max || ways_.size() > known_max) forget();
  const std::string parent = parent_of(path);
  BOOST_OUTCOME_TRY(sync_way(directories, parent));
  // So many looks are made at a file that somebody changes all the time.
  constexpr int looks_max = 100;
  BOOST_OUTCOME_TRY(auto found, root_.checked(step, path, directories.stat(path)));
  for (int looks = 0; looks < looks_max; ++looks) {
    if (found && found->type == FileType::directory) return found;
    if (found ? is_known(path, *found) : is_unchanged(directories, parent)) return found;
    if (found && found->type == FileType::regular) {
      BOOST_OUTCOME_TRY(sync_file(directories, path));
    }
    BOOST_OUTCOME_TRY(sync_directory(directories, parent));
    BOOST_OUTCOME_TRY(auto again, root_.checked(step, path, directories.stat(path)));
    const bool same = found && again ? before_of(found->version) == before_of(again->version)
                                     : found.has_value() == again.has_value();
    found = std::move(again);
    if (!same) continue;
    if (found) files_.insert_or_assign(path, before_of(found->version));
    return found;
  }
  return root_.failure(step, path, ErrorKind::conflict,
                       "somebody else changes it, or its directory, all the time; try again");
}

/// A power cut that takes a directory away takes its files, too. So each directory on the way is
/// made durable in its parent.
Result<void> KnownDurable::sync_way(Directories& directories, const std::string& parent) {
  for (std::string at = parent; !at.empty(); at = parent_of(at)) {
    BOOST_OUTCOME_TRY(const auto status, root_.checked(step, at, directories.stat(at)));
    if (!status) return success();  // it will be made by the record
    const Identity identity = identity_of(status->version);
    if (const auto known = ways_.find(at); known != ways_.end() && known->second == identity) {
      return success();  // and those above it
    }
    BOOST_OUTCOME_TRY(sync_directory(directories, parent_of(at)));
    ways_.insert_or_assign(at, identity);
  }
  return success();
}

Result<void> KnownDurable::sync_file(Directories& directories, const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle directory,
                    root_.checked(step, path, directories.open(parent_of(path))));
  const auto opened = root_.files.open_file(directory, leaf_of(path));
  if (!opened && is_missing(opened.error())) return success();  // the next look tells
  if (!opened) return root_.failure(step, path, opened.error());
  const OwnedHandle file(root_.files, opened.value());
  const auto synced = noted(root_.files, file.get(), root_.files.sync_file(file.get()));
  failed_ = failed_ || !synced;
  return root_.checked(step, path, synced);
}

Result<void> KnownDurable::sync_directory(Directories& directories, const std::string& path) {
  stamps_.erase(path);
  const auto opened = directories.open(path);
  if (!opened && is_missing(opened.error())) return success();
  if (!opened) return root_.failure(step, path, opened.error());
  BOOST_OUTCOME_TRY(const Status status,
                    root_.checked(step, path, root_.files.stat(opened.value())));
  const auto synced = sync_entries(root_.files, opened.value());
  failed_ = failed_ || !synced;
  BOOST_OUTCOME_TRY(root_.checked(step, path, synced));
  // On a coarse clock the next change may leave the same stamps: then it is synced each time.
  if (is_settled(root_.files, opened.value(), status)) {
    stamps_.insert_or_assign(path, status.version);
  }
  return success();
}

void KnownDurable::before_change(Directories& directories, const JournalEntry& entry) {
  const std::string parent = parent_of(entry.path);
  if (is_unchanged(directories, parent)) {
    unchanged_.insert(parent);
  } else {
    stamps_.erase(parent);
  }
}

void KnownDurable::after_change(Directories& directories, const JournalEntry& entry) {
  if (entry.action == JournalAction::put) {
    files_.insert_or_assign(
        entry.path, Before{entry.staged_identity, entry.staged_size, entry.staged_mtime_ns});
  } else {
    files_.erase(entry.path);
  }
  if (entry.action == JournalAction::make_directory) {
    const auto made = directories.stat(entry.path);
    if (made && made.value()) {
      ways_.insert_or_assign(entry.path, identity_of(made.value()->version));
    }
  }
  const std::string parent = parent_of(entry.path);
  if (unchanged_.erase(parent) == 0) return;
  const auto opened = directories.open(parent);
  if (!opened) return;
  const auto status = root_.files.stat(opened.value());
  if (status && is_settled(root_.files, opened.value(), status.value())) {
    stamps_.insert_or_assign(parent, status.value().version);
  } else {
    stamps_.erase(parent);
  }
}

}  // namespace perdure
