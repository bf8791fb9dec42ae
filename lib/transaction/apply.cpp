// SPDX-License-Identifier: BSL-1.0
#include "transaction/apply.hpp"

#include <algorithm>
#include <set>

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/temp.hpp"
#include "engine/unlink.hpp"
#include "linux/fork.hpp"

namespace perdure {
namespace {

constexpr std::string_view apply_step = "put in place";
constexpr std::string_view commit_step = "commit the journal";
constexpr std::string_view discard_step = "discard staged files";
constexpr std::string_view settle_step = "settle the transaction";

/// The staged file gets the target's name by way of a second one, so that its first one stays for
/// a redo.
SysResult<void> put_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                          Handle directory) {
  FileSystem& files = root.files;
  const std::string staged = names::staged_of(journal.id, entry.staged);
  auto linked = files.link(root.private_directory.get(), staged, directory, entry.apply_temp);
  if (!linked && linked.error() == std::errc::file_exists) {
    BOOST_OUTCOME_TRY(files.unlink(directory, entry.apply_temp));
    linked = files.link(root.private_directory.get(), staged, directory, entry.apply_temp);
  }
  if (!linked) return linked.error();
  BOOST_OUTCOME_TRY(files.rename(directory, entry.apply_temp, directory, leaf_of(entry.path),
                                 RenameMode::replace));
  // A rename between two names of one file does nothing (rename(2)): a move onto its own hard link.
  const bool same = entry.before && entry.before->identity == entry.staged_identity;
  return same ? unlink_if_there(files, directory, entry.apply_temp) : SysResult<void>(success());
}

}  // namespace

Result<bool> is_untouched(TransactionRoot& root, const JournalEntry& entry,
                          Directories& directories) {
  if (entry.action == JournalAction::make_directory) return true;
  const auto replaced = directories.is_replaced(parent_of(entry.path));
  if (!replaced) return root.failure(apply_step, entry.path, replaced.error());
  if (replaced.value()) return false;
  BOOST_OUTCOME_TRY(const auto now,
                    root.checked(apply_step, entry.path, directories.stat(entry.path)));
  if (!now || !entry.before) return now.has_value() == entry.before.has_value();
  return identity_of(now->version) == entry.before->identity;
}

Result<void> apply_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                         Directories& directories) {
  FileSystem& files = root.files;
  const auto directory = directories.open(parent_of(entry.path));
  if (!directory) return root.failure(apply_step, entry.path, directory.error());
  SysResult<void> done = success();
  switch (entry.action) {
    case JournalAction::put:
      done = put_entry(root, journal, entry, directory.value());
      break;
    case JournalAction::remove:
      done = unlink_if_there(files, directory.value(), leaf_of(entry.path));
      break;
    case JournalAction::make_directory:
      done = files.make_directory(directory.value(), leaf_of(entry.path), entry.mode);
      if (!done && done.error() == std::errc::file_exists) done = success();
      break;
  }
  if (!done) return root.failure(apply_step, entry.path, done.error());
  return success();
}

Result<void> clear_apply_temp(TransactionRoot& root, const JournalEntry& entry,
                              Directories& directories) {
  if (entry.action != JournalAction::put) return success();
  const auto directory = directories.open(parent_of(entry.path));
  if (!directory && is_missing(directory.error())) return success();
  if (!directory) return root.failure(apply_step, entry.path, directory.error());
  const auto removed = unlink_if_there(root.files, directory.value(), entry.apply_temp);
  if (!removed) return root.failure(apply_step, entry.path, removed.error());
  return success();
}

Result<std::uint64_t> discard_staged(TransactionRoot& root) {
  const auto entries = root.files.list(root.private_directory.get());
  if (!entries) return root.failure(discard_step, "", entries.error());
  const bool any = std::ranges::any_of(
      entries.value(), [](const auto& entry) { return names::is_staged(entry.name); });
  if (any) {
    const auto synced = root.files.sync_directory(root.private_directory.get());
    if (!synced) return root.failure(discard_step, "", synced.error());
  }
  std::uint64_t discarded = 0;
  for (const auto& entry : entries.value()) {
    const bool staged = names::is_staged(entry.name);
    if (!staged && entry.name != names::journal_temp) continue;
    const auto removed = unlink_if_there(root.files, root.private_directory.get(), entry.name);
    if (!removed) return root.failure(discard_step, "", removed.error());
    discarded += staged ? 1U : 0U;
  }
  return discarded;
}

Result<bool> commit_journal(TransactionRoot& root, Bytes journal, std::string_view name) {
  WriteOptions options;
  options.metadata = Metadata::preserve(0600);  // of nothing: it keeps what it is made with
  options.group = root.options.group;
  const bool fast = root.protocol == Protocol::fast;
  const Protocol protocol = fast ? Protocol::fast : Protocol::portable;  // it is one file
  Commit commit(root.files, root.random, options);
  commit.path = root.path.native();
  commit.directory = root.private_directory.get();
  commit.leaf = name;
  const auto committed = [&]() -> Result<bool> {
    const std::string temp_name(names::journal_temp);
    const auto cleared = unlink_if_there(root.files, commit.directory, temp_name);
    if (!cleared) return commit.failure(commit_step, cleared.error());
    const auto made = root.files.create(commit.directory, temp_name, 0600);
    if (!made) return commit.failure(commit_step, made.error());
    commit.made_by = process_mark();
    commit.temp = OwnedHandle(root.files, made.value());
    commit.temp_name = temp_name;
    auto written = append_to_temp(commit, journal);
    if (!written) return abandon(commit, std::move(written.error()));
    BOOST_OUTCOME_TRY(const Receipt receipt,
                      run_commit(commit, make_finish(options, protocol, {})));
    return receipt.confirmed;
  }();
  if (committed) return committed;
  Error error = committed.error();
  error.step = commit_step;
  if (error.fate != Fate::unchanged) {
    error.fate = Fate::unknown;
    error.detail = "the next recovery of this root finds out";
  }
  return error;
}

namespace {

/// What was put in place stays there.
Result<void> sync_named(TransactionRoot& root, const Journal& journal, Directories& directories) {
  std::set<std::string> named;
  for (const auto& entry : journal.entries) {
    named.insert(parent_of(entry.path));
    if (entry.action == JournalAction::make_directory) named.insert(entry.path);
  }
  for (const auto& path : named) {
    const auto directory = directories.open(path);
    // Somebody removed it, or put another in its place: nothing of ours is in it.
    if (!directory && is_missing(directory.error())) continue;
    if (!directory) return root.failure(settle_step, path, directory.error());
    const auto synced = root.files.sync_directory(directory.value());
    if (synced) continue;
    note_failed_sync(root.files, directory.value());
    return root.failure(settle_step, path, synced.error());
  }
  // Without a journal a lost block is told once, maybe to another commit of this process. Over a
  // journal that died nothing of what follows reaches the disk, so the journal of the transaction
  // stays there.
  if (!sync_failed_since(root.files, root.private_directory.get(), root.sync_mark))
    return success();
  return root.failure(settle_step, "", std::make_error_code(std::errc::io_error));
}

}  // namespace

Result<void> settle(TransactionRoot& root, const Journal& journal, Directories& directories,
                    bool recovered) {
  FileSystem& files = root.files;
  // With `fast` the order in which things were done is the order in which the disk gets them.
  if (root.protocol == Protocol::portable) {
    BOOST_OUTCOME_TRY(sync_named(root, journal, directories));
  }
  if (root.protocol == Protocol::whole) {
    BOOST_OUTCOME_TRY(sync_root(root, settle_step));
  }
  const Handle place = root.private_directory.get();
  for (const auto name : {names::journal_copy, names::journal}) {
    if (name == names::journal_copy && !recovered) continue;
    const auto dropped = unlink_if_there(files, place, std::string(name));
    if (!dropped) return root.failure(settle_step, "", dropped.error());
  }
  if (root.protocol != Protocol::fast) {
    const auto synced = files.sync_directory(place);
    if (!synced) return root.failure(settle_step, "", synced.error());
  }
  for (const auto& entry : journal.entries) {
    if (entry.action != JournalAction::put) continue;
    const auto removed = unlink_if_there(files, place, names::staged_of(journal.id, entry.staged));
    if (!removed) return root.failure(settle_step, entry.path, removed.error());
  }
  return success();
}

}  // namespace perdure
