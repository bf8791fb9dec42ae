// SPDX-License-Identifier: BSL-1.0
// Redoes the last change of each path; makes it for the first time, where it was left for later.
//
// The order of recovery, and what a crash after each step leaves:
//
//   1. the records are durable (again): the log is as it was
//   2. directories are made, the new content of each path lies in the private directory, synced:
//      nothing but litter there
//   3. renames and removals, in the order of the paths: some paths are new, and the log has all
//   4. the names are synced
//   5. the log begins anew: its records are dropped
#include "log/log_recovery.hpp"

#include <functional>
#include <set>
#include <utility>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/unlink.hpp"
#include "engine/version.hpp"
#include "log/log_judge.hpp"
#include "transaction/apply.hpp"
#include "transaction/evidence.hpp"
#include "transaction/image_io.hpp"
#include "transaction/journal_file.hpp"

namespace perdure {
namespace {

class Redo {
 public:
  /// `known`: of an open root, whose staged files are as they were written; null in recovery.
  Redo(TransactionRoot& root, const LogContents& contents, KnownDurable* known = nullptr)
      : root_(root),
        contents_(contents),
        known_(known),
        histories_(histories_of(contents.records)),
        directories_(directories_of(root, contents.records, contents.numbers)) {}

  Result<RecoveryReport> judge();
  Result<void> stage(const RecoveryReport& report);
  Result<void> apply(RecoveryReport& report);
  Result<void> keep_foreign(RecoveryReport& report);
  Result<void> settle();
  Result<void> clear();

 private:
  [[nodiscard]] Result<void> check_root() const;
  Result<bool> has_directory(const std::string& path);
  Result<void> make_staged(const LoggedChange& change);
  Result<bool> is_staged(const LoggedChange& change);
  Result<void> apply_path(const PathHistory& history);

  TransactionRoot& root_;
  const LogContents& contents_;
  KnownDurable* known_;
  std::map<std::string, PathHistory> histories_;
  Directories directories_;
  std::set<std::string> changed_;  ///< Directories.
  const std::uint64_t mark_ = failed_syncs();
};

/// Refuses the log of another root. A private directory in the root was moved or copied along with
/// it; one outside stays where it is, and a copy by hard links has the log itself.
Result<void> Redo::check_root() const {
  if (known_ != nullptr) return success();
  for (const DecodedRecord& found : contents_.records) {
    const Journal& journal = found.record.journal;
    const bool along = !root_.private_name.empty() &&
                       (contents_.numbers == Numbers::changed ||
                        journal.private_directory == identity_of(root_.private_status.version));
    if (along) continue;
    for (const auto& [path, identity] : journal.directories) {
      if (!path.empty() || identity == identity_of(root_.status.version)) continue;
      return root_.failure(recover_step, "", ErrorKind::recovery_required,
                           std::string(of_another_root).append(refused_journal_advice));
    }
  }
  return success();
}

/// Whether there is a directory for the path, or a record makes it.
Result<bool> Redo::has_directory(const std::string& path) {
  const std::string parent = parent_of(path);
  if (parent.empty()) return true;
  BOOST_OUTCOME_TRY(const auto now, root_.checked(recover_step, path, directories_.stat(parent)));
  if (now && now->type == FileType::directory) return true;
  const auto history = histories_.find(parent);
  const bool makes = history != histories_.end() &&
                     history->second.back().entry->action == JournalAction::make_directory;
  return makes ? has_directory(parent) : Result<bool>(false);
}

/// Paths are in the order of `histories_`.
Result<RecoveryReport> Redo::judge() {
  BOOST_OUTCOME_TRY(check_root());
  RecoveryReport report;
  report.journal = !contents_.records.empty();
  report.unreadable = contents_.unreadable;
  if (report.journal) report.id = contents_.records.back().record.journal.id;
  for (const auto& [path, history] : histories_) {
    BOOST_OUTCOME_TRY(Judgement found, judge_path(root_, history, directories_, contents_.numbers));
    if (contents_.numbers == Numbers::changed && found.step == RecoveryStep::redo) {
      BOOST_OUTCOME_TRY(const bool has, has_directory(path));
      if (!has) found.step = RecoveryStep::unclear;  // the copy has lost it
    }
    const bool makes = history.back().entry->action == JournalAction::make_directory;
    if (makes && found.step != RecoveryStep::redo) directories_.is_what_it_is(path);
    report.paths.push_back({.path = path,
                            .action = std::string(word_for(history.back().entry->action)),
                            .step = found.step,
                            .in_place = found.in_place});
  }
  return report;
}

Result<void> Redo::make_staged(const LoggedChange& change) {
  const std::string& path = change.entry->path;
  FileImage derived;
  if (change.file->derived) {
    derived = change.file->image;
    derived.content = contents_.content_of(*change.record, change.index);
    if (content_hash(derived.content) != hash_of(change)) {
      return root_.failure(
          recover_step, path, ErrorKind::recovery_required,
          "its content does not come out of the log's edits" + std::string(refused_journal_advice));
    }
  }
  BOOST_OUTCOME_TRY(
      const OwnedHandle made,
      make_from_image(root_, recover_step, path,
                      names::staged_of(change.record->journal.id, change.entry->staged),
                      change.file->derived ? derived : change.file->image));
  if (known_ != nullptr) return success();  // all are synced together
  return root_.checked(recover_step, path, root_.files.sync_file(made.get()));
}

/// Whether the staged file that the record was made with is there.
Result<bool> Redo::is_staged(const LoggedChange& change) {
  if (known_ == nullptr) return false;
  const auto found =
      root_.files.stat_at(root_.private_directory.get(),
                          names::staged_of(change.record->journal.id, change.entry->staged));
  if (!found && is_missing(found.error())) return false;
  BOOST_OUTCOME_TRY(const Status status, root_.checked(recover_step, change.entry->path, found));
  return identity_of(status.version) == change.entry->staged_identity;
}

/// Content is made durable before it gets a path: else a crash could leave a file of ours whose
/// content no record has.
Result<void> Redo::stage(const RecoveryReport& report) {
  std::size_t i = 0;
  for (const auto& [path, history] : histories_) {
    const RecoveryStep step = report.paths[i++].step;
    const LoggedChange& last = history.back();
    if (last.entry->action != JournalAction::put || step == RecoveryStep::done) continue;
    BOOST_OUTCOME_TRY(const bool staged, is_staged(last));
    if (staged) continue;
    BOOST_OUTCOME_TRY(make_staged(last));
  }
  return known_ == nullptr ? success() : sync_root(root_, recover_step);
}

Result<void> Redo::apply_path(const PathHistory& history) {
  const LoggedChange& last = history.back();
  const JournalEntry& entry = *last.entry;
  if (entry.action == JournalAction::make_directory) {
    // A file at the path is one that some record removed.
    BOOST_OUTCOME_TRY(const auto now,
                      root_.checked(recover_step, entry.path, directories_.stat(entry.path)));
    if (now && now->type != FileType::directory) {
      BOOST_OUTCOME_TRY(
          const Handle directory,
          root_.checked(recover_step, entry.path, directories_.open(parent_of(entry.path))));
      BOOST_OUTCOME_TRY(root_.checked(
          recover_step, entry.path, unlink_if_there(root_.files, directory, leaf_of(entry.path))));
    }
    changed_.insert(entry.path);
  }
  JournalEntry placed = entry;
  const bool held = entry.action == JournalAction::put && entry.staged_identity == Identity{};
  if (known_ != nullptr && held) {  // its file was made just now
    BOOST_OUTCOME_TRY(const Status staged,
                      root_.checked(recover_step, entry.path,
                                    root_.files.stat_at(
                                        root_.private_directory.get(),
                                        names::staged_of(last.record->journal.id, entry.staged))));
    placed.staged_identity = identity_of(staged.version);
    placed.staged_size = staged.version.size;
    placed.staged_mtime_ns = staged.version.mtime_ns;
  }
  if (known_ != nullptr) known_->before_change(directories_, entry);
  BOOST_OUTCOME_TRY(
      apply_entry(root_, last.record->journal, entry, directories_, StagedName::given_up));
  if (known_ != nullptr) known_->after_change(directories_, placed);
  changed_.insert(parent_of(entry.path));
  return success();
}

Result<void> Redo::apply(RecoveryReport& report) {
  std::size_t i = 0;
  for (const auto& [path, history] : histories_) {  // a directory comes before what is in it
    RecoveryStep& step = report.paths[i++].step;
    if (step == RecoveryStep::redo) {  // once more: somebody may have come since the first look
      BOOST_OUTCOME_TRY(const Judgement again,
                        judge_path(root_, history, directories_, contents_.numbers));
      step = again.step;
      BOOST_OUTCOME_TRY(check_decided(root_, path, step));
    }
    if (step == RecoveryStep::redo) {
      BOOST_OUTCOME_TRY(apply_path(history));
    } else {
      // A change of somebody else, too, may be in the cache alone.
      changed_.insert(parent_of(path));
      const bool makes = history.back().entry->action == JournalAction::make_directory;
      if (step == RecoveryStep::done && makes) changed_.insert(path);
    }
    if (root_.options.progress) root_.options.progress(i, histories_.size());
  }
  return success();
}

Result<void> Redo::keep_foreign(RecoveryReport& report) {
  std::size_t i = 0;
  for (const auto& [path, history] : histories_) {
    RecoveredPath& told = report.paths[i++];
    const LoggedChange& last = history.back();
    if (told.step != RecoveryStep::foreign || last.entry->action != JournalAction::put) continue;
    BOOST_OUTCOME_TRY(Kept kept, keep_left_alone(root_, last.record->journal, {last.entry}));
    report.set_aside = std::move(kept.directory);
    told.kept = std::move(kept.files.front());
  }
  return success();
}

Result<void> Redo::settle() {
  for (const std::string& path : changed_) {
    BOOST_OUTCOME_TRY(sync_directory_at(root_, recover_step, path, directories_));
  }
  const auto confirmed =
      confirm_syncs(root_.files, root_.private_directory.get(), Handle::none, mark_);
  if (confirmed) return success();
  return explain_dead_journal(root_.failure(recover_step, "", confirmed.error()));
}

/// Removes staged files of the records that were not put in place.
Result<void> Redo::clear() {
  for (const DecodedRecord& found : contents_.records) {
    const Journal& journal = found.record.journal;
    for (const JournalEntry& entry : journal.entries) {
      if (entry.action != JournalAction::put) continue;
      BOOST_OUTCOME_TRY(root_.checked(recover_step, entry.path,
                                      unlink_if_there(root_.files, root_.private_directory.get(),
                                                      names::staged_of(journal.id, entry.staged))));
    }
  }
  return success();
}

}  // namespace

Result<LogRecovery> recover_log(TransactionRoot& root, LogFile& log,
                                const std::function<Result<void>()>& make_room) {
  BOOST_OUTCOME_TRY(const LogContents contents, log.read());
  Redo redo(root, contents);
  BOOST_OUTCOME_TRY(RecoveryReport report, redo.judge());
  for (const RecoveredPath& path : report.paths) {
    BOOST_OUTCOME_TRY(check_decided(root, path.path, path.step));
  }
  // Writes the headers again, too. A header may be in the cache alone and say that older records
  // are settled. A power cut may then take it, when the header of the older records is already
  // overwritten.
  BOOST_OUTCOME_TRY(log.write_again(contents));
  if (make_room) {
    BOOST_OUTCOME_TRY(make_room());
  }
  if (!contents.records.empty()) {
    BOOST_OUTCOME_TRY(redo.stage(report));
    BOOST_OUTCOME_TRY(redo.apply(report));
    BOOST_OUTCOME_TRY(redo.keep_foreign(report));
    BOOST_OUTCOME_TRY(redo.settle());
  }
  BOOST_OUTCOME_TRY(log.begin_anew(contents));
  BOOST_OUTCOME_TRY(redo.clear());
  return LogRecovery{std::move(report), contents.next_number};
}

Result<RecoveryReport> publish_log(TransactionRoot& root, LogFile& log, KnownDurable& known) {
  BOOST_OUTCOME_TRY(const LogContents contents, log.read());
  Redo redo(root, contents, &known);
  BOOST_OUTCOME_TRY(RecoveryReport report, redo.judge());
  BOOST_OUTCOME_TRY(redo.stage(report));
  BOOST_OUTCOME_TRY(redo.apply(report));
  BOOST_OUTCOME_TRY(redo.keep_foreign(report));
  BOOST_OUTCOME_TRY(redo.clear());
  return report;
}

Result<RecoveryReport> inspect_log(TransactionRoot& root, LogFile& log) {
  BOOST_OUTCOME_TRY(const LogContents contents, log.read());
  return Redo(root, contents).judge();
}

}  // namespace perdure
