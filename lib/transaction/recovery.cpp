// SPDX-License-Identifier: BSL-1.0
// Finds the journal of a root, makes it durable, and finishes it; abandons one that can't be
// finished.
#include "transaction/recovery.hpp"

#include <algorithm>
#include <set>

#include <perdure/recovery.hpp>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/sync.hpp"
#include "engine/unlink.hpp"
#include "transaction/apply.hpp"
#include "transaction/journal_file.hpp"
#include "transaction/recovery_step.hpp"

namespace perdure {
namespace {

constexpr std::string_view discard_step = "discard staged files";
/// Recovery relies on nothing but syncs, whatever protocol the transaction was committed by.
constexpr Protocol protocol = Protocol::portable;

std::string_view word_for(JournalAction action) {
  switch (action) {
    case JournalAction::put:
      return "put";
    case JournalAction::remove:
      return "remove";
    case JournalAction::make_directory:
      return "make directory";
  }
  return "";
}

enum class Purpose { look, redo };

/// A directory on the way is a file or a link: somebody else's change, to those who look. Who is to
/// redo must not believe it: whoever swaps a directory for a link, and back, would have half of the
/// transaction passed over.
bool leads_nowhere(std::error_code cause) {
  return cause == std::errc::not_a_directory || cause == std::errc::too_many_symbolic_link_levels;
}

/// Only directories that were there before: the ones in their place now may be somebody else's.
Directories directories_of(TransactionRoot& root, const Journal& journal) {
  Directories directories(root.files, root.directory.get());
  for (const auto& [path, identity] : journal.directories) directories.expect(path, identity);
  return directories;
}

/// Empty, or why nothing that the journal says of files holds of those that are here.
std::string_view fault_of_place(const TransactionRoot& root, const Journal& journal) {
  if (journal.directories.empty()) return {};
  const bool same = journal.directories.front().identity == identity_of(root.status.version);
  return same ? "" : "it was written in another directory: this root was copied, or restored";
}

Result<void> judge_all(TransactionRoot& root, const Journal& journal, RecoveryReport& report,
                       Purpose purpose) {
  report.journal = true;
  report.id = journal.id;
  Directories directories = directories_of(root, journal);
  for (const auto& entry : journal.entries) {
    auto step_of = recovery_step_of(root, journal, entry, directories);
    if (!step_of && purpose == Purpose::look && leads_nowhere(step_of.error().cause)) {
      step_of = RecoveryStep::foreign;
    }
    if (!step_of) return std::move(step_of.error());
    report.paths.push_back({entry.path, std::string(word_for(entry.action)), step_of.value()});
  }
  return success();
}

/// Whatever fails from here on, the transaction stays committed.
template <class T>
Result<T> as_committed(Result<T> result) {
  if (!result) result.error().fate = Fate::committed;
  return result;
}

Error lost_file(const TransactionRoot& root, const std::string& path) {
  Error error = root.failure(recover_step, path, ErrorKind::recovery_required,
                             "its staged file is gone, or a copy of the one that was" +
                                 std::string(refused_journal_advice));
  error.fate = Fate::committed;
  return error;
}

/// Unlinks what a crash may have left of a path's way into place.
Result<void> clear_apply_temp(TransactionRoot& root, const JournalEntry& entry,
                              Directories& directories) {
  if (entry.action != JournalAction::put) return success();
  const auto directory = directories.open(parent_of(entry.path));
  if (!directory && is_missing(directory.error())) return success();
  if (!directory) return root.failure(recover_step, entry.path, directory.error());
  return root.checked(recover_step, entry.path,
                      unlink_if_there(root.files, directory.value(), entry.apply_temp));
}

/// Unlinks all staged files and an unfinished journal; how many files. Only without a journal,
/// whose removal is made durable first: it may have been killed before that was.
Result<std::uint64_t> discard_staged(TransactionRoot& root) {
  const Handle directory = root.private_directory.get();
  BOOST_OUTCOME_TRY(const auto entries, root.checked(discard_step, "", root.files.list(directory)));
  const bool any =
      std::ranges::any_of(entries, [](const auto& entry) { return names::is_staged(entry.name); });
  if (any) {
    BOOST_OUTCOME_TRY(root.checked(discard_step, "", root.files.sync_directory(directory)));
  }
  std::uint64_t discarded = 0;
  for (const auto& entry : entries) {
    const bool staged = names::is_staged(entry.name);
    if (!staged && entry.name != names::journal_temp) continue;
    BOOST_OUTCOME_TRY(
        root.checked(discard_step, "", unlink_if_there(root.files, directory, entry.name)));
    discarded += staged ? 1U : 0U;
  }
  return discarded;
}

Result<void> redo_all(TransactionRoot& root, const Journal& journal, RecoveryReport& report) {
  Directories directories = directories_of(root, journal);
  root.sync_mark = failed_syncs();
  for (std::size_t i = 0; i < journal.entries.size(); ++i) {
    const JournalEntry& entry = journal.entries[i];
    RecoveryStep& todo = report.paths[i].step;
    if (todo == RecoveryStep::redo) {  // once more: somebody may have come since the first look
      BOOST_OUTCOME_TRY(todo, recovery_step_of(root, journal, entry, directories));
      if (todo == RecoveryStep::lost) return lost_file(root, entry.path);
    }
    if (todo == RecoveryStep::redo) {
      BOOST_OUTCOME_TRY(apply_entry(root, journal, entry, directories));
    } else {
      BOOST_OUTCOME_TRY(clear_apply_temp(root, entry, directories));
    }
    if (root.options.progress) root.options.progress(i + 1, journal.entries.size());
  }
  return settle(root, journal, directories, protocol, true);
}

/// A new directory in the private one, for what is given up.
struct Evidence {
  std::string name;
  OwnedHandle directory;
};

Result<Evidence> make_evidence(TransactionRoot& root) {
  const Handle place = root.private_directory.get();
  auto name = names::make_abandoned(root.random);
  if (!name) return root.failure(recover_step, "", name.error());
  BOOST_OUTCOME_TRY(
      root.checked(recover_step, "", root.files.make_directory(place, name.value(), 0700)));
  BOOST_OUTCOME_TRY(const auto opened,
                    root.checked(recover_step, "", root.files.open_beneath(place, name.value())));
  return Evidence{std::move(name.value()), OwnedHandle(root.files, opened)};
}

/// Moves the apply temps of a journal to the evidence: one may be the last copy of its content.
/// Without the journal nobody knows that they are of no use, so they are gone from the disk before
/// it is. Their names are random: one that lies in a copied directory is of no use, either. Returns
/// the words for those that can't be moved, which must not keep the root from being given up.
std::string set_apply_temps_aside(TransactionRoot& root, const Journal& journal,
                                  const Evidence& evidence) {
  FileSystem& files = root.files;
  std::string words;
  std::set<std::string> changed;
  Directories directories(root.files, root.directory.get());
  const auto told = [&](const SysResult<void>& done, const std::string& path) {
    const bool well = done || is_missing(done.error());
    if (!well) words += "; '" + path + "' is left: " + done.error().message();
    return done.has_value();
  };
  for (const auto& entry : journal.entries) {
    if (entry.action != JournalAction::put) continue;
    const std::string parent = parent_of(entry.path);
    const auto directory = directories.open(parent);
    const auto moved =
        directory ? files.rename(directory.value(), entry.apply_temp, evidence.directory.get(),
                                 entry.apply_temp, RenameMode::replace)
                  : SysResult<void>(directory.error());
    if (told(moved, (Path(parent) / entry.apply_temp).native())) changed.insert(parent);
  }
  const auto sync = [&](Handle directory) {
    // That it failed is told by whoever sets the journal aside.
    if (!files.sync_directory(directory)) note_failed_sync(files, directory);
  };
  if (!changed.empty()) {  // first where they are now
    sync(evidence.directory.get());
    sync(root.private_directory.get());
  }
  for (const auto& path : changed) {
    const auto directory = directories.open(path);
    if (directory) sync(directory.value());
  }
  return words;
}

/// Moves everything of the private directory that belongs to transactions to the evidence.
Result<void> set_all_aside(TransactionRoot& root, const Evidence& evidence, std::uint64_t mark) {
  FileSystem& files = root.files;
  const Handle place = root.private_directory.get();
  const Handle aside = evidence.directory.get();
  BOOST_OUTCOME_TRY(const auto entries, root.checked(recover_step, "", files.list(place)));
  for (const auto& entry : entries) {
    if (!names::is_staged(entry.name) && entry.name != names::journal &&
        entry.name != names::journal_copy && entry.name != names::journal_temp) {
      continue;
    }
    BOOST_OUTCOME_TRY(root.checked(
        recover_step, "", files.rename(place, entry.name, aside, entry.name, RenameMode::replace)));
  }
  BOOST_OUTCOME_TRY(root.checked(recover_step, "", files.sync_directory(aside)));
  BOOST_OUTCOME_TRY(root.checked(recover_step, "", sync_directory_durably(files, place, mark)));
  return success();
}

}  // namespace

Result<RecoveryReport> recover_root(TransactionRoot& root) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(const auto found, find_journal(root));
  if (found) {
    const Journal& journal = found->journal;
    if (const auto fault = fault_of_place(root, journal); !fault.empty()) {
      Error error = root.failure(recover_step, "", ErrorKind::recovery_required,
                                 std::string(fault).append(refused_journal_advice));
      error.fate = Fate::committed;
      return error;
    }
    BOOST_OUTCOME_TRY(as_committed(judge_all(root, journal, report, Purpose::redo)));
    const auto lost = std::find_if(report.paths.begin(), report.paths.end(), [](const auto& path) {
      return path.step == RecoveryStep::lost;
    });
    if (lost != report.paths.end()) {
      return lost_file(root, lost->path);
    }
    BOOST_OUTCOME_TRY(as_committed(make_durable(root, *found, protocol)));
    BOOST_OUTCOME_TRY(as_committed(redo_all(root, journal, report)));
  }
  BOOST_OUTCOME_TRY(report.discarded, discard_staged(root));
  return report;
}

Result<RecoveryReport> recover(const Path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(const auto opened, open_root(root, options));
  return recover_root(*opened);
}

Result<RecoveryReport> abandon(const Path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(const auto opened, open_root(root, options));
  RecoveryReport report;
  const std::uint64_t mark = failed_syncs();
  const auto found = find_journal(*opened);
  if (found && found.value()) {
    // Whatever stands in the way of a look at the paths, the root can be given up.
    const auto judged = judge_all(*opened, found.value()->journal, report, Purpose::look);
    if (!judged) report.damage = "a path that it names: " + judged.error().message();
    if (judged) report.damage = fault_of_place(*opened, found.value()->journal);
  }
  if (!found) report.damage = found.error().detail;
  BOOST_OUTCOME_TRY(const auto evidence, make_evidence(*opened));
  if (found && found.value()) {
    report.damage += set_apply_temps_aside(*opened, found.value()->journal, evidence);
    if (report.damage.starts_with("; ")) report.damage.erase(0, 2);
  }
  BOOST_OUTCOME_TRY(set_all_aside(*opened, evidence, mark));
  report.set_aside = (Path(opened->options.private_directory) / evidence.name).native();
  return report;
}

Result<RecoveryReport> inspect(const Path& root, const TransactionOptions& options) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(const auto opened, look_at_root(root, options));
  if (!opened) return report;
  const auto found = find_journal(*opened);
  if (found && found.value()) {
    report.damage = fault_of_place(*opened, found.value()->journal);
    BOOST_OUTCOME_TRY(judge_all(*opened, found.value()->journal, report, Purpose::look));
  }
  if (!found) {
    if (found.error().kind != ErrorKind::recovery_required &&
        found.error().kind != ErrorKind::too_new) {
      return found.error();
    }
    report.journal = true;
    report.damage = found.error().detail;
  }
  const auto entries = opened->files.list(opened->private_directory.get());
  if (!entries) return opened->failure("inspect the root", "", entries.error());
  for (const auto& entry : entries.value()) {
    if (names::is_staged(entry.name) && !report.journal) ++report.discarded;
  }
  return report;
}

}  // namespace perdure
