// SPDX-License-Identifier: BSL-1.0
// Calls on one file by path: write, read, remove, version.
#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/directory.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/target.hpp"

namespace perdure {
namespace {

/// A read-only look at a target, links followed as a commit would.
struct Look {
  Look(const Path& path, System system) : commit(*system.files, *system.environment, options) {
    commit.path = path.native();
  }
  Result<void> open(const Path& path) {
    BOOST_OUTCOME_TRY(claim.directory, open_directory(commit.files, path.parent_path()));
    return resolve(commit, claim.directory.get(), path.filename().native(), claim);
  }

  WriteOptions options;
  Claim claim;
  Commit commit;
};

/// The unlink failed: is the name gone all the same (a network file system's lost answer)?
Fate fate_after_unlink(const Commit& commit) {
  if (!commit.existing) return Fate::unchanged;
  const auto now = commit.files.stat_at(commit.directory, commit.leaf);
  if (now && now.value().version.same_file(commit.existing->version)) return Fate::unchanged;
  const bool gone = !now && is_missing(now.error());
  return gone ? Fate::visible : Fate::unknown;
}

Result<void> unlink_expected(Commit& commit) {
  Claim claim;
  BOOST_OUTCOME_TRY(claim_target(commit, claim));
  const auto removed = commit.files.unlink(commit.directory, commit.leaf);
  if (!removed) {
    commit.fate = fate_after_unlink(commit);
    return commit.failure("remove the file", removed.error());
  }
  commit.fate = Fate::visible;
  if (commit.options.durability != Durability::durable) return success();
  return SyncParent().run(commit);
}

}  // namespace

Result<Receipt> write_file(const Path& target, Bytes image, const WriteOptions& options,
                           const std::optional<Version>& expected, System system) {
  BOOST_OUTCOME_TRY(const auto writer, AtomicWriter::bind(target.parent_path(), options, system));
  return writer.commit(target.filename().native(), image, expected);
}

Result<FileContent> read_file(const Path& path, std::uint64_t size_max, System system) {
  Look look(path, system);
  BOOST_OUTCOME_TRY(look.open(path));
  return read_steady(look.commit, look.commit.leaf, size_max, {});
}

Result<Version> read_version(const Path& path, System system) {
  Look look(path, system);
  BOOST_OUTCOME_TRY(look.open(path));
  return look.commit.existing ? look.commit.existing->version : Version::absent();
}

bool is_reserved_name(std::string_view leaf) {
  return names::is_own(leaf);
}

Result<void> remove_file(const Path& target, const WriteOptions& options,
                         const std::optional<Version>& expected, System system) {
  WriteOptions only_these;
  only_these.durability = options.durability;
  only_these.coordinate = options.coordinate;
  only_these.lock_timeout_ms = options.lock_timeout_ms;
  only_these.symlink = SymlinkPolicy::replace;
  Commit commit(*system.files, *system.environment, only_these);
  commit.path = target.native();
  commit.expected = expected;
  Claim claim;
  BOOST_OUTCOME_TRY(OwnedHandle directory, open_directory(commit.files, target.parent_path()));
  BOOST_OUTCOME_TRY(resolve(commit, directory.get(), target.filename().native(), claim));
  return unlink_expected(commit);
}

}  // namespace perdure
