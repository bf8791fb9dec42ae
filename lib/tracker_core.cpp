// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include <perdure/state_tracker.hpp>

namespace perdure {
namespace detail {

struct PendingEdit {
  Edit edit;
  bool done = false;
  Result<void> outcome = success();
  std::exception_ptr thrown;
};

namespace {

using Batch = std::vector<std::shared_ptr<PendingEdit>>;

/// A number read from a damaged file is believed only this far beyond what is known: a flipped bit
/// must not use all numbers up.
constexpr std::uint64_t believable_gap = 1'000'000;

class Core final : public TrackerCore {
 public:
  Core(std::unique_ptr<StateStore> store, std::unique_ptr<StateCodec> codec,
       const TrackerOptions& options)
      : store_(std::move(store)), codec_(std::move(codec)), options_(options) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() override { join(); }

  Result<void> start();

  [[nodiscard]] std::shared_ptr<const void> state() const override {
    const std::lock_guard guard(mutex_);
    return value_;
  }
  [[nodiscard]] OpenReport report() const override {
    const std::lock_guard guard(mutex_);
    return report_;
  }
  [[nodiscard]] std::uint64_t generation() const override {
    const std::lock_guard guard(mutex_);
    return stamp_.generation;
  }
  std::shared_ptr<PendingEdit> queue(Edit edit) override;
  Result<void> wait(PendingEdit& pending) override;
  Result<void> flush() override;
  Result<void> reload() override;
  void stop() override;

 private:
  // All below runs with busy_ set, on one thread at a time, and without mutex_.
  Result<std::unique_ptr<StateStore::Lock>> take_lock();
  Result<void> find_state(bool may_set_aside);
  Result<void> fall_back(std::string reason, bool damaged);
  void adopt(LoadedState loaded, Revision revision, OpenReport report);
  Result<void> catch_up();
  Result<void> settle();
  void save(Batch& batch);
  Result<std::shared_ptr<void>> edited_copy(Batch& batch);
  Result<void> commit(std::shared_ptr<const void> value);
  [[nodiscard]] Error failure(std::string_view step, ErrorKind kind, std::string detail) const;

  void lead(std::unique_lock<std::mutex>& guard);
  void run_committer();
  void join();

  std::unique_ptr<StateStore> store_;
  std::unique_ptr<StateCodec> codec_;
  TrackerOptions options_;
  std::unique_ptr<StateStore::Lock> exclusive_;

  // Of the thread that has set busy_.
  Revision revision_;
  std::vector<std::uint64_t> previous_;  // newest first, without the current generation
  std::uint64_t attempted_max_ = 0;      // the highest number seen or tried: none is used twice
  bool current_exists_ = false;
  bool unsettled_ = false;  // a save may or may not survive: reload first

  mutable std::mutex
      mutex_;  // guards all that follows, and PendingEdit::done and what it is done with
  std::condition_variable changed_;
  bool busy_ = false;
  bool committing_ = false;  // the committer's thread takes the queue; nobody else does
  bool stopping_ = false;
  Batch queue_;
  std::shared_ptr<const void> value_;
  Stamp stamp_;
  OpenReport report_;
  std::thread committer_;
};

Error Core::failure(std::string_view step, ErrorKind kind, std::string detail) const {
  return {.kind = kind,
          .fate = Fate::unchanged,
          .cause = {},
          .step = std::string(step),
          .path = store_->describe(),
          .detail = std::move(detail)};
}

Result<std::unique_ptr<StateStore::Lock>> Core::take_lock() {
  if (exclusive_) return std::unique_ptr<StateStore::Lock>();
  return store_->lock(options_.lock_timeout_ms);
}

Result<void> Core::start() {
  BOOST_OUTCOME_TRY(auto lock, take_lock());
  BOOST_OUTCOME_TRY(find_state(true));
  if (options_.lock == TrackerLock::exclusive) exclusive_ = std::move(lock);
  if (options_.committer_thread) {
    committing_ = true;
    committer_ = std::thread([this] { run_committer(); });
  }
  return success();
}

void Core::adopt(LoadedState loaded, Revision revision, OpenReport report) {
  revision_ = std::move(revision);
  attempted_max_ = std::max(attempted_max_, loaded.stamp.generation);
  std::erase(previous_, loaded.stamp.generation);
  const std::lock_guard guard(mutex_);
  value_ = std::move(loaded.value);
  stamp_ = std::move(loaded.stamp);
  report_ = std::move(report);
}

/// The current state if it is whole, else the newest previous one that is, else the defaults.
Result<void> Core::find_state(bool may_set_aside) {
  BOOST_OUTCOME_TRY(auto history, store_->history());
  previous_ = std::move(history.previous);
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  current_exists_ = stored.has_value();
  if (!stored) return fall_back("there is no current state", false);
  auto loaded = codec_->load(stored->bytes);
  if (loaded) {
    Stamp& stamp = loaded.value().stamp;
    if (!loaded.value().stamped) stamp.generation = attempted_max_ + 1;
    OpenReport report{.origin = Origin::current,
                      .generation = stamp.generation,
                      .last_updated = stamp.last_updated,
                      .reason = {},
                      .set_aside = {}};
    adopt(std::move(loaded.value()), std::move(stored->revision), std::move(report));
    return success();
  }
  Error error = std::move(loaded.error());
  error.path = store_->describe();
  if (error.kind != ErrorKind::corrupt || !may_set_aside) return error;
  const std::uint64_t claimed = codec_->claimed_generation(stored->bytes);
  if (claimed <= attempted_max_ + believable_gap) {
    attempted_max_ = std::max(attempted_max_ + 1, claimed);
  }
  return fall_back(error.detail, true);
}

Result<void> Core::fall_back(std::string reason, bool damaged) {
  OpenReport report{.origin = Origin::defaults,
                    .generation = 0,
                    .last_updated = {},
                    .reason = std::move(reason),
                    .set_aside = {}};
  if (damaged) {
    BOOST_OUTCOME_TRY(report.set_aside, store_->set_aside(attempted_max_));
    current_exists_ = false;
  }
  for (const auto number : std::vector(previous_)) {
    BOOST_OUTCOME_TRY(auto stored, store_->load_previous(number));
    if (!stored) continue;
    auto loaded = codec_->load(stored->bytes);
    if (!loaded && loaded.error().kind != ErrorKind::corrupt) return std::move(loaded.error());
    if (!loaded) {
      report.reason += "; previous generation " + std::to_string(number) + " is damaged too";
      continue;
    }
    if (!loaded.value().stamped) loaded.value().stamp.generation = number;
    report.origin = Origin::previous;
    report.generation = loaded.value().stamp.generation;
    report.last_updated = loaded.value().stamp.last_updated;
    auto kept = previous_;  // it stays a previous generation: it is no current one
    adopt(std::move(loaded.value()), {}, std::move(report));
    previous_ = std::move(kept);
    return success();
  }
  Stamp fresh;
  fresh.schema_version = codec_->schema_version();
  auto kept = previous_;
  adopt({codec_->defaults(), fresh, false}, {}, std::move(report));
  previous_ = std::move(kept);
  return success();
}

/// Before a save, under the lock: what did others do since the state was read? Another tracker's
/// commits are taken over; anything else is a conflict.
Result<void> Core::catch_up() {
  BOOST_OUTCOME_TRY(const Revision now, store_->revision());
  if (now == revision_) return success();
  constexpr std::string_view step = "save the state";
  if (now.is_absent()) {
    return failure(step, ErrorKind::conflict,
                   "somebody removed the file since it was read; reload, or put it back");
  }
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  if (!stored) return failure(step, ErrorKind::conflict, "somebody removed the file just now");
  auto loaded = codec_->load(stored->bytes);
  if (!loaded) {
    Error error = std::move(loaded.error());
    if (error.kind == ErrorKind::corrupt) error.kind = ErrorKind::conflict;
    error.path = store_->describe();
    error.step = step;
    return error;
  }
  if (!loaded.value().stamped || loaded.value().stamp.generation < stamp_.generation) {
    return failure(step, ErrorKind::conflict,
                   "somebody else changed the file since it was read; reload to take their change");
  }
  BOOST_OUTCOME_TRY(auto history, store_->history());
  previous_ = std::move(history.previous);
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  current_exists_ = true;
  OpenReport report{.origin = Origin::current,
                    .generation = loaded.value().stamp.generation,
                    .last_updated = loaded.value().stamp.last_updated,
                    .reason = {},
                    .set_aside = {}};
  adopt(std::move(loaded.value()), std::move(stored->revision), std::move(report));
  return success();
}

/// Runs the batch's edits on one copy. An edit that fails or throws is done with at once, and the
/// others run again on a copy that it never touched. Nothing when no edit is left.
Result<std::shared_ptr<void>> Core::edited_copy(Batch& batch) {
  while (!batch.empty()) {
    auto copy = codec_->copy(value_.get());
    const auto failed = std::find_if(batch.begin(), batch.end(), [&](const auto& pending) {
      try {
        pending->outcome = pending->edit(copy.get());
      } catch (...) {
        pending->thrown = std::current_exception();
      }
      return !pending->outcome || pending->thrown;
    });
    if (failed == batch.end()) return copy;
    batch.erase(failed);
  }
  return std::shared_ptr<void>();
}

Result<void> Core::commit(std::shared_ptr<const void> value) {
  Stamp stamp = stamp_;
  stamp.generation = std::max(attempted_max_, stamp_.generation) + 1;
  stamp.last_updated = StampTime(options_.system.environment->wall());
  stamp.schema_version = codec_->schema_version();
  Buffer image;
  BufferSink sink(image);
  BOOST_OUTCOME_TRY(codec_->save(value.get(), stamp, sink));

  StateDraft draft{.image = image, .expected = revision_, .keep_as = {}, .drop = {}};
  std::vector<std::uint64_t> kept = previous_;
  if (current_exists_ && options_.previous_max > 0) {
    draft.keep_as = stamp_.generation;
    kept.insert(kept.begin(), stamp_.generation);
  }
  if (kept.size() > options_.previous_max) {
    draft.drop.assign(kept.begin() + options_.previous_max, kept.end());
    kept.resize(options_.previous_max);
  }
  attempted_max_ = stamp.generation;
  auto committed = store_->commit(draft);
  if (!committed) {
    unsettled_ = committed.error().fate != Fate::unchanged;
    return std::move(committed.error());
  }
  current_exists_ = true;
  OpenReport report = report_;
  adopt({std::move(value), std::move(stamp), true}, std::move(committed.value()),
        std::move(report));
  previous_ = std::move(kept);
  return success();
}

void Core::save(Batch& batch) {
  const auto saved = [&]() -> Result<void> {
    if (unsettled_) {
      return failure("save the state", ErrorKind::recovery_required,
                     "an earlier save may or may not survive a power cut; reload first");
    }
    BOOST_OUTCOME_TRY(const auto lock, take_lock());
    BOOST_OUTCOME_TRY(catch_up());
    BOOST_OUTCOME_TRY(auto value, edited_copy(batch));
    if (!value) return success();
    return commit(std::move(value));
  }();
  for (const auto& pending : batch) pending->outcome = saved;
}

/// After a save of unknown fate: whatever is found is committed anew. Syncing it would not do: a
/// sync error is reported once, and a second sync may succeed without having written.
Result<void> Core::settle() {
  auto settled = commit(value_);
  unsettled_ = !settled;
  return settled;
}

void Core::lead(std::unique_lock<std::mutex>& guard) {
  busy_ = true;
  Batch all = std::exchange(queue_, {});
  guard.unlock();
  Batch batch = all;
  save(batch);
  guard.lock();
  for (const auto& pending : all) pending->done = true;
  busy_ = false;
  changed_.notify_all();
}

std::shared_ptr<PendingEdit> Core::queue(Edit edit) {
  auto pending = std::make_shared<PendingEdit>();
  pending->edit = std::move(edit);
  const std::lock_guard guard(mutex_);
  queue_.push_back(pending);
  if (committing_) changed_.notify_all();
  return pending;
}

Result<void> Core::wait(PendingEdit& pending) {
  std::unique_lock guard(mutex_);
  while (!pending.done) {
    if (busy_ || committing_) {
      changed_.wait(guard);
    } else {
      lead(guard);
    }
  }
  if (pending.thrown) std::rethrow_exception(pending.thrown);
  return pending.outcome;
}

Result<void> Core::flush() {
  Batch waiting;
  {
    const std::lock_guard guard(mutex_);
    waiting = queue_;
  }
  Result<void> first = success();
  for (const auto& pending : waiting) {
    auto outcome = wait(*pending);
    if (first && !outcome) first = std::move(outcome);
  }
  return first;
}

Result<void> Core::reload() {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [&] { return !busy_; });
  busy_ = true;
  guard.unlock();
  auto outcome = [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(const auto lock, take_lock());
    BOOST_OUTCOME_TRY(find_state(false));
    return unsettled_ ? settle() : success();
  }();
  guard.lock();
  busy_ = false;
  changed_.notify_all();
  return outcome;
}

void Core::run_committer() {
  std::unique_lock guard(mutex_);
  while (true) {
    changed_.wait(guard, [&] { return !busy_ && (stopping_ || !queue_.empty()); });
    if (queue_.empty()) break;
    lead(guard);
  }
  committing_ = false;  // what handles queue from now on is led by those who wait for it
  changed_.notify_all();
}

void Core::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  join();
}

void Core::join() {
  if (committer_.joinable()) committer_.join();
}

}  // namespace

Result<std::shared_ptr<TrackerCore>> TrackerCore::open(std::unique_ptr<StateStore> store,
                                                       std::unique_ptr<StateCodec> codec,
                                                       const TrackerOptions& options) {
  auto core = std::make_shared<Core>(std::move(store), std::move(codec), options);
  BOOST_OUTCOME_TRY(core->start());
  return std::shared_ptr<TrackerCore>(std::move(core));
}

}  // namespace detail

std::string_view to_string(Origin origin) noexcept {
  switch (origin) {
    case Origin::current:
      return "current";
    case Origin::previous:
      return "previous";
    case Origin::defaults:
      return "defaults";
  }
  return "";
}

}  // namespace perdure
