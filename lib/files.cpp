// SPDX-License-Identifier: BSL-1.0
#include <limits>

#include <perdure/files.hpp>

#include "commit.hpp"
#include "metadata.hpp"
#include "names.hpp"
#include "target.hpp"

namespace perdure {
namespace {

Error read_failure(const Path& path, ErrorKind kind, std::error_code cause, std::string detail) {
  return {.kind = kind,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = "read the file",
          .path = path.native(),
          .detail = std::move(detail)};
}

/// A read-only look at a target, links followed as a commit would.
struct Look {
  Look(const Path& path, System system) : commit(*system.files, *system.environment, options) {
    commit.path = path.native();
  }
  Result<void> open(const Path& path) {
    BOOST_OUTCOME_TRY(claim.directory,
                      open_directory(commit.files, path.parent_path(), false, false));
    return resolve(commit, claim.directory.get(), path.filename().native(), claim);
  }

  WriteOptions options;
  Claim claim;
  Commit commit;
};

/// One pass over the file; false when it was rewritten in place meanwhile.
Result<bool> read_once(Commit& commit, const Path& path, Handle file, std::uint64_t size_max,
                       FileContent& content) {
  FileSystem& files = commit.files;
  const auto before = files.stat(file);
  if (!before) return commit.failure("read the file", before.error());
  if (before.value().type != FileType::regular) {
    return read_failure(path, ErrorKind::not_regular, {}, "it is no regular file");
  }
  if (before.value().version.size > size_max) {
    return read_failure(path, ErrorKind::invalid_argument, {},
                        "it has " + std::to_string(before.value().version.size) + " bytes, and " +
                            std::to_string(size_max) + " are the most allowed");
  }
  content.bytes.resize(static_cast<std::size_t>(before.value().version.size));
  std::size_t done = 0;
  while (done < content.bytes.size()) {
    const auto got = files.read_at(file, done, std::span(content.bytes).subspan(done));
    if (!got) return commit.failure("read the file", got.error());
    if (got.value() == 0) return false;
    done += got.value();
  }
  const auto after = files.stat(file);
  if (!after) return commit.failure("read the file", after.error());
  content.version = after.value().version;
  return content.version.size == before.value().version.size &&
         content.version.mtime_ns == before.value().version.mtime_ns;
}

Result<void> unlink_expected(Commit& commit) {
  Claim claim;
  BOOST_OUTCOME_TRY(claim_target(commit, claim));
  const auto removed = commit.files.unlink(commit.directory, commit.leaf);
  if (!removed) return commit.failure("remove the file", removed.error());
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
  constexpr int attempts_max = 10;
  Look look(path, system);
  BOOST_OUTCOME_TRY(look.open(path));
  Commit& commit = look.commit;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto opened = commit.files.open_file(commit.directory, commit.leaf);
    if (!opened) return commit.failure("open the file", opened.error());
    const OwnedHandle file(commit.files, opened.value());
    FileContent content;
    BOOST_OUTCOME_TRY(const bool steady, read_once(commit, path, file.get(), size_max, content));
    if (steady) return content;
  }
  return read_failure(path, ErrorKind::conflict, {},
                      "somebody rewrites it in place all the time; ask them to stop");
}

Result<Version> read_version(const Path& path, System system) {
  Look look(path, system);
  BOOST_OUTCOME_TRY(look.open(path));
  return look.commit.existing ? look.commit.existing->version : Version::absent();
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
  BOOST_OUTCOME_TRY(OwnedHandle directory,
                    open_directory(commit.files, target.parent_path(), false, false));
  BOOST_OUTCOME_TRY(resolve(commit, directory.get(), target.filename().native(), claim));
  return unlink_expected(commit);
}

}  // namespace perdure
