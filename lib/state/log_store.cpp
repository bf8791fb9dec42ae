// SPDX-License-Identifier: BSL-1.0
// A tracked state through the log of a root: LogStore, a StateStore.
#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <utility>

#include <perdure/files.hpp>
#include <perdure/root.hpp>
#include <perdure/state_store.hpp>

#include "base/checksum.hpp"
#include "base/missing.hpp"
#include "engine/names.hpp"
#include "engine/random_pool.hpp"
#include "engine/target.hpp"
#include "log/root_of_state.hpp"
#include "state/store_errors.hpp"

namespace perdure {
namespace {

/// Saves go through the root. All other calls work on plain files: the log's content is put in
/// place first, and a file store does the rest.
class LogStore final : public StateStore {
 public:
  /// `claimed`: the lock that trackers who keep the state in its file wait for.
  LogStore(std::unique_ptr<StateStore> files, std::unique_ptr<Lock> claimed, Root root,
           std::string leaf, const LogStoreOptions& options)
      : files_(std::move(files)),
        claimed_(std::move(claimed)),
        root_(std::move(root)),
        leaf_(std::move(leaf)),
        at_once_(options.root.publish != Publish::later),
        size_max_(options.size_max),
        system_(options.root.system) {}

  [[nodiscard]] StoreLimits limits() const override { return {.size_max = size_max_}; }

  /// The root stays locked as long as this lives.
  Result<std::unique_ptr<Lock>> lock(const LockWait& /*wait*/) override {
    return std::make_unique<Lock>();
  }

  Result<Revision> revision() override {
    BOOST_OUTCOME_TRY(Revision plain, files_->revision());
    if (plain == plain_) return current_;
    BOOST_OUTCOME_TRY(const bool ours, is_ours());
    if (!ours) return plain;
    plain_ = std::move(plain);
    return current_;
  }

  Result<std::optional<StoredState>> load() override {
    BOOST_OUTCOME_TRY(root_.settle());
    BOOST_OUTCOME_TRY(auto stored, files_->load());
    behind_ = false;
    image_.reset();
    plain_ = stored ? stored->revision : Revision{};
    // The state that was saved last keeps the revision of its receipt.
    const bool ours = stored && !saved_.empty() && saved_.back() == Checksum::of(stored->bytes);
    saved_.erase(saved_.begin(), ours ? saved_.end() - 1 : saved_.end());
    if (!ours) current_ = plain_;
    if (stored) {
      image_ = stored->bytes;
      stored->revision = current_;
    }
    return stored;
  }

  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    BOOST_OUTCOME_TRY(root_.settle());
    return files_->load_previous(generation);
  }

  Result<StateHistory> history() override {
    BOOST_OUTCOME_TRY(root_.settle());
    BOOST_OUTCOME_TRY(StateHistory history, files_->history());
    like_.reset();
    const bool damaged_is_newest =
        !history.damaged.empty() &&
        (history.previous.empty() || history.generation_max > history.previous.front());
    if (!history.previous.empty() && !damaged_is_newest) {
      like_ = names::previous_of(leaf_, history.previous.front());
    } else if (damaged_is_newest) {
      like_ = Path(history.damaged.back()).filename().native();
    }
    return history;
  }

  Result<StoreReceipt> commit(const StateDraft& draft) override {
    BOOST_OUTCOME_TRY(check_size(draft.image.size(), limits(), describe()));
    BOOST_OUTCOME_TRY(catch_up_with_file());
    const auto compare = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(const Revision now, revision());
      return now == draft.expected ? Result<void>(success()) : conflict();
    };
    BOOST_OUTCOME_TRY(Transaction transaction, RootOfState::begin(root_, compare));
    BOOST_OUTCOME_TRY(keep(draft, transaction, compare));
    // A state that lost its file gets a new one with the permissions of the files that are left of
    // it.
    BOOST_OUTCOME_TRY(transaction.put(leaf_, draft.image, {.metadata = {}, .like = like_}));
    for (const std::uint64_t generation : draft.drop) {  // one that won't go is named again
      (void)transaction.remove(names::previous_of(leaf_, generation));
    }
    auto receipt = transaction.commit();
    if (!receipt) return std::move(receipt.error());
    for (const std::string& path : receipt.value().left_alone) {
      if (path == leaf_) return left_alone(receipt.value().set_aside);
    }
    image_ = Buffer(draft.image.begin(), draft.image.end());
    saved_.push_back(Checksum::of(draft.image));
    current_ = Revision{"log " + receipt.value().id};
    return StoreReceipt{current_, Durability::durable, std::move(receipt.value().stages)};
  }

  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    BOOST_OUTCOME_TRY(root_.settle());
    BOOST_OUTCOME_TRY(const Revision now, revision());
    if (now != damaged) return conflict();
    BOOST_OUTCOME_TRY(const Revision plain, files_->revision());
    BOOST_OUTCOME_TRY(std::string place, files_->set_aside(plain, generation));
    like_ = Path(place).filename().native();
    behind_ = false;
    image_.reset();
    saved_.clear();
    plain_ = {};  // a save that is published later leaves no file until then
    current_ = {};
    return place;
  }

  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    BOOST_OUTCOME_TRY(root_.settle());
    return files_->set_aside_previous(generation);
  }

  [[nodiscard]] std::string describe() const override { return files_->describe(); }

 private:
  [[nodiscard]] Error conflict() const { return store_conflict("compare the version", describe()); }

  /// The file was replaced. Whether the log did that, with a state of ours. The revision of the
  /// file can't tell, since the log puts states in place when it has to.
  Result<bool> is_ours() {
    const auto found = read_file(files_->describe(), size_max_, system_);
    if (!found && is_missing(found.error().cause)) return false;
    if (!found) return found.error();
    // The last save of these bytes: a state may be saved twice, with others in between.
    const auto digest = Checksum::of(found.value().bytes);
    const auto saved = std::find(saved_.rbegin(), saved_.rend(), digest);
    // With a state in place at each save, an older one is somebody's copy.
    if (saved == saved_.rend() || (at_once_ && saved != saved_.rbegin())) return false;
    behind_ = saved != saved_.rbegin();
    saved_.erase(saved_.begin(), std::prev(saved.base()));
    return true;
  }

  /// The file has an older state of ours. If the log put it there, settling puts the last one in
  /// its place. If somebody else did, settling leaves it alone, as it would every later state.
  Result<void> catch_up_with_file() {
    if (!behind_) return success();
    BOOST_OUTCOME_TRY(root_.settle());
    const auto found = read_file(files_->describe(), size_max_, system_);
    if (!found && !is_missing(found.error().cause)) return found.error();
    if (!found || Checksum::of(found.value().bytes) != saved_.back()) return conflict();
    BOOST_OUTCOME_TRY(plain_, files_->revision());
    saved_.erase(saved_.begin(), saved_.end() - 1);
    behind_ = false;
    return success();
  }

  /// Somebody replaced the file between the record and its publishing.
  [[nodiscard]] Error left_alone(const std::string& set_aside) const {
    Error error = conflict();
    error.fate = Fate::unknown;
    if (!set_aside.empty()) {
      error.detail += "; this save is kept in '" + set_aside + "' in the directory of the state";
    }
    return error;
  }

  /// The current state gets the name of its generation. A file that has that name already is kept
  /// as evidence.
  Result<void> keep(const StateDraft& draft, Transaction& transaction,
                    const std::function<Result<void>()>& compare) {
    if (!draft.keep_as || !image_) return success();
    const std::string name = names::previous_of(leaf_, *draft.keep_as);
    const auto there = transaction.read(name, image_->size());
    if (there && there.value() == *image_) return success();
    // Anything else that has the name, larger files and directories, too.
    const bool other = there || there.error().kind == ErrorKind::invalid_argument ||
                       there.error().kind == ErrorKind::not_regular;
    if (!other && !is_missing(there.error().cause)) return there.error();
    if (other) {
      BOOST_OUTCOME_TRY(compare());  // not on behalf of a save that is refused
      BOOST_OUTCOME_TRY(set_aside_previous(*draft.keep_as));
    }
    return transaction.put(name, *image_, {.metadata = {}, .like = leaf_});
  }

  // In this order: the root settles before the lock is given back.
  std::unique_ptr<StateStore> files_;
  std::unique_ptr<Lock> claimed_;
  Root root_;
  std::string leaf_;
  bool at_once_;
  std::uint64_t size_max_;
  System system_;
  std::optional<std::string> like_;  ///< The file whose metadata a lost current one gets.
  std::optional<Buffer> image_;      ///< The current state.
  Revision current_;                 ///< Its revision.
  Revision plain_;  ///< The file's, when it last held the current state or an older one.
  /// The states that the file may have now: those since the one that was last seen there.
  std::deque<Checksum::Digest> saved_;
  bool behind_ = false;  ///< The file was seen with a state before the last of them.
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_log_store(const Path& path,
                                                   const LogStoreOptions& options) {
  const Path directory = path.has_parent_path() ? path.parent_path() : Path(".");
  FileStoreOptions file;
  file.metadata = options.root.metadata;
  file.size_max = options.size_max;
  RandomPool random(*options.root.system.environment);
  Target target(*options.root.system.files, random);
  BOOST_OUTCOME_TRY(open_target(target, path, SymlinkPolicy::refuse));
  BOOST_OUTCOME_TRY(auto files, open_file_store(path, file, options.root.system));
  BOOST_OUTCOME_TRY(auto claimed, files->lock({options.root.lock_timeout_ms, options.root.stop}));
  BOOST_OUTCOME_TRY(Root root, Root::open(directory, options.root));
  return std::make_unique<LogStore>(std::move(files), std::move(claimed), std::move(root),
                                    target.leaf, options);
}

}  // namespace perdure
