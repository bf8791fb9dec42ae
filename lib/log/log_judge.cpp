// SPDX-License-Identifier: BSL-1.0
// Compares each path with everything that the records know about it.
#include "log/log_judge.hpp"

#include <algorithm>
#include <set>

#include "base/missing.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "look at the path";

bool is_withheld(std::error_code refusal) {
  return refusal == std::errc::permission_denied || refusal == std::errc::operation_not_permitted ||
         refusal == std::errc::too_many_symbolic_link_levels ||
         refusal == std::errc::no_such_device_or_address || is_missing(refusal);
}

/// One path as it is now. Its content is read when it is asked for, once.
class Found {
 public:
  Found(TransactionRoot& root, Directories& directories, const std::string& path,
        const Status& status, Numbers numbers)
      : root_(root),
        directories_(directories),
        path_(path),
        status_(status),
        kept_(numbers == Numbers::kept) {}

  /// Whether the file is as some record found it or made it, apart from data that a crash took.
  /// Then nobody else changed it in between. In a copy its times or its content tell.
  Result<bool> is_of_records(const PathHistory& history);

  Result<bool> has_content_of(const LoggedChange& put) {
    const bool same_size = status_.version.size == put.entry->staged_size;
    if (status_.type != FileType::regular || !same_size) return false;
    if (hash_ == 0) {
      BOOST_OUTCOME_TRY(const Handle directory,
                        root_.checked(step, path_, directories_.open(parent_of(path_))));
      const auto opened = root_.files.open_file(directory, leaf_of(path_));
      // Its owner may have no right to read it, or somebody may have exchanged it just now.
      if (!opened && is_withheld(opened.error())) return false;
      BOOST_OUTCOME_TRY(const Handle handle, root_.checked(step, path_, opened));
      const OwnedHandle file(root_.files, handle);
      const auto hash = content_hash(root_.files, file.get());
      // A power cut may leave blocks that can't be read: then it is not the content of a record.
      if (!hash && hash.error() == std::errc::io_error) return false;
      BOOST_OUTCOME_TRY(hash_, root_.checked(step, path_, hash));
    }
    return hash_ == hash_of(put);
  }

 private:
  Result<bool> was_made_by(const LoggedChange& put);
  [[nodiscard]] bool is_before(const LoggedChange& change, const PathHistory& history) const;
  [[nodiscard]] bool is_copy_of(std::uint64_t size, std::int64_t mtime_ns) const {
    return status_.version.size == size && is_copied_time(status_.version.mtime_ns, mtime_ns);
  }

  TransactionRoot& root_;
  Directories& directories_;
  const std::string& path_;
  const Status& status_;
  bool kept_;               ///< Its number says which file it is.
  std::uint64_t hash_ = 0;  ///< No content has this one.
};

/// Whether the file has the time that its maker gave it. Where data need not be on the disk before
/// the name, a crash may have taken both the data and the time.
bool has_time_of(const Status& found, const LoggedChange& change) {
  const std::int64_t then = change.entry->staged_mtime_ns;
  const std::int64_t now = found.version.mtime_ns;
  return change.record->ordered ? now == then : now <= then;
}

Result<bool> Found::was_made_by(const LoggedChange& put) {
  if (status_.type != FileType::regular) return false;
  const JournalEntry& entry = *put.entry;
  const bool has_times = entry.staged_identity != Identity{};  // else memory had the content
  if (kept_ && entry.staged_identity == identity_of(status_.version)) {
    if (has_time_of(status_, put)) return true;
    return has_content_of(put);
  }
  if (kept_) {  // somebody put a copy of it in its place
    if (!has_times || !is_exact_time(status_.version.mtime_ns, entry.staged_mtime_ns)) return false;
    return has_content_of(put);
  }
  // A crash may have taken its data, unless that was on the disk before the name.
  const bool is_it = has_times && status_.version.size == entry.staged_size &&
                     is_exact_time(status_.version.mtime_ns, entry.staged_mtime_ns);
  if (!put.record->ordered && is_it) return true;
  return has_content_of(put);
}

bool Found::is_before(const LoggedChange& change, const PathHistory& history) const {
  if (!change.entry->before) return false;
  const Before& before = *change.entry->before;
  if (kept_) {
    return before == before_of(status_.version) ||
           (status_.version.size == before.size &&
            is_exact_time(status_.version.mtime_ns, before.mtime_ns));
  }
  // The file of an earlier record is known by its content.
  const bool of_record = std::ranges::any_of(history, [&](const LoggedChange& other) {
    return other.entry->action == JournalAction::put &&
           other.entry->staged_identity == before.identity;
  });
  return !of_record && is_copy_of(before.size, before.mtime_ns);
}

Result<bool> Found::is_of_records(const PathHistory& history) {
  for (const LoggedChange& change : history) {
    if (is_before(change, history)) return true;
    if (change.entry->action != JournalAction::put) continue;
    BOOST_OUTCOME_TRY(const bool made, was_made_by(change));
    if (made) return true;
  }
  return false;
}

/// Somebody else came later; or, in a copy, nobody knows.
RecoveryStep theirs(Numbers numbers) {
  return numbers == Numbers::kept ? RecoveryStep::foreign : RecoveryStep::unclear;
}

Result<Judgement> judge_file(Found& found, const PathHistory& history, Numbers numbers) {
  const LoggedChange& last = history.back();
  if (last.entry->action == JournalAction::put) {
    // The content decides, also of another file: an earlier recovery may have made it.
    BOOST_OUTCOME_TRY(const bool done, found.has_content_of(last));
    if (done) return Judgement{RecoveryStep::redo, true};
  }
  BOOST_OUTCOME_TRY(const bool ours, found.is_of_records(history));
  return Judgement{ours ? RecoveryStep::redo : theirs(numbers)};
}

/// Judges a path at which there is nothing.
RecoveryStep judge_missing(TransactionRoot& root, const PathHistory& history, Numbers numbers) {
  const JournalEntry& last = *history.back().entry;
  if (last.action == JournalAction::remove) return RecoveryStep::done;
  if (last.action == JournalAction::make_directory) return RecoveryStep::redo;
  // Some record found the path missing, or removed it. Otherwise somebody removed it since, or a
  // crash left a rename half done.
  const bool was_missing = std::ranges::any_of(history, [](const LoggedChange& change) {
    return !change.entry->before || change.entry->action == JournalAction::remove;
  });
  return was_missing || !renames_at_once(root) ? RecoveryStep::redo : theirs(numbers);
}

}  // namespace

std::uint64_t hash_of(const LoggedChange& put) {
  return put.file->derived ? put.file->derived->hash : content_hash(put.file->image.content);
}

std::map<std::string, PathHistory> histories_of(const std::vector<DecodedRecord>& records) {
  std::map<std::string, PathHistory> histories;
  for (const DecodedRecord& found : records) {
    const LogRecord& record = found.record;
    for (std::size_t i = 0; i < record.journal.entries.size(); ++i) {
      const JournalEntry& entry = record.journal.entries[i];
      histories[entry.path].push_back({&record, &entry, &record.files[i], i});
    }
  }
  return histories;
}

Directories directories_of(TransactionRoot& root, const std::vector<DecodedRecord>& records,
                           Numbers numbers) {
  Directories directories(root.files, root.directory.get());
  std::set<std::string> made;
  std::map<std::string, JournalAction> last;
  for (const DecodedRecord& found : records) {
    for (const JournalEntry& entry : found.record.journal.entries) {
      if (entry.action == JournalAction::make_directory) made.insert(entry.path);
      last[entry.path] = entry.action;
    }
  }
  for (const auto& [path, action] : last) {  // an earlier record may have removed a file there
    if (action == JournalAction::make_directory) directories.may_be_file(path);
  }
  if (numbers == Numbers::changed) return directories;
  for (const DecodedRecord& found : records) {
    for (const auto& [path, identity] : found.record.journal.directories) {
      if (!made.contains(path)) directories.expect(path, identity);
    }
  }
  return directories;
}

Result<Judgement> judge_path(TransactionRoot& root, const PathHistory& history,
                             Directories& directories, Numbers numbers) {
  const JournalEntry& last = *history.back().entry;
  const auto replaced = directories.is_replaced(parent_of(last.path));
  if (!replaced) return root.failure(step, last.path, replaced.error());
  if (replaced.value()) return Judgement{theirs(numbers)};
  BOOST_OUTCOME_TRY(const auto now, root.checked(step, last.path, directories.stat(last.path)));
  if (!now) return Judgement{judge_missing(root, history, numbers)};
  if (now->type == FileType::directory) {
    return Judgement{last.action == JournalAction::make_directory ? RecoveryStep::done
                                                                  : theirs(numbers)};
  }
  Found found(root, directories, last.path, *now, numbers);
  return judge_file(found, history, numbers);
}

}  // namespace perdure
