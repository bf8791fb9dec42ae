// SPDX-License-Identifier: BSL-1.0
// Calls on one file by path: write, read, remove, version.
#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/observe.hpp"
#include "engine/read.hpp"
#include "engine/sync.hpp"
#include "engine/target.hpp"

namespace perdure {
namespace {

/// The unlink failed. The name may be gone all the same, if a network file system lost the answer:
/// finds out.
Fate fate_after_unlink(const Target& target) {
  if (!target.existing) return Fate::unchanged;
  const auto now = target.files.stat_at(target.directory, target.leaf);
  if (now && now.value().version.same_file(target.existing->version)) return Fate::unchanged;
  const bool gone = !now && is_missing(now.error());
  return gone ? Fate::visible : Fate::unknown;
}

/// Opens the file at `path`, links followed, for a call that only reads.
template <class T, class Read>
Result<T> with_read_target(const Path& path, System system, Read read) {
  Target target(*system.files, *system.environment);
  auto found = open_target(target, path, SymlinkPolicy::follow);
  return reading(found ? Result<T>(read(target)) : Result<T>(std::move(found.error())));
}

}  // namespace

Result<Receipt> write_file(const Path& target, Bytes image, const WriteOptions& options,
                           System system) {
  WriteOptions of_directory = options;
  of_directory.expected.reset();
  BOOST_OUTCOME_TRY(const auto writer,
                    AtomicWriter::bind(target.parent_path(), std::move(of_directory), system));
  return writer.commit(target.filename().native(), image, {.expected = options.expected});
}

Result<FileContent> read_file(const Path& path, std::uint64_t size_max, System system) {
  return with_read_target<FileContent>(path, system, [&](const Target& target) {
    return read_steady(target, target.leaf, size_max, {});
  });
}

Result<Version> read_version(const Path& path, System system) {
  return with_read_target<Version>(path, system, settled_version);
}

Result<Version> read_content_version(const Path& path, System system) {
  return with_read_target<Version>(path, system, [](const Target& target) -> Result<Version> {
    if (!target.existing) return Version::absent();
    return hash_steady(target, target.leaf);
  });
}

bool is_reserved_name(std::string_view leaf) {
  return names::is_own(leaf);
}

namespace {

Result<void> remove_from_directory(const Path& path, const WriteOptions& options, System system) {
  WriteOptions only_these;
  only_these.durability = options.durability;
  only_these.coordinate = options.coordinate;
  only_these.lock_timeout_ms = options.lock_timeout_ms;
  only_these.stop = options.stop;
  only_these.symlink = SymlinkPolicy::replace;
  Target target(*system.files, *system.environment);
  target.observer = system.observer;
  target.expected = options.expected;
  BOOST_OUTCOME_TRY(open_target(target, path, only_these.symlink));
  BOOST_OUTCOME_TRY(claim_target(target, only_these));
  const std::uint64_t mark = failed_syncs();
  const auto removed = target.files.unlink(target.directory, target.leaf);
  if (!removed) {
    target.fate = fate_after_unlink(target);
    return target.failure("remove the file", removed.error());
  }
  target.fate = Fate::visible;
  if (options.durability != Durability::durable) return success();
  return sync_parent_durably(target, mark);
}

}  // namespace

Result<void> remove_file(const Path& path, const WriteOptions& options, System system) {
  return observed(
      system.observer, path.native(), Fate::unknown,
      [&] { return remove_from_directory(path, options, system); },
      [&](Observer& observer, const Result<void>& outcome) {
        if (outcome) {
          observer.committed({.path = path.native(), .durability = options.durability});
        } else {
          observer.failed({.path = path.native()}, outcome.error());
        }
      });
}

}  // namespace perdure
