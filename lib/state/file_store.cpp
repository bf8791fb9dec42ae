// SPDX-License-Identifier: BSL-1.0
// A tracked state in a file: FileStore, a StateStore.
#include <perdure/state_store.hpp>

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/random_pool.hpp"
#include "engine/read.hpp"
#include "engine/sync.hpp"
#include "engine/target.hpp"
#include "state/generations.hpp"

namespace perdure {
namespace {

Revision to_revision(const Version& version) {
  return {to_string(version)};
}

constexpr std::string_view find_step = "find the state";
constexpr std::string_view set_aside_step = "set the damaged file aside";

class FileStore final : public StateStore {
 public:
  FileStore(const Path& path, const FileStoreOptions& options, System system)
      : path_(path.native()),
        files_(*system.files),
        random_(*system.environment),
        size_max_(options.size_max) {
    write_options_.metadata = options.metadata;
    write_options_.make_parents = options.make_parents;
    write_options_.protocol = options.protocol;
    write_options_.group = options.group;
    write_options_.report_version = true;
  }

  Result<void> open(const Path& path) {
    BOOST_OUTCOME_TRY(check_options(write_options_, path_));
    Commit commit = begin();
    BOOST_OUTCOME_TRY(OwnedHandle parent,
                      open_directory(files_, path.parent_path(), parents_for(write_options_)));
    Claim claim;
    BOOST_OUTCOME_TRY(resolve(commit, parent.get(), path.filename().native(), claim));
    followed_ = commit.leaf != path.filename().native() || claim.directory;
    directory_ = claim.directory ? std::move(claim.directory) : std::move(parent);
    leaf_ = commit.leaf;
    const auto status = files_.stat(directory_.get());
    if (!status) return commit.failure("look at the state's directory", status.error());
    directory_status_ = status.value();
    BOOST_OUTCOME_TRY(protocol_, choose_protocol(files_, directory_.get(), write_options_, path_));
    return success();
  }

  Result<std::unique_ptr<Lock>> lock(std::chrono::milliseconds timeout_ms) override {
    const auto failure = [&](std::error_code cause) {
      return begin().failure("take the state's lock", cause);
    };
    BOOST_OUTCOME_TRY(
        auto taken, take_target_lock(files_, random_, directory_.get(), leaf_, timeout_ms, failure,
                                     "another program has this state open or is saving it"));
    return std::make_unique<FileLock>(std::move(taken));
  }

  Result<Revision> revision() override {
    BOOST_OUTCOME_TRY(last_look_, look_now());
    return last_look_.revision;
  }

  Result<std::optional<StoredState>> load() override { return load_leaf(leaf_); }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    return load_leaf(names::previous_of(leaf_, generation));
  }

  Result<Revision> commit(const StateDraft& draft) override {
    Commit commit = begin();
    commit.image = draft.image;
    BOOST_OUTCOME_TRY(expect(commit, draft.expected));
    if (draft.image.size() > size_max_) {
      return commit.failure("save the state", ErrorKind::invalid_argument,
                            "it has " + std::to_string(draft.image.size()) + " bytes, and " +
                                std::to_string(size_max_) + " are the most that would be read");
    }
    BOOST_OUTCOME_TRY(find_model(commit));
    BOOST_OUTCOME_TRY(read_xattrs(commit));
    BOOST_OUTCOME_TRY(const Receipt receipt, run_commit(commit, stages_for(draft)));
    return to_revision(receipt.version);
  }

  Result<StateHistory> history() override {
    auto found = list_generations(files_, directory_.get(), directory_status_, leaf_);
    if (!found) return begin().failure("list the state's generations", found.error());
    const Generations& generations = found.value();
    remember_model(generations);
    StateHistory history;
    history.previous = generations.previous;
    history.generation_max = generations.generation_max;
    for (const auto& [number, name] : generations.damaged) history.damaged.push_back(shown(name));
    return history;
  }

  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    BOOST_OUTCOME_TRY(const auto now, revision());
    if (now == damaged) return move_away(leaf_, generation);
    return begin().failure(set_aside_step, ErrorKind::conflict,
                           "somebody changed it just now; try again");
  }
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    return move_away(names::previous_of(leaf_, generation), generation);
  }

  [[nodiscard]] std::string describe() const override { return path_; }

 private:
  struct FileLock final : Lock {
    explicit FileLock(OwnedHandle taken) : handle(std::move(taken)) {}
    OwnedHandle handle;
  };

  /// The current state at one moment.
  struct Look {
    std::optional<Status> status;  ///< Empty when there is none.
    Revision revision;
  };

  Result<Look> look_now() {
    Look now;
    BOOST_OUTCOME_TRY(now.status, look(begin()));
    if (now.status) now.revision = to_revision(now.status->version);
    return now;
  }

  /// Has the commit replace the state of the revision `expected` and no other. revision() looked
  /// just now, as a rule at that one: its look serves, which saves a system call. Rename, or the
  /// group, refuses if somebody replaced the file since.
  Result<void> expect(Commit& commit, const Revision& expected) {
    if (!last_look_.status || last_look_.revision != expected) {
      BOOST_OUTCOME_TRY(last_look_, look_now());
    }
    commit.existing = last_look_.status;
    commit.expected = Version::absent();
    if (commit.existing && !expected.is_absent()) commit.expected = commit.existing->version;
    BOOST_OUTCOME_TRY(check_target(commit));
    if (last_look_.revision == expected) return success();
    return commit.failure("compare the version", ErrorKind::conflict,
                          commit.existing
                              ? "the target was changed since it was read; read it again"
                              : "the target does not exist any more");
  }

  [[nodiscard]] AnyPipeline stages_for(const StateDraft& draft) const {
    const KeepGeneration keep{draft.keep_as};
    const DropGenerations drop{&draft.drop};
    const auto fast = [&](auto... publish) {
      return Pipeline(Serialize{}, CreateTemp{}, WriteThrough{}, ApplyMetadata{}, keep, publish...,
                      drop);
    };
    const auto portable = [&](auto... publish) {
      return Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, keep,
                      publish..., drop);
    };
    if (protocol_ == Protocol::fast) return with_publish(write_options_, SyncPublished{}, fast);
    return with_publish(write_options_, SyncParent{}, portable);
  }

  Commit begin() {
    Commit commit(files_, random_, write_options_);
    commit.path = path_;
    commit.directory = directory_.get();
    commit.leaf = leaf_;
    return commit;
  }

  /// A name beside the state, for people.
  [[nodiscard]] std::string shown(const std::string& name) const {
    return followed_ ? name : (Path(path_).parent_path() / name).native();
  }

  Result<std::string> move_away(const std::string& from, std::uint64_t generation) {
    Commit commit = begin();
    const auto name = names::make_damaged(leaf_, generation, random_);
    if (!name) return commit.failure(set_aside_step, name.error());
    const std::uint64_t mark = failed_syncs();
    const auto renamed =
        files_.rename(directory_.get(), from, directory_.get(), name.value(), RenameMode::replace);
    if (!renamed) return commit.failure(set_aside_step, renamed.error());
    commit.fate = Fate::visible;
    const auto synced = sync_directory_durably(files_, directory_.get(), mark);
    if (!synced) return commit.failure(set_aside_step, synced.error());
    if (from == leaf_) model_ = name.value();
    return shown(name.value());
  }

  /// A state whose current file is lost gets a new one with the permissions of what is left: the
  /// newest previous generation, else the newest damaged one.
  void remember_model(const Generations& generations) {
    model_.clear();
    if (!generations.previous.empty()) {
      model_ = names::previous_of(leaf_, generations.previous.front());
    } else if (!generations.damaged.empty()) {
      model_ = generations.damaged.rbegin()->second;
    }
  }

  Result<void> find_model(Commit& commit) {
    if (commit.existing || model_.empty()) return success();
    const auto status = files_.stat_at(directory_.get(), model_);
    if (status) {
      commit.model_name = model_;
      commit.model = status.value();
      return success();
    }
    if (is_missing(status.error())) return success();
    return commit.failure("read the lost state's metadata", status.error());
  }

  /// After a kill the file that is found may be in the page cache alone: it is synced before
  /// anybody trusts it, and so is its name.
  Result<std::optional<StoredState>> load_leaf(const std::string& leaf) {
    Commit commit = begin();
    const auto sync_found = [&](Handle file) -> Result<void> {
      const auto content = files_.sync_file(file);
      if (!content) return commit.failure("sync the state that was found", content.error());
      const auto name = sync_directory_durably(files_, directory_.get(), failed_syncs());
      if (!name) return commit.failure("sync the state's directory", name.error());
      return success();
    };
    auto read = read_steady(commit, leaf, size_max_, sync_found);
    if (!read && is_missing(read.error().cause)) {
      // Looked at twice, since what follows is to do without it.
      const auto there = files_.stat_at(directory_.get(), leaf);
      if (there) return std::move(read.error());
      if (there.error() != read.error().cause) return commit.failure(find_step, there.error());
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
  Protocol protocol_ = Protocol::portable;  ///< As the directory allowed when it was opened.
  OwnedHandle directory_;
  Status directory_status_;  ///< When it was opened.
  std::string leaf_;
  std::string model_;      ///< Whose metadata a first or lost current file gets.
  bool followed_ = false;  ///< A link led to another file than the path names.
  Look last_look_;         ///< The status that revision() saw, for the commit that expects it.
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
