// SPDX-License-Identifier: BSL-1.0
// A tracked state in a file: FileStore, a StateStore.
#include <perdure/state_store.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/observe.hpp"
#include "engine/random_pool.hpp"
#include "engine/read.hpp"
#include "engine/sync.hpp"
#include "engine/target.hpp"
#include "engine/trust.hpp"
#include "engine/version.hpp"
#include "engine/write_directory.hpp"
#include "state/generations.hpp"
#include "state/store_errors.hpp"
#include "transaction/marker.hpp"
#include "transaction/pending.hpp"

namespace perdure {
namespace {

Revision to_revision(const Version& version) {
  return {to_string(version)};
}

constexpr std::string_view find_step = "find the state";
constexpr std::string_view set_aside_step = "set the damaged file aside";
/// How long to wait for a commit of the root above that is under way.
constexpr std::chrono::milliseconds publish_timeout_ms{10'000};

/// ApplyMetadata; and a first state that root, the user, saves in a service's directory goes to the
/// service.
struct ApplyMetadataFor {
  static constexpr std::string_view name = ApplyMetadata::name;
  static constexpr Fact needs = ApplyMetadata::needs;
  static constexpr Fact gives = ApplyMetadata::gives;
  std::optional<Keeper> keeper;

  Result<void> run(Commit& commit) const {
    BOOST_OUTCOME_TRY(apply_metadata(commit, {}));
    if (!keeper) return success();
    const auto given = give_to(commit.files, commit.temp.get(), *keeper);
    if (!given) return commit.failure("give the state to its keeper", given.error());
    return success();
  }
};

class FileStore final : public StateStore {
 public:
  FileStore(const FileStoreOptions& options, System system)
      : files_(*system.files),
        random_(*system.environment),
        target_(files_, random_),
        size_max_(options.size_max) {
    target_.observer = system.observer;
    write_options_.durability = options.durability;
    write_options_.metadata = options.metadata;
    write_options_.make_parents = options.make_parents;
    write_options_.protocol = options.protocol;
    write_options_.group = options.group;
    write_options_.report_version = true;
  }

  Result<void> open(const Path& path) {
    if (write_options_.durability == Durability::none) {
      return make_error("read the options", path.native(), ErrorKind::invalid_argument,
                        "a state is saved 'durable' or 'ordered', never 'none'");
    }
    BOOST_OUTCOME_TRY(protocol_, open_for_commit(target_, path, write_options_));
    const auto status = files_.stat(target_.directory);
    if (!status) return target_.failure("look at the state's directory", status.error());
    target_.directory_status = status.value();
    return success();
  }

  [[nodiscard]] StoreLimits limits() const override { return {.size_max = size_max_}; }

  Result<std::unique_ptr<Lock>> lock(const LockWait& wait) override {
    const auto failure = [&](std::error_code cause) {
      return target_.failure("take the state's lock", cause);
    };
    stop_ = wait.stop;
    BOOST_OUTCOME_TRY(
        auto taken,
        take_target_lock(files_, random_, target_.directory, target_.leaf, wait, failure,
                         target_.observer, "another program has this state open or is saving it",
                         target_.directory_status));
    return std::make_unique<FileLock>(std::move(taken));
  }

  Result<Revision> revision() override {
    BOOST_OUTCOME_TRY(last_seen_, current_state());
    return last_seen_.revision;
  }

  Result<std::optional<StoredState>> load() override {
    BOOST_OUTCOME_TRY(refuse_unpublished(target_, {publish_timeout_ms, stop_}));
    return load_leaf(target_.leaf);
  }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    return load_leaf(previous_names_.of(target_.leaf, generation));
  }

  Result<StoreReceipt> commit(const StateDraft& draft) override {
    Commit commit = begin();
    commit.image = draft.image;
    BOOST_OUTCOME_TRY(Receipt receipt, observed(commit, [&] { return save(commit, draft); }));
    known_.know(receipt.version);
    return StoreReceipt{to_revision(known_.get()), receipt.durability, std::move(receipt.stages)};
  }

  Result<StateHistory> history() override {
    auto found =
        list_generations(files_, target_.directory, *target_.directory_status, target_.leaf);
    if (!found) return target_.failure("list the state's generations", found.error());
    const Generations& generations = found.value();
    previous_names_ = generations.names;
    remember_metadata_source(generations);
    StateHistory history;
    history.previous = generations.previous;
    history.generation_max = generations.generation_max;
    for (const auto& [number, name] : generations.damaged) history.damaged.push_back(shown(name));
    return history;
  }

  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    BOOST_OUTCOME_TRY(const auto now, revision());
    if (now == damaged) return move_away(target_.leaf, generation);
    return target_.failure(set_aside_step, ErrorKind::conflict,
                           "somebody changed it just now; try again");
  }
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    return move_away(previous_names_.of(target_.leaf, generation), generation);
  }

  [[nodiscard]] std::string describe() const override { return target_.path; }

 private:
  struct FileLock final : Lock {
    explicit FileLock(OwnedHandle taken) : handle(std::move(taken)) {}
    OwnedHandle handle;
  };

  /// The current state at one moment.
  struct SeenState {
    std::optional<Status> status;  ///< Empty when there is none.
    Revision revision;
  };

  Result<SeenState> current_state() {
    SeenState now;
    BOOST_OUTCOME_TRY(now.status, current_status(target_));
    if (!now.status) return now;
    BOOST_OUTCOME_TRY(check_owner(target_, find_step, "the state there", now.status->owner));
    BOOST_OUTCOME_TRY(const bool known, known_.is_still(target_, *now.status));
    if (!known) {
      BOOST_OUTCOME_TRY(const Version version, version_at(target_, target_.leaf, *now.status));
      known_.know(version);
    }
    now.revision = to_revision(known_.get());
    return now;
  }

  /// Somebody may have kept the state in the log of its directory since it was read, and died.
  Result<void> check_log() {
    if (!has_marker(files_, target_.directory, *target_.directory_status)) return success();
    return refuse_unpublished(target_, {publish_timeout_ms, stop_});
  }

  Result<Receipt> save(Commit& commit, const StateDraft& draft) {
    BOOST_OUTCOME_TRY(check_names_go(*target_.directory_status, target_.path));
    BOOST_OUTCOME_TRY(check_log());
    BOOST_OUTCOME_TRY(syncs_.check(commit));
    BOOST_OUTCOME_TRY(expect(commit, draft.expected));
    BOOST_OUTCOME_TRY(check_size(draft.image.size(), limits(), target_.path));
    BOOST_OUTCOME_TRY(find_metadata_source(commit));
    BOOST_OUTCOME_TRY(read_xattrs(commit));
    std::optional<Keeper> keeper;
    if (!commit.existing && commit.metadata_name.empty() && write_options_.metadata.preserved) {
      const auto found = keeper_at(files_, target_.directory, target_.leaf);
      if (!found) return target_.failure("save the state", found.error());
      keeper = found.value();
    }
    auto receipt = run_commit(commit, stages_for(draft, keeper));
    if (!receipt) syncs_.learn(receipt.error());
    return receipt;
  }

  /// Has the commit replace the state of the revision `expected` and no other. As a rule revision()
  /// looked at that state just now: that look is used, which saves a system call. Rename, or the
  /// group, refuses if somebody replaced the file since.
  Result<void> expect(Commit& commit, const Revision& expected) {
    if (!last_seen_.status || last_seen_.revision != expected) {
      BOOST_OUTCOME_TRY(last_seen_, current_state());
    }
    commit.existing = last_seen_.status;
    commit.expected = Version::absent();
    if (commit.existing && !expected.is_absent()) {
      commit.expected = known_.expected(*commit.existing);
    }
    BOOST_OUTCOME_TRY(check_target(commit, write_options_));
    if (last_seen_.revision == expected) return success();
    return commit.failure("compare the version", ErrorKind::conflict,
                          commit.existing
                              ? "the target was changed since it was read; read it again"
                              : "the target does not exist any more");
  }

  [[nodiscard]] AnyPipeline stages_for(const StateDraft& draft,
                                       const std::optional<Keeper>& keeper) {
    const ApplyMetadataFor metadata{keeper};
    const KeepGeneration keep{draft.keep_as, &previous_names_};
    const DropGenerations drop{&draft.drop, &previous_names_};
    const auto fast = [&](auto... publish) -> AnyPipeline {
      return Pipeline(Serialize{}, CreateTemp{}, WriteThrough{}, metadata, keep, publish..., drop);
    };
    const auto portable = [&](auto... publish) -> AnyPipeline {
      return Pipeline(Serialize{}, CreateTemp{}, Write{}, metadata, SyncFile{}, keep, publish...,
                      drop);
    };
    if (write_options_.durability == Durability::ordered) {
      return protocol_ == Protocol::fast ? fast(Rename{}) : portable(Rename{});
    }
    if (protocol_ == Protocol::fast) return with_publish(write_options_, SyncPublished{}, fast);
    return with_publish(write_options_, SyncParent{}, portable);
  }

  /// A commit to the target, whose open directory it borrows.
  Commit begin() {
    Commit commit(files_, random_, write_options_);
    commit.path = target_.path;
    commit.observer = target_.observer;
    commit.directory = target_.directory;
    commit.directory_status = target_.directory_status;
    commit.leaf = target_.leaf;
    return commit;
  }

  /// A name beside the state, for people.
  [[nodiscard]] std::string shown(const std::string& name) const {
    return target_.followed ? name : (Path(target_.path).parent_path() / name).native();
  }

  /// Makes the names in the directory durable, as far as the options ask. `mark`: see sync.hpp.
  Result<void> sync_names(std::string_view step, std::uint64_t mark) {
    const auto synced = as_asked(sync_directory_durably(files_, target_.directory, mark),
                                 write_options_.durability);
    if (synced) return success();
    Error error = target_.failure(step, synced.error());
    explain_directory_sync(error);
    return error;
  }

  Result<std::string> move_away(const std::string& from, std::uint64_t generation) {
    const auto name = names::make_damaged(target_.leaf, generation, random_);
    if (!name) return target_.failure(set_aside_step, name.error());
    const std::uint64_t mark = failed_syncs();
    const auto renamed = files_.rename(target_.directory, from, target_.directory, name.value(),
                                       RenameMode::replace);
    if (!renamed) return target_.failure(set_aside_step, renamed.error());
    auto synced = sync_names(set_aside_step, mark);
    if (!synced) {
      synced.error().fate = Fate::visible;
      return std::move(synced.error());
    }
    if (from == target_.leaf) metadata_source_ = name.value();
    return shown(name.value());
  }

  /// A state that lost its current file gets a new file with the permissions of the newest one that
  /// is left, be it a previous generation or a damaged one.
  void remember_metadata_source(const Generations& generations) {
    metadata_source_.clear();
    const auto& damaged = generations.damaged;
    const bool previous_is_newest =
        !generations.previous.empty() &&
        (damaged.empty() || damaged.rbegin()->first < generations.previous.front());
    if (previous_is_newest) {
      metadata_source_ = previous_names_.of(target_.leaf, generations.previous.front());
    } else if (!damaged.empty()) {
      metadata_source_ = damaged.rbegin()->second;
    }
  }

  Result<void> find_metadata_source(Commit& commit) {
    if (commit.existing || metadata_source_.empty()) return success();
    const auto status = files_.stat_at(target_.directory, metadata_source_);
    if (status) {
      commit.metadata_name = metadata_source_;
      commit.metadata_status = status.value();
      return success();
    }
    if (is_missing(status.error())) return success();
    return commit.failure("read the lost state's metadata", status.error());
  }

  /// After a kill the file that is found may be in the page cache alone. So it and its name are
  /// synced before anybody trusts it.
  Result<std::optional<StoredState>> load_leaf(const std::string& leaf) {
    const auto sync_found = [&](Handle file) -> Result<void> {
      if (do_owners_matter(*target_.directory_status)) {
        const auto found = files_.stat(file);
        if (!found) return target_.failure(find_step, found.error());
        BOOST_OUTCOME_TRY(check_owner(target_, find_step, "the state there", found.value().owner));
      }
      const auto content = files_.sync_file(file);
      if (!content) return target_.failure("sync the state that was found", content.error());
      return sync_names("sync the state's directory", failed_syncs());
    };
    auto read = read_steady(target_, leaf, size_max_, sync_found);
    if (!read && is_missing(read.error().cause)) {
      // Looked at twice, since from here on the state counts as missing.
      const auto there = files_.stat_at(target_.directory, leaf);
      if (there) return std::move(read.error());
      if (there.error() != read.error().cause) return target_.failure(find_step, there.error());
      return std::optional<StoredState>();
    }
    if (!read) return std::move(read.error());
    Version version = read.value().version;
    if (leaf == target_.leaf) {
      known_.know(version, read.value().bytes);
      version = known_.get();
    } else {
      version = known_.or_known(version, read.value().bytes);
    }
    return StoredState{std::move(read.value().bytes), to_revision(version)};
  }

  FileSystem& files_;
  RandomPool random_;
  Target target_;  ///< As it was found when the store was opened.
  std::uint64_t size_max_;
  WriteOptions write_options_;
  StopCondition stop_;                      ///< Of the caller that took the lock last.
  Protocol protocol_ = Protocol::portable;  ///< As the directory allowed when it was opened.
  PreviousNames previous_names_;
  SyncMemory syncs_;             ///< Of the directory.
  std::string metadata_source_;  ///< The file whose metadata a new current one gets.
  SeenState last_seen_;  ///< The status that revision() saw, for the commit that expects it.
  KnownVersion known_;   ///< The current state that was read, saved or seen last.
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_file_store(const Path& path,
                                                    const FileStoreOptions& options,
                                                    System system) {
  auto store = std::make_unique<FileStore>(options, system);
  BOOST_OUTCOME_TRY(reading(store->open(path)));
  return store;
}

}  // namespace perdure
