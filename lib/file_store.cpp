// SPDX-License-Identifier: BSL-1.0
#include <algorithm>

#include <perdure/state_store.hpp>

#include "commit.hpp"
#include "lock.hpp"
#include "metadata.hpp"
#include "names.hpp"
#include "random_pool.hpp"
#include "read.hpp"
#include "target.hpp"

namespace perdure {
namespace {

Revision to_revision(const Version& version) {
  return {to_string(version)};
}

/// Gives the current state its second name before the new one takes the first. The name bears the
/// generation: a link to a fixed name would, after a crash before the publish, be the current file.
struct KeepGeneration {
  static constexpr std::string_view name = "keep generation";
  static constexpr Fact needs = Fact::ordered;
  static constexpr Fact gives = Fact::none;
  std::optional<std::uint64_t> generation;

  Result<void> run(Commit& commit) const;
};

Result<void> KeepGeneration::run(Commit& commit) const {
  if (!generation || !commit.existing) return success();
  const std::string kept = names::previous_of(commit.leaf, *generation);
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  if (!linked && linked.error() != std::errc::file_exists) {
    return commit.failure("keep the previous generation", linked.error());
  }
  BOOST_OUTCOME_TRY(const auto now, look(commit));
  if (!linked) {  // a crash between link and publish left it, or it is somebody else's
    const auto there = commit.files.stat_at(commit.directory, kept);
    if (!there) return commit.failure("keep the previous generation", there.error());
    if (!now || !there.value().version.same_file(now->version)) {
      return commit.failure("keep the previous generation", ErrorKind::exists,
                            "'" + kept + "' is another file; move it away");
    }
  }
  // The link changed nothing but the ctime; whatever else differs is for Rename to refuse.
  if (now && commit.expected) {
    Version unlinked = now->version;
    unlinked.ctime_ns = commit.expected->ctime_ns;
    if (unlinked == *commit.expected) commit.expected = now->version;
  }
  return success();
}

/// Drops what is too old. A name that won't go is named again by the next draft.
struct DropGenerations {
  static constexpr std::string_view name = "drop generations";
  static constexpr Fact needs = Fact::published;
  static constexpr Fact gives = Fact::none;
  const std::vector<std::uint64_t>* generations;

  Result<void> run(Commit& commit) const {
    for (const auto generation : *generations) {
      (void)commit.files.unlink(commit.directory, names::previous_of(commit.leaf, generation));
    }
    return success();
  }
};

class FileStore final : public StateStore {
 public:
  FileStore(const Path& path, const FileStoreOptions& options, System system)
      : path_(path.native()),
        files_(*system.files),
        random_(*system.environment),
        size_max_(options.size_max) {
    write_options_.metadata = options.metadata;
    write_options_.make_parents = options.make_parents;
  }

  Result<void> open(const Path& path) {
    BOOST_OUTCOME_TRY(check_options(write_options_, path_));
    Commit commit = begin();
    BOOST_OUTCOME_TRY(OwnedHandle parent, open_directory(files_, path.parent_path(),
                                                         write_options_.make_parents, true));
    Claim claim;
    BOOST_OUTCOME_TRY(resolve(commit, parent.get(), path.filename().native(), claim));
    followed_ = commit.leaf != path.filename().native() || claim.directory;
    directory_ = claim.directory ? std::move(claim.directory) : std::move(parent);
    leaf_ = commit.leaf;
    return success();
  }

  Result<std::unique_ptr<Lock>> lock(std::chrono::milliseconds timeout_ms) override {
    auto taken =
        take_lock(files_, random_, directory_.get(), leaf_, LockMode::exclusive, timeout_ms);
    if (taken) return std::make_unique<FileLock>(std::move(taken.value()));
    Error error = begin().failure("take the state's lock", taken.error());
    if (taken.error() == std::errc::timed_out) {
      error.kind = ErrorKind::lock_timeout;
      error.detail = "another program has this state open or is saving it";
    }
    return error;
  }

  Result<Revision> revision() override {
    BOOST_OUTCOME_TRY(seen_, look(begin()));
    return seen_ ? to_revision(seen_->version) : Revision{};
  }

  Result<std::optional<StoredState>> load() override { return load_leaf(leaf_); }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    return load_leaf(names::previous_of(leaf_, generation));
  }

  Result<Revision> commit(const StateDraft& draft) override {
    Commit commit = begin();
    commit.image = draft.image;
    commit.expected = Version::absent();
    if (!draft.expected.is_absent()) {
      BOOST_OUTCOME_TRY(commit.expected, parse_version(draft.expected.token));
    }
    if (!seen_ || seen_->version != *commit.expected) {  // else it was looked at just now
      BOOST_OUTCOME_TRY(seen_, look(commit));
    }
    commit.existing = seen_;
    BOOST_OUTCOME_TRY(check_target(commit));
    BOOST_OUTCOME_TRY(read_xattrs(commit));
    const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                            KeepGeneration{draft.keep_as}, Rename{}, SyncParent{},
                            DropGenerations{&draft.drop});
    BOOST_OUTCOME_TRY(const Receipt receipt, run_commit(commit, AnyPipeline(pipeline)));
    return to_revision(receipt.version);
  }

  Result<StateHistory> history() override {
    const auto entries = files_.list(directory_.get());
    if (!entries) return begin().failure("list the state's generations", entries.error());
    StateHistory history;
    for (const auto& entry : entries.value()) {
      if (const auto previous = names::parse_previous(entry.name, leaf_)) {
        history.previous.push_back(*previous);
        history.generation_max = std::max(history.generation_max, *previous);
      } else if (const auto damaged = names::parse_damaged(entry.name, leaf_)) {
        history.generation_max = std::max(history.generation_max, *damaged);
      }
    }
    std::sort(history.previous.rbegin(), history.previous.rend());
    return history;
  }

  Result<std::string> set_aside(std::uint64_t generation) override {
    constexpr std::string_view step = "set the damaged file aside";
    Commit commit = begin();
    const auto name = names::make_damaged(leaf_, generation, random_);
    if (!name) return commit.failure(step, name.error());
    const auto renamed =
        files_.rename(directory_.get(), leaf_, directory_.get(), name.value(), RenameMode::replace);
    if (!renamed) return commit.failure(step, renamed.error());
    const auto synced = files_.sync_directory(directory_.get());
    if (!synced) return commit.failure(step, synced.error());
    return followed_ ? name.value() : (Path(path_).parent_path() / name.value()).native();
  }

  [[nodiscard]] std::string describe() const override { return path_; }

 private:
  struct FileLock final : Lock {
    explicit FileLock(OwnedHandle taken) : handle(std::move(taken)) {}
    OwnedHandle handle;
  };

  Commit begin() {
    Commit commit(files_, random_, write_options_);
    commit.path = path_;
    commit.directory = directory_.get();
    commit.leaf = leaf_;
    return commit;
  }

  /// After a kill the file that is found may be in the page cache alone: it is synced before
  /// anybody trusts it, and so is its name.
  Result<std::optional<StoredState>> load_leaf(const std::string& leaf) {
    Commit commit = begin();
    const auto settle = [&](Handle file) -> Result<void> {
      const auto content = files_.sync_file(file);
      if (!content) return commit.failure("sync the state that was found", content.error());
      const auto name = files_.sync_directory(directory_.get());
      if (!name) return commit.failure("sync the state's directory", name.error());
      return success();
    };
    auto read = read_steady(commit, leaf, size_max_, settle);
    if (!read && read.error().cause == std::errc::no_such_file_or_directory) {
      return std::optional<StoredState>();
    }
    if (!read) return std::move(read.error());
    return StoredState{std::move(read.value().bytes), to_revision(read.value().version)};
  }

  std::string path_;
  FileSystem& files_;
  RandomPool random_;
  std::uint64_t size_max_;
  WriteOptions write_options_;
  OwnedHandle directory_;
  std::string leaf_;
  bool followed_ = false;       ///< A link led to another file than the path names.
  std::optional<Status> seen_;  ///< The current state as revision() last saw it.
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_file_store(const Path& path,
                                                    const FileStoreOptions& options,
                                                    System system) {
  auto store = std::make_unique<FileStore>(path, options, system);
  BOOST_OUTCOME_TRY(store->open(path));
  return store;
}

}  // namespace perdure
