// SPDX-License-Identifier: BSL-1.0
// Finds the journal of a root, makes it durable, and finishes it; abandons one that can't be
// finished.
#include "transaction/recovery.hpp"

#include <algorithm>

#include <perdure/recovery.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/unlink.hpp"
#include "log/log_file.hpp"
#include "log/log_recovery.hpp"
#include "transaction/apply.hpp"
#include "transaction/evidence.hpp"
#include "transaction/journal_file.hpp"
#include "transaction/open_root.hpp"
#include "transaction/recovery_step.hpp"

namespace perdure {
namespace {

constexpr std::string_view discard_step = "discard staged files";
/// Recovery relies on nothing but syncs, whatever protocol the transaction was committed by.
constexpr Protocol protocol = Protocol::portable;

/// Expects the directories that were there before, since somebody may have put others in their
/// place. In a copied root all have other numbers, and nothing tells a directory from its copy.
Directories directories_of(TransactionRoot& root, const Journal& journal, Numbers numbers) {
  Directories directories(root.files, root.directory.get());
  for (const auto& entry : journal.entries) {
    if (removes_directory(entry)) directories.may_be_gone(entry.path);
    if (entry.changes_type) directories.may_be_file(entry.path);
  }
  if (numbers == Numbers::changed) return directories;
  for (const auto& [path, identity] : journal.directories) directories.expect(path, identity);
  return directories;
}

/// Empty, or why the journal is not about the files that are here. A copied root has its own
/// journal if the private directory was copied with it. A private directory outside may belong to
/// the root that was copied.
std::string_view fault_of_root(const TransactionRoot& root, const Journal& journal) {
  if (journal.directories.empty()) return {};
  const bool same = journal.directories.front().identity == identity_of(root.status.version);
  const bool copied = journal.format >= 3 && !root.private_name.empty() &&
                      journal.private_directory != identity_of(root.private_status.version);
  return same || copied ? "" : of_another_root;
}

Result<Numbers> find_steps(TransactionRoot& root, const Journal& journal, RecoveryReport& report) {
  report.journal = true;
  report.id = journal.id;
  BOOST_OUTCOME_TRY(const Numbers numbers, numbers_of(root, journal));
  Directories directories = directories_of(root, journal, numbers);
  for (const auto& entry : journal.entries) {
    BOOST_OUTCOME_TRY(const RecoveryStep step_of,
                      recovery_step_of(root, journal, numbers, entry, directories));
    const bool makes = entry.action == JournalAction::make_directory;
    if (makes && step_of != RecoveryStep::redo) directories.is_what_it_is(entry.path);
    report.paths.push_back(
        {.path = entry.path, .action = std::string(word_for(entry.action)), .step = step_of});
  }
  return numbers;
}

Result<LogFile> find_log(TransactionRoot& root) {
  BOOST_OUTCOME_TRY(auto log, LogFile::find(root, true));
  if (log) return std::move(*log);
  return root.failure(
      recover_step, "", ErrorKind::recovery_required,
      "its log is gone, and what a crash left in it" + std::string(refused_journal_advice));
}

/// Looks at all paths of the journal, or of the log that it stands for. Empty, or why the journal
/// is not about the files that are here.
Result<std::string> look_into(TransactionRoot& root, const Journal& journal,
                              RecoveryReport& report) {
  if (journal.is_of_log()) {
    BOOST_OUTCOME_TRY(LogFile log, find_log(root));
    BOOST_OUTCOME_TRY(report, inspect_log(root, log));
    report.journal = true;
    return std::string();
  }
  BOOST_OUTCOME_TRY(find_steps(root, journal, report));
  return std::string(fault_of_root(root, journal));
}

/// Whatever fails from here on, the transaction stays committed.
template <class T>
Result<T> as_committed(Result<T> result) {
  if (!result) result.error().fate = Fate::committed;
  return result;
}

/// Unlinks the apply temp that a crash may have left.
Result<void> clear_apply_temp(TransactionRoot& root, const JournalEntry& entry,
                              Directories& directories) {
  if (entry.action != JournalAction::put) return success();
  BOOST_OUTCOME_TRY(
      const auto directory,
      root.checked(recover_step, entry.path, directories.open_if_ours(parent_of(entry.path))));
  if (!directory) return success();
  return root.checked(recover_step, entry.path, remove_apply_temp(root.files, *directory, entry));
}

enum class JournalOf : std::uint8_t { nobody, log };

/// Unlinks all staged files and an unfinished journal; returns how many files. Call it only when
/// there is no journal, or the journal of a log: its records have all contents. If there is none,
/// an earlier process may have removed it and not synced that: so that is synced first.
Result<std::uint64_t> discard_staged(TransactionRoot& root, JournalOf journal) {
  const Handle directory = root.private_directory.get();
  BOOST_OUTCOME_TRY(const auto entries, root.checked(discard_step, "", root.files.list(directory)));
  const bool any =
      std::ranges::any_of(entries, [](const auto& entry) { return names::is_staged(entry.name); });
  if (any && journal == JournalOf::nobody) {
    BOOST_OUTCOME_TRY(root.synced(discard_step, "", sync_entries(root.files, directory)));
  }
  std::uint64_t discarded = 0;
  for (const auto& entry : entries) {
    const bool staged = names::is_staged(entry.name);
    if (!staged && entry.name != names::journal_temp && entry.name != names::log_temp) continue;
    BOOST_OUTCOME_TRY(
        root.checked(discard_step, "", unlink_if_there(root.files, directory, entry.name)));
    discarded += staged ? 1U : 0U;
  }
  return discarded;
}

Result<void> keep_foreign(TransactionRoot& root, const Journal& journal, RecoveryReport& report) {
  std::vector<const JournalEntry*> left_alone;
  std::vector<RecoveredPath*> told;
  for (std::size_t i = 0; i < journal.entries.size(); ++i) {
    if (report.paths[i].step != RecoveryStep::foreign) continue;
    left_alone.push_back(&journal.entries[i]);
    told.push_back(&report.paths[i]);
  }
  BOOST_OUTCOME_TRY(Kept kept, keep_left_alone(root, journal, left_alone));
  report.set_aside = std::move(kept.directory);
  for (std::size_t i = 0; i < told.size(); ++i) told[i]->kept = std::move(kept.files[i]);
  return success();
}

Result<void> redo_all(TransactionRoot& root, const Journal& journal, Numbers numbers,
                      RecoveryReport& report) {
  Directories directories = directories_of(root, journal, numbers);
  const std::uint64_t mark = failed_syncs();
  for (std::size_t i = 0; i < journal.entries.size(); ++i) {
    const JournalEntry& entry = journal.entries[i];
    RecoveryStep& todo = report.paths[i].step;
    if (todo == RecoveryStep::redo) {  // once more: somebody may have come since the first look
      BOOST_OUTCOME_TRY(todo, recovery_step_of(root, journal, numbers, entry, directories));
      BOOST_OUTCOME_TRY(check_decided(root, entry.path, todo));
    }
    if (todo == RecoveryStep::redo) {
      BOOST_OUTCOME_TRY(const bool applied,
                        apply_entry(root, journal, entry, directories, StagedName::kept_of_ours));
      if (!applied) todo = RecoveryStep::foreign;
    } else {
      BOOST_OUTCOME_TRY(clear_apply_temp(root, entry, directories));
    }
    if (entry.action == JournalAction::make_directory) directories.is_what_it_is(entry.path);
    if (root.options.progress) root.options.progress(i + 1, journal.entries.size());
  }
  BOOST_OUTCOME_TRY(keep_foreign(root, journal, report));
  return settle(root, journal, directories, protocol, true, mark);
}

}  // namespace

Result<RecoveryReport> recover_root(TransactionRoot& root) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(const auto found, find_journal(root));
  if (found && found->journal.is_of_log()) {
    BOOST_OUTCOME_TRY(LogFile log, as_committed(find_log(root)));
    std::uint64_t discarded = 0;
    const auto make_room = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(discarded, discard_staged(root, JournalOf::log));
      return success();
    };
    BOOST_OUTCOME_TRY(LogRecovery done, as_committed(recover_log(root, log, make_room)));
    report = std::move(done.report);
    report.discarded = discarded;
    BOOST_OUTCOME_TRY(as_committed(remove_journal(root, recover_step, protocol, true)));
  } else if (found) {
    const Journal& journal = found->journal;
    if (const auto fault = fault_of_root(root, journal); !fault.empty()) {
      Error error = root.failure(recover_step, "", ErrorKind::recovery_required,
                                 std::string(fault).append(refused_journal_advice));
      error.fate = Fate::committed;
      return error;
    }
    BOOST_OUTCOME_TRY(const Numbers numbers, as_committed(find_steps(root, journal, report)));
    for (const auto& path : report.paths) {
      BOOST_OUTCOME_TRY(check_decided(root, path.path, path.step));
    }
    BOOST_OUTCOME_TRY(as_committed(make_durable(root, *found, protocol)));
    BOOST_OUTCOME_TRY(as_committed(redo_all(root, journal, numbers, report)));
  }
  BOOST_OUTCOME_TRY(const std::uint64_t discarded, discard_staged(root, JournalOf::nobody));
  report.discarded += discarded;
  root.tell(report);
  return report;
}

Result<void> look_at_journal(TransactionRoot& root, RecoveryReport& report) {
  const auto found = find_journal(root);
  Result<std::string> fault = std::string();
  if (!found) fault = found.error();
  if (found && found.value()) fault = look_into(root, found.value()->journal, report);
  if (fault) {
    report.damage = std::move(fault.value());
    return success();
  }
  if (fault.error().kind != ErrorKind::recovery_required &&
      fault.error().kind != ErrorKind::too_new) {
    return std::move(fault.error());
  }
  report.journal = true;
  report.damage = std::move(fault.error().detail);
  return success();
}

Result<RecoveryReport> recover(const Path& root, const TransactionOptions& options) {
  RecoveryReport nothing;
  BOOST_OUTCOME_TRY(const auto opened, open_root_to_recover(root, options));
  nothing.no_root = !opened;
  nothing.restored = opened && opened->restored;
  if (!opened || opened->restored) return nothing;
  return recover_root(*opened);
}

Result<RecoveryReport> abandon(const Path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(const auto opened, open_root_to_abandon(root, options));
  RecoveryReport report;
  report.no_root = !opened;
  if (!opened) return report;
  const std::uint64_t mark = failed_syncs();
  const auto found = find_journal(*opened);
  if (found && found.value()) {
    // The root can be abandoned even where the paths can't be looked at.
    const auto fault = look_into(*opened, found.value()->journal, report);
    report.damage = fault ? fault.value() : "a path that it names: " + fault.error().message();
  }
  if (!found) report.damage = found.error().detail;
  BOOST_OUTCOME_TRY(const auto evidence, make_evidence(*opened));
  if (found && found.value()) {
    report.damage += set_apply_temps_aside(*opened, found.value()->journal, evidence);
    if (report.damage.starts_with("; ")) report.damage.erase(0, 2);
  }
  BOOST_OUTCOME_TRY(set_all_aside(*opened, evidence, mark));
  report.set_aside = path_of(*opened, evidence);
  return report;
}

namespace {

Result<RecoveryReport> inspect_root(const Path& root, const TransactionOptions& options) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(const auto opened, look_at_root(root, options));
  report.no_root = !opened;
  if (!opened) return report;
  BOOST_OUTCOME_TRY(look_at_journal(*opened, report));
  const auto entries = opened->files.list(opened->private_directory.get());
  if (!entries) return opened->failure("inspect the root", "", entries.error());
  for (const auto& entry : entries.value()) {
    if (names::is_staged(entry.name) && !report.journal) ++report.discarded;
  }
  return report;
}

}  // namespace

Result<RecoveryReport> inspect(const Path& root, const TransactionOptions& options) {
  return reading(inspect_root(root, options));
}

}  // namespace perdure
