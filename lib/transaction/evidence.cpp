// SPDX-License-Identifier: BSL-1.0
// Moves or links files into a directory of evidence, and makes that durable.
#include "transaction/evidence.hpp"

#include <algorithm>
#include <set>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/sync.hpp"
#include "transaction/apply.hpp"
#include "transaction/journal_file.hpp"
#include "transaction/tree.hpp"

namespace perdure {
namespace {

constexpr std::string_view keep_step = "keep what was left alone";

}  // namespace

Result<Evidence> make_evidence(TransactionRoot& root) {
  const Handle directory = root.private_directory.get();
  auto name = names::make_abandoned(root.random);
  if (!name) return root.failure(recover_step, "", name.error());
  BOOST_OUTCOME_TRY(
      root.checked(recover_step, "", root.files.make_directory(directory, name.value(), 0700)));
  BOOST_OUTCOME_TRY(
      const auto opened,
      root.checked(recover_step, "", root.files.open_beneath(directory, name.value())));
  OwnedHandle evidence(root.files, opened);
  // Else a power cut could take it, with the files that are moved into it.
  BOOST_OUTCOME_TRY(root.synced(recover_step, "", sync_entries(root.files, directory)));
  return Evidence{std::move(name.value()), std::move(evidence)};
}

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
  // A failure is noted for the device. set_all_aside finds the note, and returns an error.
  const auto sync = [&](Handle directory) { (void)sync_entries(files, directory); };
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

namespace {

/// Content: of staged files and of the log.
bool has_content(std::string_view name) {
  return names::is_staged(name) || name == names::log || name == names::log_temp;
}

bool is_journal(std::string_view name) {
  return name == names::journal || name == names::journal_copy || name == names::journal_temp;
}

/// Moves the files of such names to the evidence, durably.
Result<void> set_aside(TransactionRoot& root, const Evidence& evidence, std::uint64_t mark,
                       const std::vector<DirectoryEntry>& entries,
                       bool (*is_one)(std::string_view)) {
  FileSystem& files = root.files;
  const Handle directory = root.private_directory.get();
  const Handle aside = evidence.directory.get();
  for (const auto& entry : entries) {
    if (!is_one(entry.name)) continue;
    BOOST_OUTCOME_TRY(
        root.checked(recover_step, "",
                     files.rename(directory, entry.name, aside, entry.name, RenameMode::replace)));
  }
  BOOST_OUTCOME_TRY(root.synced(recover_step, "", sync_entries(files, aside)));
  return root.synced(recover_step, "", sync_directory_durably(files, directory, mark));
}

}  // namespace

Result<void> set_all_aside(TransactionRoot& root, const Evidence& evidence, std::uint64_t mark) {
  BOOST_OUTCOME_TRY(const auto entries,
                    root.checked(recover_step, "", root.files.list(root.private_directory.get())));
  BOOST_OUTCOME_TRY(set_aside(root, evidence, mark, entries, has_content));
  return set_aside(root, evidence, mark, entries, is_journal);
}

std::string path_of(const TransactionRoot& root, const Evidence& evidence) {
  return (Path(root.options.private_directory) / evidence.name).native();
}

namespace {

/// The evidence of one transaction, there already where its recovery was killed.
Result<Evidence> open_evidence_of(TransactionRoot& root, const std::string& id) {
  const Handle directory = root.private_directory.get();
  const std::string name = names::abandoned_by(id);
  const auto made = root.files.make_directory(directory, name, 0700);
  if (!made && made.error() != std::errc::file_exists) {
    return root.failure(keep_step, "", made.error());
  }
  const auto opened = root.files.open_beneath(directory, name);
  if (opened) return Evidence{name, OwnedHandle(root.files, opened.value())};
  if (made) (void)root.files.remove_directory(directory, name);
  return root.failure(keep_step, "", opened.error());
}

/// False where there is nothing to keep.
SysResult<bool> keep_staged(TransactionRoot& root, const Journal& journal,
                            const JournalEntry& entry, Handle evidence) {
  FileSystem& files = root.files;
  const Handle directory = root.private_directory.get();
  const std::string staged = names::staged_of(journal.id, entry.staged);
  const auto linked = files.link(directory, staged, evidence, entry.apply_temp);
  if (linked || linked.error() == std::errc::file_exists) return true;
  if (is_missing(linked.error())) {  // renamed, maybe, by a recovery that was killed
    const auto kept = files.stat_at(evidence, entry.apply_temp);
    if (!kept && !is_missing(kept.error())) return kept.error();
    return kept.has_value();
  }
  BOOST_OUTCOME_TRY(const bool renames, has_no_second_name(root, journal, entry, linked.error()));
  if (!renames) return linked.error();
  // or a power cut takes the evidence with it
  BOOST_OUTCOME_TRY(sync_entries(files, directory));
  BOOST_OUTCOME_TRY(
      files.rename(directory, staged, evidence, entry.apply_temp, RenameMode::replace));
  return true;
}

}  // namespace

Result<Kept> keep_left_alone(TransactionRoot& root, const Journal& journal,
                             const std::vector<const JournalEntry*>& left_alone) {
  Kept kept{.directory = {}, .files = std::vector<std::string>(left_alone.size())};
  const bool any = std::ranges::any_of(
      left_alone, [](const auto* entry) { return entry->action == JournalAction::put; });
  if (!any) return kept;
  FileSystem& files = root.files;
  const Handle directory = root.private_directory.get();
  BOOST_OUTCOME_TRY(const Evidence evidence, open_evidence_of(root, journal.id));
  kept.directory = path_of(root, evidence);
  for (std::size_t i = 0; i < left_alone.size(); ++i) {
    const JournalEntry& entry = *left_alone[i];
    if (entry.action != JournalAction::put) continue;
    BOOST_OUTCOME_TRY(const bool is_kept,
                      root.checked(keep_step, entry.path,
                                   keep_staged(root, journal, entry, evidence.directory.get())));
    if (!is_kept) continue;
    kept.files[i] = (Path(kept.directory) / entry.apply_temp).native();
  }
  BOOST_OUTCOME_TRY(root.synced(keep_step, "", sync_entries(files, evidence.directory.get())));
  BOOST_OUTCOME_TRY(root.synced(keep_step, "", sync_entries(files, directory)));
  return kept;
}

}  // namespace perdure
