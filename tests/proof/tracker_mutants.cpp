// SPDX-License-Identifier: BSL-1.0
// Mutants of the tracked state: each leaves out something that keeps it safe.
#include "lies.hpp"
#include "transaction_mutants.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// The finding of `open` is trusted as it is: after a kill it may be in the page cache alone.
struct FoundUnsynced final : Lying {
  using Lying::Lying;
  bool saving = false;
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    saving = true;
    return Lying::create(directory, name, mode);
  }
  SysResult<void> sync_file(Handle file) override {
    return saving ? Lying::sync_file(file) : success();
  }
  SysResult<void> sync_directory(Handle directory) override {
    return saving ? Lying::sync_directory(directory) : success();
  }
};

bool is_evidence(const std::string& name) {
  return name.starts_with("state.damaged-");
}

/// A damaged file is in the way, and goes.
struct EvidenceRemoved final : Lying {
  using Lying::Lying;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (is_evidence(to)) return Lying::unlink(from_directory, from);
    return Lying::rename(from_directory, from, to_directory, to, mode);
  }
};

/// It is moved away, and nobody waits until that has reached the disk.
struct EvidenceUnsynced final : Lying {
  using Lying::Lying;
  bool moved = false;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    moved = is_evidence(to);
    return Lying::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> sync_directory(Handle directory) override {
    return moved ? success() : Lying::sync_directory(directory);
  }
};

/// Nobody looks at the numbers beside the state.
struct NumbersUnseen final : Lying {
  using Lying::Lying;
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override {
    BOOST_OUTCOME_TRY(auto entries, Lying::list(directory));
    std::erase_if(entries, [](const DirectoryEntry& entry) {
      return entry.name.ends_with(".perdure-prev") || is_evidence(entry.name);
    });
    return entries;
  }
};

}  // namespace

std::vector<Mutant> tracker_mutants() {
  return {mutant_on<DeafToFiles>("state_not_synced", "tracker_saves"),
          mutant_on<DeafToDirectories>("state_name_not_synced", "tracker_saves"),
          mutant_on<FoundUnsynced>("found_state_not_synced", "tracker_saves", 1),
          mutant_on<MovedBackup>("previous_by_move", "tracker_saves"),
          mutant_on<EvidenceRemoved>("evidence_removed", "tracker_damage"),
          mutant_on<EvidenceUnsynced>("evidence_not_synced", "tracker_damage"),
          mutant_on<NumbersUnseen>("numbers_beside_unseen", "tracker_put_back"),
          mutant_on<NoLocks>("state_lock_ignored", "two_trackers")};
}

}  // namespace perdure::test
