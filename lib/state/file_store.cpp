// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <map>

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

namespace perdure {
namespace {

Revision to_revision(const Version& version) {
  return {to_string(version)};
}

constexpr std::string_view find_step = "find the state";
constexpr std::string_view set_aside_step = "set the damaged file aside";
constexpr std::string_view keep_step = "keep the previous generation";

/// Gives the current state its second name before the new one takes the first. The name bears the
/// generation: a link to a fixed name would, after a crash before the publish, be the current file.
struct KeepGeneration {
  static constexpr std::string_view name = "keep generation";
  static constexpr Fact needs = Fact::ordered;
  static constexpr Fact gives = Fact::none;
  std::optional<std::uint64_t> generation;

  Result<void> run(Commit& commit) const;
};

/// What `link` refuses that a person can do something about.
Error keep_failure(const Commit& commit, std::error_code cause) {
  Error error = commit.failure(keep_step, cause);
  if (cause == std::errc::operation_not_permitted || cause == std::errc::operation_not_supported) {
    error.kind = ErrorKind::unsupported;
    error.detail = "no hard link can be made here; set previous_max to 0 to do without";
  }
  return error;
}

/// The name is taken by a file that is not the current one. The same content, copied back by hand
/// maybe, will do; anything else is moved away as evidence, never overwritten.
Result<void> make_room(Commit& commit, const std::string& kept, std::uint64_t generation) {
  const auto there = read_steady(commit, kept, UINT64_MAX, {});
  const auto current = read_steady(commit, commit.leaf, UINT64_MAX, {});
  if (there && current && there.value().bytes == current.value().bytes) return success();
  const auto away = names::make_damaged(commit.leaf, generation, commit.environment);
  if (!away) return commit.failure(keep_step, away.error());
  const auto renamed = commit.files.rename(commit.directory, kept, commit.directory, away.value(),
                                           RenameMode::replace);
  if (!renamed) return commit.failure(keep_step, renamed.error());
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  if (!linked) return keep_failure(commit, linked.error());
  return success();
}

/// True when nothing but the ctime differs: that is what our link changes. A write whose mtime was
/// set back changes nothing else either, so the whole version is compared just before the link.
bool differs_by_link(const Status& now, const Status& before) {
  Version version = now.version;
  version.ctime_ns = before.version.ctime_ns;
  return version == before.version && now.mode == before.mode && now.owner == before.owner &&
         now.group == before.group;
}

Result<void> KeepGeneration::run(Commit& commit) const {
  if (!generation || !commit.existing) return success();
  BOOST_OUTCOME_TRY(const auto before, look(commit));
  if (!before || before->version != commit.existing->version) return success();  // Rename refuses
  const std::string kept = names::previous_of(commit.leaf, *generation);
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  const bool taken = !linked && linked.error() == std::errc::file_exists;
  if (!linked && !taken) return keep_failure(commit, linked.error());
  if (taken) {  // a crash between link and publish left it, or it is somebody else's
    const auto there = commit.files.stat_at(commit.directory, kept);
    if (!there) return commit.failure(keep_step, there.error());
    if (!there.value().version.same_file(commit.existing->version)) {
      BOOST_OUTCOME_TRY(make_room(commit, kept, *generation));
    }
  }
  BOOST_OUTCOME_TRY(const auto now, look(commit));
  if (now && differs_by_link(*now, *commit.existing)) {
    // Rename follows at once, and need not look again. In company it follows when the leader comes.
    commit.expected.reset();
    if (commit.options.group) commit.expected = now->version;
    return success();
  }
  // Somebody replaced the file just now, and what got the name is not that generation. Rename
  // refuses to go on.
  if (linked) (void)commit.files.unlink(commit.directory, kept);
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
    const auto entries = files_.list(directory_.get());
    if (!entries) return begin().failure("list the state's generations", entries.error());
    StateHistory history;
    std::map<std::uint64_t, std::string> damaged;
    for (const auto& entry : entries.value()) {
      if (!is_trusted(entry.name)) continue;
      if (const auto previous = names::parse_previous(entry.name, leaf_)) {
        history.previous.push_back(*previous);
        history.generation_max = std::max(history.generation_max, *previous);
      } else if (const auto number = names::parse_damaged(entry.name, leaf_)) {
        damaged[*number] = entry.name;
        history.generation_max = std::max(history.generation_max, *number);
      }
    }
    std::sort(history.previous.rbegin(), history.previous.rend());
    for (const auto& [number, name] : damaged) history.damaged.push_back(shown(name));
    remember_model(history, damaged);
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

  /// In a directory like /tmp anybody may plant a previous generation of a state that is lost: only
  /// those of this user and of the directory's owner count there.
  [[nodiscard]] bool is_trusted(const std::string& name) const {
    constexpr std::uint32_t sticky_and_open = 01002;
    if ((directory_status_.mode & sticky_and_open) != sticky_and_open) return true;
    if (!names::parse_previous(name, leaf_) && !names::parse_damaged(name, leaf_)) return false;
    const auto status = files_.stat_at(directory_.get(), name);
    return status && (status.value().owner == files_.user() ||
                      status.value().owner == directory_status_.owner);
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
  void remember_model(const StateHistory& history,
                      const std::map<std::uint64_t, std::string>& damaged) {
    model_.clear();
    if (!history.previous.empty()) {
      model_ = names::previous_of(leaf_, history.previous.front());
    } else if (!damaged.empty()) {
      model_ = damaged.rbegin()->second;
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
    const auto settle = [&](Handle file) -> Result<void> {
      const auto content = files_.sync_file(file);
      if (!content) return commit.failure("sync the state that was found", content.error());
      const auto name = sync_directory_durably(files_, directory_.get(), failed_syncs());
      if (!name) return commit.failure("sync the state's directory", name.error());
      return success();
    };
    auto read = read_steady(commit, leaf, size_max_, settle);
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
  std::string model_;           ///< Whose metadata a first or lost current file gets.
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
