// SPDX-License-Identifier: BSL-1.0
#include "mutants.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/pipeline/pipeline.hpp>

#include "lies.hpp"
#include "transaction_mutants.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

// --- Pipelines whose order nobody checked.

enum class Step : std::uint8_t {
  serialize,
  create,
  write,
  write_half,
  write_rest,
  metadata,
  sync_file,
  sync_data,
  await,
  rename,
  sync_parent,
};

constexpr std::array<std::string_view, 7> step_names{
    "serialize", "create", "write", "metadata", "sync_file", "rename", "sync_parent"};
const std::vector<Step> correct{Step::serialize, Step::create, Step::write,      Step::metadata,
                                Step::sync_file, Step::rename, Step::sync_parent};

Result<void> append(Commit& commit, Bytes bytes) {
  const auto put = commit.files.write_at(commit.temp.get(), commit.written, bytes);
  if (!put) return commit.failure("write", put.error());
  commit.written += put.value();
  return success();
}

Result<void> run_step(Step step, Commit& commit) {
  switch (step) {
    case Step::serialize:
      return Serialize().run(commit);
    case Step::create:
      return CreateTemp().run(commit);
    case Step::write:
      return Write().run(commit);
    case Step::write_half:
      return append(commit, commit.image.first(commit.image.size() / 2));
    case Step::write_rest:
      return append(commit, commit.image.subspan(commit.image.size() / 2));
    case Step::metadata:
      return ApplyMetadata().run(commit);
    case Step::sync_file:
    case Step::sync_data:  // what it does is up to the layer
      return SyncFile().run(commit);
    case Step::await: {
      const auto done = commit.files.await_writeback(commit.temp.get());
      if (!done) return commit.failure("await", done.error());
      return success();
    }
    case Step::rename:
      return Rename().run(commit);
    case Step::sync_parent:
      return SyncParent().run(commit);
  }
  return success();
}

/// Runs the steps it was given and claims to have done everything.
struct Unchecked {
  static constexpr std::string_view name = "unchecked";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives =
      Fact::published | Fact::ordered | Fact::durable_content | Fact::durable_name;
  std::vector<Step> steps;

  Result<void> run(Commit& commit) const {
    for (const Step step : steps) {
      auto done = run_step(step, commit);
      if (!done) return done;
    }
    return success();
  }
};

Mutant of_steps(const std::string& name, std::vector<Step> steps, Layer layer = {}) {
  // A temp without content has no name to wait for: what is asked of it fails at once.
  Proof proof = replace_proof(name, {}, Pipeline<Unchecked>(Unchecked{std::move(steps)}), true);
  return {name, std::move(proof), std::move(layer), {}, {}};
}

// --- File systems that lie.

/// Syncs a directory only once: as if whoever made a parent never synced its name.
struct DeafToRoot final : Lying {
  using Lying::Lying;
  SysResult<void> sync_directory(Handle directory) override {
    const auto mine = disk.stat(directory);
    const auto root = disk.stat(Handle::working_directory);
    if (mine && root && mine.value().version.same_file(root.value().version)) return success();
    return ForwardingFileSystem::sync_directory(directory);
  }
};

/// Never looks above a directory that it finds: as if that one's maker had surely synced its name.
struct TrustsFound final : Lying {
  using Lying::Lying;
  SysResult<Handle> open_directory(Handle base, const std::string& path) override {
    if (path == "..") return std::make_error_code(std::errc::permission_denied);
    return ForwardingFileSystem::open_directory(base, path);
  }
};

/// fdatasync(2) for fsync(2).
struct DataOnly final : Lying {
  using Lying::Lying;
  SysResult<void> sync_file(Handle file) override { return disk.sync_data(file); }
};

/// The sync fails, is tried again, and "succeeds": the kernel forgot what it could not write.
struct Retrying final : Lying {
  using Lying::Lying;
  SysResult<void> sync_file(Handle file) override {
    disk.lose_sync(file);
    return ForwardingFileSystem::sync_file(file);
  }
};

/// The sync of the parent fails, and nobody says so.
struct ParentShrugged final : Lying {
  using Lying::Lying;
  SysResult<void> sync_directory(Handle directory) override {
    disk.lose_sync(directory);
    return success();
  }
};

/// A write comes back short, and nobody looks.
struct ShortWrites final : Lying {
  using Lying::Lying;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    const auto put = ForwardingFileSystem::write_at(file, offset, bytes.first(bytes.size() / 2));
    if (!put) return put.error();
    return bytes.size();
  }
};

/// The target is removed first, "to be on the safe side".
struct RemoveThenRename final : Lying {
  using Lying::Lying;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (mode == RenameMode::replace) (void)ForwardingFileSystem::unlink(to_directory, to);
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
};

/// "Keep" is decided by a look before the publish, not by the kernel at it.
struct ReplacingKeep final : Lying {
  using Lying::Lying;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode /*mode*/) override {
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to,
                                        RenameMode::replace);
  }
  SysResult<void> try_lock(Handle /*file*/, LockMode /*mode*/) override { return success(); }
};

/// Nobody can tell that a temp is alive.
struct UnlockedTemps final : Lying {
  using Lying::Lying;
  SysResult<bool> open_for_writing(Handle /*file*/) override { return false; }
};

/// Every temp is taken for a live one: nothing is ever collected.
struct NoCollection final : Lying {
  using Lying::Lying;
  SysResult<bool> open_for_writing(Handle /*file*/) override { return true; }
};

/// Temps that everyone may read, whatever the target says.
struct WideTemps final : Lying {
  using Lying::Lying;
  SysResult<Handle> create(Handle directory, const std::string& name,
                           std::uint32_t /*mode*/) override {
    return ForwardingFileSystem::create(directory, name, 0666);
  }
};

struct NoOwner final : Lying {
  using Lying::Lying;
  SysResult<void> set_owner(Handle /*file*/, std::uint32_t /*owner*/,
                            std::uint32_t /*group*/) override {
    return success();
  }
};

/// Of several files the one that was made first is synced, not the one that was renamed last.
struct SyncOfFirst final : Lying {
  using Lying::Lying;
  Handle first = Handle::none;
  SysResult<Handle> create(Handle directory, const std::string& file, std::uint32_t mode) override {
    auto made = Lying::create(directory, file, mode);
    if (made && first == Handle::none) first = made.value();
    return made;
  }
  SysResult<void> close(Handle handle) override {
    if (handle == first) first = Handle::none;
    return Lying::close(handle);
  }
  SysResult<void> sync_file(Handle file) override {
    return Lying::sync_file(first == Handle::none ? file : first);
  }
};

/// Of several directories one is synced.
struct OneDirectory final : Lying {
  using Lying::Lying;
  Handle first = Handle::none;
  SysResult<void> close(Handle handle) override {
    if (handle == first) first = Handle::none;
    return Lying::close(handle);
  }
  SysResult<void> sync_directory(Handle directory) override {
    if (first == Handle::none) first = directory;
    return directory == first ? Lying::sync_directory(directory) : success();
  }
};

struct NoAttributes final : Lying {
  using Lying::Lying;
  SysResult<void> set_xattr(Handle /*file*/, const std::string& /*xattr*/,
                            Bytes /*value*/) override {
    return success();
  }
};

/// A full disk, and a program that does not look at what write returns.
struct FullAndSilent final : Lying {
  using Lying::Lying;
  SysResult<std::size_t> write_at(Handle /*file*/, std::uint64_t /*offset*/, Bytes bytes) override {
    return bytes.size();
  }
};

/// An old content is forgotten by the reader: the version is always the same.
struct SameVersion final : Lying {
  using Lying::Lying;
  SysResult<Status> stat(Handle handle) override { return one(ForwardingFileSystem::stat(handle)); }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return one(ForwardingFileSystem::stat_at(directory, name));
  }
  static SysResult<Status> one(SysResult<Status> status) {
    if (status && status.value().type == FileType::regular) {
      status.value().version = {.device = 1, .inode = 1, .size = 1};
    }
    return status;
  }
};

std::vector<Mutant> omissions() {
  std::vector<Mutant> mutants;
  for (std::size_t i = 1; i < correct.size(); ++i) {  // without an image there is nothing to run
    std::vector<Step> steps = correct;
    steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(i));
    mutants.push_back(of_steps("without_" + std::string(step_names[i]), std::move(steps)));
  }
  return mutants;
}

std::vector<Mutant> swaps() {
  std::vector<Mutant> mutants;
  for (std::size_t i = 0; i < correct.size(); ++i) {
    for (std::size_t j = i + 1; j < correct.size(); ++j) {
      std::vector<Step> steps = correct;
      std::swap(steps[i], steps[j]);
      mutants.push_back(
          of_steps("swap_" + std::string(step_names[i]) + "_" + std::string(step_names[j]), steps));
    }
  }
  return mutants;
}

std::vector<Mutant> moves() {
  using enum Step;
  std::vector<Mutant> mutants;
  mutants.push_back(of_steps("no_sync_at_all", {serialize, create, write, metadata, rename}));
  mutants.push_back(of_steps("metadata_behind_rename", {serialize, create, write, sync_file, rename,
                                                        metadata, sync_file, sync_parent}));
  mutants.push_back(of_steps("metadata_last",
                             {serialize, create, write, sync_file, rename, sync_parent, metadata}));
  mutants.push_back(of_steps("write_behind_sync", {serialize, create, write_half, metadata,
                                                   sync_file, write_rest, rename, sync_parent}));
  mutants.push_back(
      of_steps("write_behind_rename", {serialize, create, write_half, metadata, sync_file, rename,
                                       write_rest, sync_file, sync_parent}));
  mutants.push_back(of_steps("file_synced_last",
                             {serialize, create, write, metadata, rename, sync_parent, sync_file}));
  mutants.push_back(of_steps("parent_synced_early_too",
                             {serialize, create, write, metadata, sync_parent, rename, sync_file}));
  mutants.back().proof.workload.name = mutants.back().name;
  Mutant fast = of_steps("awaited_rename_sync",
                         {serialize, create, write, metadata, await, rename, sync_file});
  const std::string protocol = "this is the protocol `fast`, which holds here";
  fast.allowed = {{"ext4", protocol}, {"ext4_journal", protocol}, {"xfs", protocol}};
  mutants.push_back(std::move(fast));
  mutants.push_back(of_steps("awaited_rename_datasync",
                             {serialize, create, write, metadata, await, rename, sync_data},
                             lying<DataOnly>()));
  return mutants;
}

std::vector<Mutant> lies() {
  std::vector<Mutant> mutants{
      mutant_on<DeafToFiles>("deaf_to_files", "replace_durable"),
      mutant_on<DeafToDirectories>("deaf_to_directories", "replace_durable"),
      mutant_on<DeafToDirectories>("remove_without_parent_sync", "remove"),
      mutant_on<DeafToRoot>("parent_not_synced_into_its_own", "create_with_parents"),
      mutant_on<TrustsFound>("found_parent_not_synced", "create_with_parents", 1),
      mutant_on<DataOnly>("datasync_for_sync", "replace_durable"),
      mutant_on<Retrying>("failed_sync_retried", "replace_durable"),
      mutant_on<ParentShrugged>("failed_parent_sync_ignored", "replace_durable"),
      mutant_on<ShortWrites>("short_write_ignored", "replace_durable"),
      mutant_on<FullAndSilent>("write_error_ignored", "replace_durable"),
      mutant_on<RemoveThenRename>("removed_before_rename", "replace_durable"),
      mutant_on<MovedBackup>("backup_by_move", "backup"),
      mutant_on<ReplacingKeep>("keep_by_look", "two_keepers"),
      mutant_on<NoLocks>("swap_without_lock", "two_counters"),
      mutant_on<SameVersion>("version_always_the_same", "compare_and_swap"),
      mutant_on<UnlockedTemps>("live_temps_collected", "writer_and_cleaner"),
      mutant_on<NoCollection>("temps_never_collected", "replace_durable"),
      mutant_on<WideTemps>("temps_too_wide", "replace_durable"),
      mutant_on<NoOwner>("owner_not_kept", "replace_durable"),
      mutant_on<NoAttributes>("attributes_not_kept", "replace_durable"),
      mutant_on<NotAwaiting>("writeback_not_awaited", "automatic_durable"),
      mutant_on<NotAwaiting>("writeback_not_awaited_ordered", "automatic_ordered"),
      mutant_on<DataOnly>("datasync_of_the_published", "automatic_durable"),
      mutant_on<ClaimsToBeExt4>("fast_anywhere", "automatic_durable"),
      mutant_on<DeafToFiles>("batch_deaf_to_files", "batch"),
      mutant_on<OneDirectory>("batch_syncs_one_directory", "batch"),
      mutant_on<SyncOfFirst>("batch_syncs_the_first", "automatic_batch"),
      mutant_on<SyncOfFirst>("group_syncs_the_first", "automatic_group"),
      mutant_on<NotAwaiting>("batch_not_awaited", "automatic_batch"),
      mutant_on<DataOnly>("batch_datasync", "automatic_batch"),
      mutant_on<ClaimsToBeExt4>("fast_batch_anywhere", "automatic_batch"),
      mutant_on<OneSyncOfAll<0>>("whole_batch_content_not_synced", "whole_batch"),
      mutant_on<OneSyncOfAll<1>>("whole_batch_names_not_synced", "whole_batch"),
      mutant_on<OneSyncOfAll<0>>("whole_staged_not_synced", "whole_transaction_small"),
      mutant_on<OneSyncOfAll<1>>("whole_applied_not_synced", "whole_transaction_small"),
  };
  Mutant greedy{"collects_by_suffix", find_proof("replace_durable"), {}, {}, {}};
  greedy.proof.workload.recover = [](Session& session) {
    FileSystem& files = session.files();
    const OwnedHandle directory(files,
                                files.open_directory(Handle::working_directory, "/d").value());
    const auto entries = files.list(directory.get()).value();
    for (const DirectoryEntry& entry : entries) {
      if (entry.name.ends_with(".perdure-tmp")) (void)files.unlink(directory.get(), entry.name);
    }
  };
  mutants.push_back(std::move(greedy));
  return mutants;
}

/// Why presets let mutants pass that others don't.
struct Excuse {
  std::string reason;
  std::vector<std::string> presets;
  std::vector<std::string> mutants;
};

const std::vector<Excuse>& excuses() {
  static const std::vector<Excuse> all{
      {"the protocol is `portable` here, which awaits nothing",
       {"worst", "split_rename", "btrfs"},
       {"writeback_not_awaited", "writeback_not_awaited_ordered", "batch_not_awaited",
        "fast_staged_not_awaited", "fast_journal_not_awaited"}},
      {"the protocol is `whole` here, which syncs no file",
       {"btrfs"},
       {"batch_syncs_the_first", "group_syncs_the_first", "batch_datasync"}},
      {"the protocol is `portable` or `whole` here, which sync the name, too",
       {"worst", "split_rename", "btrfs"},
       {"fast_journal_datasync"}},
      {"the journal has the content before the name, awaited or not",
       {"ext4_journal"},
       {"writeback_not_awaited", "writeback_not_awaited_ordered", "batch_not_awaited",
        "fast_staged_not_awaited", "fast_journal_not_awaited"}},
      {"the protocol `fast` holds here",
       {"ext4", "ext4_journal", "xfs"},
       {"fast_anywhere", "fast_batch_anywhere", "fast_transaction_anywhere"}},
      {"the journal has content and entries in one order, so that a name never gets ahead of what "
       "was written before it",
       {"ext4_journal"},
       {"without_sync_file",
        "swap_write_sync_file",
        "swap_sync_file_rename",
        "swap_sync_file_sync_parent",
        "write_behind_sync",
        "file_synced_last",
        "parent_synced_early_too",
        "deaf_to_files",
        "batch_deaf_to_files",
        "whole_batch_content_not_synced",
        "whole_staged_not_synced",
        "failed_sync_retried",
        "state_not_synced",
        "staged_not_synced",
        "mirrored_not_synced",
        "root_copy_not_synced",
        "root_copy_sync_failure_ignored",
        "staged_sync_failure_ignored",
        "journal_not_synced",
        "journal_sync_failure_ignored",
        "copy_not_synced",
        "log_published_not_awaited",
        "log_cache_trusted",
        "log_redo_not_synced",
        "log_headers_not_flushed",
        "log_before_not_synced"}},
      {"the journal brings every earlier change of metadata along with a later entry",
       {"ext4", "ext4_journal", "xfs"},
       {"swap_metadata_sync_file", "datasync_for_sync", "parent_not_synced_into_its_own",
        "found_parent_not_synced", "staged_datasync"}},
      {"names reach the disk in the order of the calls, whichever directory they are in, so that a "
       "later one brings the earlier along",
       {"ext4", "ext4_journal", "xfs"},
       {"found_names_not_synced", "journal_name_not_synced", "journal_name_failure_ignored",
        "journal_removal_not_synced", "journal_dropped_first", "applied_not_synced",
        "type_change_not_synced", "whole_applied_not_synced", "applied_sync_failure_ignored",
        "made_directory_not_synced", "removed_directory_not_synced", "copy_name_not_synced",
        "recovery_syncs_changed_only"}},
      {"names that no sync overtakes reach the disk in the order of the calls",
       {"ext4", "ext4_journal", "xfs", "btrfs"},
       {"staged_names_not_synced", "symlink_names_not_synced", "staged_dropped_first",
        "private_directory_not_synced", "evidence_not_synced"}},
  };
  return all;
}

const std::vector<Excuse>& excuses_of_renames() {
  static const std::vector<Excuse> all{
      {"a rename is one step: one of the two files is always there",
       {"worst", "ext4", "ext4_journal", "xfs", "btrfs"},
       {"copy_over_found", "half_rename_left"}},
      {"whether somebody removed the file, or a crash halved our rename, can't be told there",
       {"worst", "split_rename"},
       {"removal_undone"}},
      {"the state and the link that keeps it may be lost together there whatever a program does",
       {"split_rename"},
       {"state_name_not_synced", "found_state_not_synced", "evidence_removed",
        "evidence_not_synced"}},
      {"the state may be missing between two of the three steps: the oracle is exempt",
       {"split_rename"},
       {"state_tick_trusted"}},
      {"no metadata can be kept for a target that may be missing: the oracle is exempt",
       {"split_rename"},
       {"without_metadata", "swap_metadata_sync_file", "datasync_for_sync",
        "datasync_of_the_published", "batch_datasync", "temps_too_wide", "owner_not_kept",
        "attributes_not_kept"}},
      {"the target may be missing there whatever a program does",
       {"split_rename"},
       {"removed_before_rename", "backup_by_move"}},
  };
  return all;
}

const std::vector<Excuse>& later_excuses() {
  static const std::vector<Excuse> all{
      {"a staged file has the number of the file whose name was taken, so that no disk brings that "
       "name back",
       {"worst", "split_rename"},
       {"found_names_not_synced"}},
      {"files of a log get their names in no order here, and recovery mends them",
       {"worst", "split_rename", "btrfs"},
       {"log_published_not_awaited"}},
      {"a reader may find a damaged file here anyway, and recovery mends it",
       {"btrfs"},
       {"log_later_not_synced"}},
      {"the journal has content and entries in one order, so that nothing is lost before something "
       "later",
       {"ext4_journal"},
       {"log_published_not_awaited", "log_cache_trusted", "log_redo_not_synced",
        "log_headers_not_flushed", "log_before_not_synced", "log_later_not_synced",
        "log_header_left_behind"}},
      {"no record goes past the cache here",
       {"worst", "split_rename", "btrfs"},
       {"log_direct_not_durable", "log_header_left_behind"}},
  };
  return all;
}

/// Mutants that a preset rightly lets pass, and mutations that change nothing.
void excuse(Mutant& mutant) {
  for (const auto* all : {&excuses(), &excuses_of_renames(), &later_excuses()}) {
    for (const Excuse& excuse : *all) {
      if (std::ranges::find(excuse.mutants, mutant.name) == excuse.mutants.end()) continue;
      for (const std::string& preset : excuse.presets) mutant.allowed[preset] = excuse.reason;
    }
  }
  static const std::map<std::string, std::string> equivalents{
      {"swap_serialize_create", "the temp is made before there is an image: nothing depends on it"},
      {"swap_write_metadata",
       "metadata before content: the sync covers both; a write takes nothing from this file that "
       "its owner's process may not"},
  };
  if (const auto known = equivalents.find(mutant.name); known != equivalents.end()) {
    mutant.equivalent = known->second;
  }
}

}  // namespace

std::vector<Mutant> all_mutants() {
  std::vector<Mutant> mutants;
  for (auto make : {omissions, swaps, moves, lies, tracker_mutants, transaction_mutants,
                    identity_mutants, log_mutants}) {
    for (Mutant& mutant : make()) {
      mutant.proof.workload.name = mutant.name;
      excuse(mutant);
      mutants.push_back(std::move(mutant));
    }
  }
  return mutants;
}

ExploreOptions options_for(const Mutant& mutant, const Preset& preset) {
  ExploreOptions options = options_for(mutant.proof, preset);
  options.layer = mutant.layer;
  options.depth = mutant.depth;
  options.tears_max = std::min<std::size_t>(options.tears_max, 16);
  return options;
}

}  // namespace perdure::test
