// SPDX-License-Identifier: BSL-1.0
// Leaves a commit to its group, and ends it on the thread that led.
#include "engine/posted_commit.hpp"

#include <utility>

#include "base/make_error.hpp"
#include "engine/commit.hpp"
#include "engine/observe.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"

namespace perdure::detail {
namespace {

constexpr std::string_view join_step = "join the group";

}  // namespace

PostedCommit::PostedCommit(const WriteDirectory& directory, const WriteOptions& options,
                           std::size_t& not_done)
    : directory_(&directory) {
  commit_.emplace(directory.files(), directory.environment(), options);
  member_.commit = &*commit_;
  arrival_.posted = this;
  left = &not_done;
}

/// The lock would be held until somebody leads, and without a committer thread nobody may. Then
/// others would wait for the lock without end, and two programs that post several commits would
/// wait for each other's locks.
Result<AnyPipeline> PostedCommit::claim(const std::string& leaf) {
  Commit& commit = *commit_;
  BOOST_OUTCOME_TRY(directory_->find(commit, leaf));
  if (needs_lock(commit, commit.options) && !directory_->group()->state_->has_committer) {
    return commit.failure(join_step, ErrorKind::invalid_argument,
                          "it would hold its target's lock until somebody waits; give the group a "
                          "thread (committer_thread), or commit and wait");
  }
  return directory_->claim(commit);
}

void PostedCommit::start(const std::string& leaf) try {
  path_ = commit_->path;
  if (commit_->observer != nullptr) commit_->observer->commit_begun(commit_->path);
  auto stages = claim(leaf);
  if (!stages) return end(std::move(stages.error()));
  pipeline_ = std::move(stages.value());
  watch_.emplace(commit_->environment);
  auto outcome = pipeline_->run_range(*commit_, StageRange::before_group, *watch_, success());
  if (outcome) outcome = post();
  if (!outcome) end_stages(std::move(outcome));
} catch (...) {
  end_thrown();
  throw;
}

/// Once it succeeded, the commit is the group's.
Result<void> PostedCommit::post() {
  group_ = directory_->group()->state_;
  arrival_.protocol = pipeline_->protocol();
  const auto posted = group_->queue.post(arrival_, shared_from_this());
  if (posted == LeaderQueue::Posting::done) return success();
  group_.reset();
  if (posted == LeaderQueue::Posting::closed) return closed_group(*commit_);
  return commit_->failure(join_step, ErrorKind::busy,
                          "as many commits wait in the group as may (waiting_max); wait for one of "
                          "them, then call again");
}

void PostedCommit::finish() noexcept try {
  if (arrival_.thrown) std::rethrow_exception(arrival_.thrown);
  end_stages(pipeline_->run_range(*commit_, StageRange::behind_group, *watch_,
                                  std::move(member_.outcome)));
} catch (...) {
  thrown_ = std::current_exception();
  end_thrown();
}

void PostedCommit::end_stages(Result<void> outcome) {
  auto receipt = finish_commit(*commit_, *pipeline_, std::move(outcome));
  if (!receipt && !commit_->followed) directory_->learn(receipt.error());
  end(std::move(receipt));
}

void PostedCommit::end(Result<Receipt> outcome) {
  if (commit_->observer != nullptr) {
    tell_end(*commit_->observer, commit_->path, outcome, commit_->receipt.stages);
  }
  outcome_ = std::move(outcome);
  release();
}

/// If this runs out of memory, too, the handle still tells the exception that led here.
void PostedCommit::end_thrown() noexcept {
  try {
    (void)remove_temp(*commit_);
    if (commit_->observer != nullptr) {
      tell_thrown(*commit_->observer, commit_->fate,
                  [&](Observer& observer, const Result<Receipt>& outcome) {
                    tell_end(observer, commit_->path, outcome, commit_->receipt.stages);
                  });
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
  release();
}

/// Drops all that refers to the writer, and the lock.
void PostedCommit::release() noexcept {
  watch_.reset();
  pipeline_.reset();
  commit_.reset();
}

std::optional<Result<Receipt>> PostedCommit::wait(Deadline deadline) {
  if (group_ && !group_->is_parents()) {
    if (!group_->queue.wait(arrival_, deadline)) return std::nullopt;
  } else if (group_ && !arrival_.done) {
    return make_error("wait for the commit", path_, ErrorKind::invalid_argument,
                      "another process posted this commit: a forked child can't wait for it; let "
                      "the parent do it");
  }
  if (thrown_) std::rethrow_exception(thrown_);
  return outcome_;
}

bool PostedCommit::is_done() const {
  return !group_ || group_->is_parents() || group_->queue.is_done(arrival_);
}

void PostedCommit::on_done(Procedure<> done) {
  if (!done) return;
  if (group_ && !group_->is_parents() && group_->queue.call_when_done(arrival_, done)) return;
  [&]() noexcept { done(); }();  // one that throws ends the program, on whatever thread
}

bool PostedCommit::is_alone(const GroupCommit& group) noexcept {
  return group.state_->is_parents();
}

void PostedCommit::drain(const GroupCommit& group, const std::size_t& not_done) noexcept {
  if (!group.state_->is_parents()) group.state_->queue.drain(not_done);
}

}  // namespace perdure::detail
