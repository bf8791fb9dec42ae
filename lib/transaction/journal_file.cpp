// SPDX-License-Identifier: BSL-1.0
// Writes, finds, reads and copies the journal of a root.
#include "transaction/journal_file.hpp"

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/temp.hpp"
#include "engine/unlink.hpp"
#include "linux/fork.hpp"

namespace perdure {
namespace {

constexpr std::string_view commit_step = "commit the journal";
constexpr std::uint64_t journal_size_max = std::uint64_t{1} << 32U;

/// The journal under one of its fixed names, read without trust in its content; empty where there
/// is none.
Result<std::optional<FoundJournal>> read_journal(TransactionRoot& root, std::string_view name) {
  Target target(root.files, root.random,
                (root.path / root.options.private_directory / std::string(name)).native());
  target.directory = root.private_directory.get();
  auto content = read_steady(target, std::string(name), journal_size_max, {});
  if (!content && is_missing(content.error().cause)) {
    return std::optional<FoundJournal>();
  }
  if (!content) return content.error();
  FoundJournal found{std::move(content.value().bytes), {}, false};
  auto journal = decode_journal(found.bytes);
  for (std::size_t i = 0; journal && i < journal.value().entries.size(); ++i) {
    const auto allowed = root.check_path(recover_step, journal.value().entries[i].path,
                                         TransactionRoot::Naming::of_states);
    if (!allowed) {
      return root.failure(
          recover_step, "", ErrorKind::recovery_required,
          "its journal names a path that is refused" + std::string(refused_journal_advice));
    }
  }
  if (!journal) {
    Error error = std::move(journal.error());
    error.path = target.path;
    // A newer program can finish what this one can't read.
    if (error.kind != ErrorKind::too_new) error.detail += refused_journal_advice;
    return error;
  }
  found.journal = std::move(journal.value());
  return std::optional(std::move(found));
}

/// Of an `ordered` transaction. The journal's name becomes durable before the names that it
/// promises, where the file system can sync directories. Whether that was confirmed.
Result<bool> name_durably(TransactionRoot& root, std::uint64_t mark) {
  const Handle directory = root.private_directory.get();
  const auto synced = sync_entries(root.files, directory);
  BOOST_OUTCOME_TRY(root.synced(commit_step, "", synced));
  if (!synced) return false;  // it can't, and nothing was promised
  const auto alive = confirm_syncs(root.files, directory, Handle::none, mark);
  if (!alive) return explain_dead_journal(root.failure(commit_step, "", alive.error()));
  return alive.value();
}

}  // namespace

Result<bool> commit_journal(TransactionRoot& root, Bytes journal, std::string_view name,
                            Protocol chosen) {
  WriteOptions options;
  options.metadata = Metadata::preserve(0600);  // of nothing: it keeps what it is made with
  options.durability = root.options.durability;
  options.group = root.options.group;
  const bool fast = chosen == Protocol::fast;
  const Protocol protocol = fast ? Protocol::fast : Protocol::portable;  // it is one file
  Commit commit(root.files, root.random, options);
  commit.path = root.path.native();
  commit.directory = root.private_directory.get();
  commit.leaf = name;
  auto committed = [&]() -> Result<bool> {
    const std::string temp_name(names::journal_temp);
    const auto cleared = unlink_if_there(root.files, commit.directory, temp_name);
    if (!cleared) return commit.failure(commit_step, cleared.error());
    const auto made = root.files.create(commit.directory, temp_name, 0600);
    if (!made) return commit.failure(commit_step, made.error());
    commit.made_by = process_mark();
    commit.temp = OwnedHandle(root.files, made.value());
    commit.temp_name = temp_name;
    if (root.keeper) {
      const auto given = give_to(root.files, commit.temp.get(), *root.keeper);
      if (!given) return discard_temp(commit, commit.failure(commit_step, given.error()));
    }
    auto written = append_to_temp(commit, journal);
    if (!written) return discard_temp(commit, std::move(written.error()));
    const std::uint64_t mark = failed_syncs();
    BOOST_OUTCOME_TRY(const Receipt receipt,
                      run_commit(commit, make_finish(options, protocol, {})));
    if (options.durability == Durability::durable) return receipt.confirmed;
    auto named = name_durably(root, mark);
    if (!named) named.error().fate = Fate::visible;
    return named;
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

Result<std::optional<FoundJournal>> find_journal(TransactionRoot& root) {
  BOOST_OUTCOME_TRY(auto found, read_journal(root, names::journal));
  BOOST_OUTCOME_TRY(auto copy, read_journal(root, names::journal_copy));
  const bool copied = copy && (!found || copy->journal.id == found->journal.id);
  if (!found) found = std::move(copy);
  if (found) found->copied = copied;
  return found;
}

Result<void> make_durable(TransactionRoot& root, const FoundJournal& found, Protocol protocol) {
  BOOST_OUTCOME_TRY(
      root.synced(recover_step, "", sync_entries(root.files, root.private_directory.get())));
  BOOST_OUTCOME_TRY(commit_journal(root, found.bytes,
                                   found.copied ? names::journal : names::journal_copy, protocol));
  return success();
}

Result<void> remove_journal(TransactionRoot& root, std::string_view step, Protocol protocol,
                            bool recovered) {
  const Handle directory = root.private_directory.get();
  for (const auto name : {names::journal_copy, names::journal}) {
    if (name == names::journal_copy && !recovered) continue;
    BOOST_OUTCOME_TRY(
        root.checked(step, "", unlink_if_there(root.files, directory, std::string(name))));
  }
  if (protocol == Protocol::fast) return success();
  return root.synced(step, "", sync_entries(root.files, directory));
}

}  // namespace perdure
