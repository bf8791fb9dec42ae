// SPDX-License-Identifier: BSL-1.0
#include "transaction/recovery.hpp"

#include <algorithm>
#include <set>

#include <perdure/recovery.hpp>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/sync.hpp"
#include "transaction/apply.hpp"
#include "transaction/recovery_step.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "recover the root";
constexpr std::uint64_t journal_size_max = std::uint64_t{1} << 32U;
constexpr std::string_view what_to_do =
    "; `perdure inspect` shows what is there, `perdure recover --abandon` sets it aside as "
    "evidence";

struct FoundJournal {
  Buffer bytes;
  Journal journal;
  bool copied = false;  ///< An earlier recovery made its copy.
};

/// The journal under one of its fixed names, read as what a stranger wrote; empty where there is
/// none.
Result<std::optional<FoundJournal>> read_journal(TransactionRoot& root, std::string_view name) {
  const WriteOptions options;
  Commit look(root.files, root.random, options);
  look.path = (root.path / root.options.private_directory / std::string(name)).native();
  look.directory = root.private_directory.get();
  auto content = read_steady(look, std::string(name), journal_size_max, {});
  if (!content && is_missing(content.error().cause)) {
    return std::optional<FoundJournal>();
  }
  if (!content) return content.error();
  FoundJournal found{std::move(content.value().bytes), {}, false};
  auto journal = decode_journal(found.bytes);
  for (std::size_t i = 0; journal && i < journal.value().entries.size(); ++i) {
    const auto allowed = root.check_path(step, journal.value().entries[i].path);
    if (!allowed) {
      return root.failure(step, "", ErrorKind::recovery_required,
                          "its journal names a path that is refused" + std::string(what_to_do));
    }
  }
  if (!journal) {
    Error error = std::move(journal.error());
    error.path = look.path;
    error.detail += what_to_do;
    return error;
  }
  found.journal = std::move(journal.value());
  return std::optional(std::move(found));
}

/// The journal, or the copy that an earlier recovery made of it. A copy beside a journal of another
/// transaction is one whose removal never reached the disk: that one was settled before.
Result<std::optional<FoundJournal>> find_journal(TransactionRoot& root) {
  BOOST_OUTCOME_TRY(auto found, read_journal(root, names::journal));
  BOOST_OUTCOME_TRY(auto copy, read_journal(root, names::journal_copy));
  const bool copied = copy && (!found || copy->journal.id == found->journal.id);
  if (!found) found = std::move(copy);
  if (found) found->copied = copied;
  return found;
}

/// Nothing may depend on a journal that is in the page cache alone. Syncing what was found is not
/// enough, since its sync may have failed before, which is said once: so it is written anew. Under
/// its other name: where a rename is no single step on the disk, the one that was there and the one
/// that takes its name may both be gone for a moment.
Result<void> make_durable(TransactionRoot& root, const FoundJournal& found) {
  const auto synced = root.files.sync_directory(root.private_directory.get());
  if (!synced) return root.failure(step, "", synced.error());
  BOOST_OUTCOME_TRY(
      commit_journal(root, found.bytes, found.copied ? names::journal : names::journal_copy));
  return success();
}

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

/// Those that were there before: what is in their place now may be somebody else's.
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
  Error error = root.failure(
      step, path, ErrorKind::recovery_required,
      "its staged file is gone, or a copy of the one that was" + std::string(what_to_do));
  error.fate = Fate::committed;
  return error;
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
  return settle(root, journal, directories, true);
}

/// A new directory in the private one, for what is given up.
struct Evidence {
  std::string name;
  OwnedHandle directory;
};

Result<Evidence> make_evidence(TransactionRoot& root) {
  const Handle place = root.private_directory.get();
  auto name = names::make_abandoned(root.random);
  if (!name) return root.failure(step, "", name.error());
  const auto made = root.files.make_directory(place, name.value(), 0700);
  if (!made) return root.failure(step, "", made.error());
  const auto opened = root.files.open_beneath(place, name.value());
  if (!opened) return root.failure(step, "", opened.error());
  return Evidence{std::move(name.value()), OwnedHandle(root.files, opened.value())};
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
  const auto entries = files.list(place);
  if (!entries) return root.failure(step, "", entries.error());
  for (const auto& entry : entries.value()) {
    if (!names::is_staged(entry.name) && entry.name != names::journal &&
        entry.name != names::journal_copy && entry.name != names::journal_temp) {
      continue;
    }
    const auto moved = files.rename(place, entry.name, aside, entry.name, RenameMode::replace);
    if (!moved) return root.failure(step, "", moved.error());
  }
  const auto aside_synced = files.sync_directory(aside);
  if (!aside_synced) return root.failure(step, "", aside_synced.error());
  const auto synced = sync_directory_durably(files, place, mark);
  if (!synced) return root.failure(step, "", synced.error());
  return success();
}

}  // namespace

Result<RecoveryReport> recover_root(TransactionRoot& root) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(const auto found, find_journal(root));
  if (found) {
    const Journal& journal = found->journal;
    if (const auto fault = fault_of_place(root, journal); !fault.empty()) {
      Error error = root.failure(step, "", ErrorKind::recovery_required,
                                 std::string(fault).append(what_to_do));
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
    BOOST_OUTCOME_TRY(as_committed(make_durable(root, *found)));
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
