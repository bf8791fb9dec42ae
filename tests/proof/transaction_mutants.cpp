// SPDX-License-Identifier: BSL-1.0
// The journal's protocol with each of its barriers taken out: file systems that know which call is
// which by the names of the files, and leave that one out.
#include "transaction_mutants.hpp"

#include <set>

#include "lies.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// Knows what a handle was opened as, and how far the transaction or the recovery has come.
struct Watching : Lying {
  using Lying::Lying;

  std::map<Handle, std::string> names;
  bool recovering = false;       // a journal was there to be read
  bool journal_written = false;  // j.tmp was made ...
  bool journal_named = false;    // ... renamed ...
  bool journal_synced = false;   // ... and its directory synced
  bool journal_gone = false;     // unlinked
  std::set<Handle> changed;      // directories in which a name was changed

  [[nodiscard]] std::string name(Handle handle) const {
    const auto found = names.find(handle);
    return found == names.end() ? "" : found->second;
  }
  [[nodiscard]] bool is_private_directory(Handle handle) const {
    return name(handle) == ".perdure";
  }
  [[nodiscard]] bool is_staged(Handle handle) const { return name(handle).starts_with("s_"); }
  static bool is_journal(const std::string& name) { return name == "j" || name == "j.copy"; }

  SysResult<Handle> known(SysResult<Handle> opened, const std::string& as) {
    if (opened) names[opened.value()] = as;
    return opened;
  }
  SysResult<Handle> open_directory(Handle from, const std::string& path) override {
    return known(Lying::open_directory(from, path), path);
  }
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override {
    return known(Lying::open_beneath(from, path), path);
  }
  SysResult<Handle> create(Handle directory, const std::string& file, std::uint32_t mode) override {
    if (file == "j.tmp") journal_written = true;
    return known(Lying::create(directory, file, mode), file);
  }
  SysResult<Handle> open_file(Handle directory, const std::string& file) override {
    auto opened = known(Lying::open_file(directory, file), file);
    if (opened && is_journal(file)) recovering = true;
    return opened;
  }
  SysResult<void> close(Handle handle) override {
    names.erase(handle);
    return Lying::close(handle);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    const auto renamed = Lying::rename(from_directory, from, to_directory, to, mode);
    if (from == "j.tmp") journal_named = true;
    changed.insert(to_directory);
    return renamed;
  }
  SysResult<void> unlink(Handle directory, const std::string& file) override {
    const auto removed = Lying::unlink(directory, file);
    if (removed) changed.insert(directory);
    if (removed && is_journal(file)) journal_gone = true;
    return removed;
  }
  SysResult<void> sync_directory(Handle directory) override {
    if (is_private_directory(directory) && journal_named) journal_synced = true;
    return Lying::sync_directory(directory);
  }
};

/// A sync of a file that `which` picks does nothing; with `failed` it fails, and nobody says so.
template <bool which(const Watching&, Handle), bool failed = false>
struct FileUnsynced final : Watching {
  using Watching::Watching;
  SysResult<void> sync_file(Handle file) override {
    if (!which(*this, file)) return Watching::sync_file(file);
    if (failed) disk.lose_sync(file);
    return success();
  }
};

/// Content that `which` picks is not awaited.
template <bool which(const Watching&, Handle)>
struct Unawaited final : Watching {
  using Watching::Watching;
  SysResult<void> await_writeback(Handle file) override {
    return which(*this, file) ? success() : Watching::await_writeback(file);
  }
};

template <bool which(const Watching&, Handle), bool failed = false>
struct DirectoryUnsynced final : Watching {
  using Watching::Watching;
  SysResult<void> sync_directory(Handle directory) override {
    if (!which(*this, directory)) return Watching::sync_directory(directory);
    if (failed) disk.lose_sync(directory);
    if (is_private_directory(directory) && journal_named) journal_synced = true;
    return success();
  }
};

bool any_handle(const Watching& /*files*/, Handle /*handle*/) {
  return true;
}
bool staged_file(const Watching& files, Handle file) {
  return files.is_staged(file);
}
bool journal_file(const Watching& files, Handle file) {
  return files.name(file) == "j.tmp" && !files.recovering;
}
bool copied_file(const Watching& files, Handle file) {
  return files.name(file) == "j.tmp" && files.recovering;
}
bool staged_names(const Watching& files, Handle directory) {
  return files.is_private_directory(directory) && !files.journal_written;
}
bool journal_name(const Watching& files, Handle directory) {
  return files.is_private_directory(directory) && files.journal_named && !files.journal_synced &&
         !files.recovering;
}
bool copied_name(const Watching& files, Handle directory) {
  return files.is_private_directory(directory) && !files.journal_synced && files.recovering;
}
bool journal_removal(const Watching& files, Handle directory) {
  return files.is_private_directory(directory) && files.journal_gone;
}
bool applied(const Watching& files, Handle directory) {
  return !files.is_private_directory(directory) && files.journal_named;
}
bool made_directory(const Watching& files, Handle directory) {
  return files.name(directory) == "f";
}
bool removed_directories(const Watching& files, Handle directory) {
  return files.name(directory) == "/r" && files.journal_named;
}
bool unchanged_in_recovery(const Watching& files, Handle directory) {
  return files.recovering && !files.is_private_directory(directory) &&
         !files.changed.contains(directory);
}
bool found_names(const Watching& files, Handle directory) {
  return !files.is_private_directory(directory) && !files.journal_written;
}
bool private_directory(const Watching& files, Handle directory) {
  return files.name(directory) == "/r" && !files.changed.contains(directory);
}

/// fdatasync(2) for fsync(2).
struct StagedDataOnly final : Watching {
  using Watching::Watching;
  SysResult<void> sync_file(Handle file) override {
    return is_staged(file) ? disk.sync_data(file) : Watching::sync_file(file);
  }
};

/// The same for the journal.
struct JournalDataOnly final : Watching {
  using Watching::Watching;
  SysResult<void> sync_file(Handle file) override {
    return name(file) == "j.tmp" ? disk.sync_data(file) : Watching::sync_file(file);
  }
};

/// The journal is removed as soon as it is durable, and then things are put in place.
struct JournalDroppedAtOnce final : Watching {
  using Watching::Watching;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (journal_named && !recovering) (void)unlink(from_directory, "j");
    return Watching::link(from_directory, from, to_directory, to);
  }
};

/// The journal is removed first, and then what it is there for is synced.
struct JournalDroppedFirst final : Watching {
  using Watching::Watching;
  Handle private_directory = Handle::none;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (from == "j.tmp") private_directory = to_directory;
    return Watching::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> sync_directory(Handle directory) override {
    if (!is_private_directory(directory) && journal_synced && !journal_gone) {
      (void)unlink(private_directory, "j.copy");
      (void)unlink(private_directory, "j");
      (void)Watching::sync_directory(private_directory);
    }
    return Watching::sync_directory(directory);
  }
};

/// The staged files are removed before the directories that have their new names are synced.
struct StagedDroppedFirst final : Watching {
  using Watching::Watching;
  Handle private_directory = Handle::none;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    private_directory = from_directory;
    return Watching::link(from_directory, from, to_directory, to);
  }
  SysResult<void> sync_directory(Handle directory) override {
    if (!is_private_directory(directory) && journal_synced && private_directory != Handle::none) {
      const auto entries = list(private_directory);
      for (const DirectoryEntry& entry : entries.value()) {
        if (entry.name.starts_with("s_")) (void)unlink(private_directory, entry.name);
      }
    }
    return Watching::sync_directory(directory);
  }
};

/// The staged file itself is moved into place: what was done once can't be done again.
struct StagedMoved final : Watching {
  using Watching::Watching;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (!from.starts_with("s_")) return Watching::link(from_directory, from, to_directory, to);
    return Watching::rename(from_directory, from, to_directory, to, RenameMode::replace);
  }
};

/// Redo stops at what an earlier one left on its way.
struct RedoOnce final : Watching {
  using Watching::Watching;
  bool refused = false;
  SysResult<void> unlink(Handle directory, const std::string& file) override {
    if (recovering && file.ends_with(".perdure-put")) {
      return std::make_error_code(std::errc::file_exists);
    }
    return Watching::unlink(directory, file);
  }
};

/// The journal is written under its own name from the start.
struct JournalInPlace final : Watching {
  using Watching::Watching;
  SysResult<Handle> create(Handle directory, const std::string& file, std::uint32_t mode) override {
    return Watching::create(directory, file == "j.tmp" ? "j" : file, mode);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (from == "j.tmp") return success();
    return Watching::rename(from_directory, from, to_directory, to, mode);
  }
};

/// Nothing says that there is a transaction: names change one by one.
struct NoJournal final : Watching {
  using Watching::Watching;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (from == "j.tmp") return Watching::unlink(from_directory, from);
    return Watching::rename(from_directory, from, to_directory, to, mode);
  }
};

/// Recovery does not look for a journal.
struct JournalIgnored final : Watching {
  using Watching::Watching;
  SysResult<Handle> open_file(Handle directory, const std::string& file) override {
    if (is_journal(file)) return std::make_error_code(std::errc::no_such_file_or_directory);
    return Watching::open_file(directory, file);
  }
};

/// Staged files are collected before anybody looks for a journal.
struct CollectedFirst final : Watching {
  using Watching::Watching;
  SysResult<Handle> open_file(Handle directory, const std::string& file) override {
    if (file == "j") {
      const auto entries = list(directory);
      for (const DirectoryEntry& entry : entries.value()) {
        if (entry.name.starts_with("s_")) (void)Watching::unlink(directory, entry.name);
      }
    }
    return Watching::open_file(directory, file);
  }
};

/// Recovery's copy goes over the journal that was found.
struct CopyOverFound final : Watching {
  using Watching::Watching;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    return Watching::rename(from_directory, from, to_directory, to == "j.copy" ? "j" : to, mode);
  }
};

/// A name that is not removed, and nobody notices.
template <char first>
struct Kept final : Watching {
  using Watching::Watching;
  SysResult<void> unlink(Handle directory, const std::string& file) override {
    if (is_private_directory(directory) && file.front() == first) return success();
    return Watching::unlink(directory, file);
  }
};

struct ApplyTempKept final : Watching {
  using Watching::Watching;
  SysResult<void> unlink(Handle directory, const std::string& file) override {
    if (file.ends_with(".perdure-put")) return success();
    return Watching::unlink(directory, file);
  }
};

struct NoRootLock final : Watching {
  using Watching::Watching;
  SysResult<void> try_lock(Handle /*file*/, LockMode /*mode*/) override { return success(); }
};

/// A file is known by nothing: every one is taken for the one that is wanted.
struct AllAlike final : Watching {
  using Watching::Watching;
  SysResult<Status> stat(Handle handle) override { return one(Watching::stat(handle)); }
  SysResult<Status> stat_at(Handle directory, const std::string& file) override {
    return one(Watching::stat_at(directory, file));
  }
  static SysResult<Status> one(SysResult<Status> status) {
    if (status && status.value().type == FileType::regular) {
      status.value().version.inode = 1;
      status.value().version.birth_ns = 1;
      status.value().version.mtime_ns = 1;
    }
    return status;
  }
};

/// Nobody looks again before a path is put in place: what it was at the check it still is.
struct LooksOnce final : Watching {
  using Watching::Watching;
  std::map<std::string, SysResult<Status>> seen;
  SysResult<Status> stat_at(Handle directory, const std::string& file) override {
    const auto now = Watching::stat_at(directory, file);
    if (is_private_directory(directory) || recovering) return now;
    const std::string path = name(directory) + "/" + file;
    if (!journal_named) seen.insert_or_assign(path, now);
    const auto before = seen.find(path);
    return before == seen.end() ? now : before->second;
  }
};

/// A directory is known by its name alone.
struct DirectoriesAlike final : Watching {
  using Watching::Watching;
  SysResult<Status> stat(Handle handle) override {
    auto status = Watching::stat(handle);
    if (status && status.value().type == FileType::directory) {
      status.value().version.inode = 1;
      status.value().version.birth_ns = 1;
    }
    return status;
  }
};

/// A directory stays where it is.
struct DirectoryKept final : Watching {
  using Watching::Watching;
  SysResult<void> remove_directory(Handle directory, const std::string& file) override {
    return journal_named ? success() : Watching::remove_directory(directory, file);
  }
};

/// Recovery takes every missing file for half of a rename.
struct RenamesInSteps final : ClaimsToBe {
  explicit RenamesInSteps(SimulatedFileSystem& below) : ClaimsToBe(below, "unknown") {}
};

/// Recovery takes no missing file for that.
struct RenamesAtOnce final : ClaimsToBe {
  explicit RenamesAtOnce(SimulatedFileSystem& below) : ClaimsToBe(below, "xfs") {}
};

}  // namespace

std::vector<Mutant> transaction_mutants() {
  const std::string small = "transaction_small";
  const std::string others = "transaction_then_others";
  const std::string beside = "transaction_beside_others";
  const std::string trees = "transaction_directories";
  const std::string types = "transaction_type_changes";
  const std::string fast = "automatic_transaction_small";
  return {
      mutant_on<FileUnsynced<staged_file>>("staged_not_synced", small),
      mutant_on<FileUnsynced<staged_file, true>>("staged_sync_failure_ignored", small),
      mutant_on<StagedDataOnly>("staged_datasync", "transaction_metadata"),
      mutant_on<DirectoryUnsynced<staged_names>>("staged_names_not_synced", small),
      mutant_on<FileUnsynced<journal_file>>("journal_not_synced", small),
      mutant_on<FileUnsynced<journal_file, true>>("journal_sync_failure_ignored", small),
      mutant_on<DirectoryUnsynced<journal_name>>("journal_name_not_synced", small),
      mutant_on<DirectoryUnsynced<journal_name, true>>("journal_name_failure_ignored", small),
      mutant_on<DirectoryUnsynced<applied>>("applied_not_synced", small),
      mutant_on<DirectoryUnsynced<applied, true>>("applied_sync_failure_ignored", small),
      mutant_on<DirectoryUnsynced<made_directory>>("made_directory_not_synced", small),
      mutant_on<DirectoryUnsynced<removed_directories>>("removed_directory_not_synced", trees),
      mutant_on<DirectoryUnsynced<staged_names>>("symlink_names_not_synced",
                                                 "transaction_symlinks"),
      mutant_on<FileUnsynced<any_handle>>("root_copy_not_synced", "root_copy"),
      mutant_on<FileUnsynced<any_handle, true>>("root_copy_sync_failure_ignored", "root_copy"),
      mutant_on<DirectoryUnsynced<any_handle>>("root_copy_names_not_synced", "root_copy"),
      mutant_on<DirectoryKept>("removed_directory_kept", trees),
      mutant_on<DirectoryKept>("type_change_directory_kept", types),
      mutant_on<DirectoryUnsynced<applied>>("type_change_not_synced", types),
      mutant_on<FileUnsynced<staged_file>>("mirrored_not_synced", "transaction_mirror"),
      mutant_on<DirectoryUnsynced<journal_removal>>("journal_removal_not_synced", others),
      mutant_on<DirectoryUnsynced<found_names>>("found_names_not_synced",
                                                "transaction_over_unsynced"),
      mutant_on<DirectoryUnsynced<private_directory>>("private_directory_not_synced",
                                                      "transaction_first"),
      mutant_on<JournalDroppedFirst>("journal_dropped_first", small),
      mutant_on<StagedDroppedFirst>("staged_dropped_first", small),
      mutant_on<StagedMoved>("staged_moved_into_place", small),
      mutant_on<RedoOnce>("redo_not_repeatable", small),
      mutant_on<JournalInPlace>("journal_in_place", small),
      mutant_on<NoJournal>("no_journal", small),
      mutant_on<JournalIgnored>("journal_ignored", small),
      mutant_on<CollectedFirst>("staged_collected_first", small),
      mutant_on<FileUnsynced<copied_file>>("copy_not_synced", small, 1),
      mutant_on<DirectoryUnsynced<copied_name>>("copy_name_not_synced", small, 1),
      mutant_on<DirectoryUnsynced<unchanged_in_recovery>>("recovery_syncs_changed_only", small, 1),
      mutant_on<CopyOverFound>("copy_over_found", small, 1),
      mutant_on<Kept<'j'>>("journal_never_removed", small),
      mutant_on<Kept<'s'>>("staged_never_removed", small),
      mutant_on<ApplyTempKept>("apply_temp_kept", "transaction_own_link"),
      mutant_on<NoRootLock>("root_lock_ignored", "two_committers"),
      mutant_on<AllAlike>("files_all_alike", small),
      mutant_on<LooksOnce>("looks_once", beside),
      mutant_on<DirectoriesAlike>("directories_all_alike", beside),
      mutant_on<RenamesInSteps>("removal_undone", beside),
      mutant_on<RenamesAtOnce>("half_rename_left", small),
      mutant_on<Unawaited<staged_file>>("fast_staged_not_awaited", fast),
      mutant_on<Unawaited<journal_file>>("fast_journal_not_awaited", fast),
      mutant_on<FileUnsynced<journal_file>>("fast_journal_not_synced", fast),
      mutant_on<JournalDataOnly>("fast_journal_datasync", fast),
      mutant_on<JournalDroppedAtOnce>("fast_journal_dropped_at_once", fast),
      mutant_on<ClaimsToBeExt4>("fast_transaction_anywhere", fast),
  };
}

}  // namespace perdure::test
