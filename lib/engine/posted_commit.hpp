// SPDX-License-Identifier: BSL-1.0
// A commit that is left to its group: its handles share it, and so does the group until it is done.
//
// The life of a posted commit:
//
//   start(): stages before the group --> post() --> waits in the group's queue
//      |                                   |            |
//      |                                   |            +-- published by a leader --> finish()
//      +-- a failure, on the caller's      +-- full, closed                             |
//          thread                                                                       |
//                                  done <-- end() <-- stages behind the group ----------+
//
// Its commit refers to the writer, and only until it is done: the writer's end drains the group of
// what the writer posted (LeaderQueue, G7). It holds the group's state, and not the group, so that
// the owner of the group may close it while commits wait.
#pragma once

#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <perdure/detail/stopwatch.hpp>
#include <perdure/group_commit.hpp>

#include "engine/group_state.hpp"
#include "engine/write_directory.hpp"

namespace perdure::detail {

class PostedCommit final : public Posted, public std::enable_shared_from_this<PostedCommit> {
 public:
  using Deadline = LeaderQueue::Deadline;

  /// A commit that has not begun. The writer owns `directory`, whose pipeline waits for a group,
  /// `options`, and `not_done`, the count of its commits that wait.
  PostedCommit(const WriteDirectory& directory, const WriteOptions& options, std::size_t& not_done);
  /// A commit that was made already.
  explicit PostedCommit(Result<Receipt> outcome) : outcome_(std::move(outcome)) {}
  ~PostedCommit() = default;

  /// The commit, before it has begun.
  [[nodiscard]] Commit& commit() noexcept { return *commit_; }
  /// Writes the temp and gets in line. After a failure the outcome is known; an exception has left
  /// nothing behind.
  void start(const std::string& leaf);

  /// Empty when the time is up before the outcome is known.
  std::optional<Result<Receipt>> wait(Deadline deadline);
  [[nodiscard]] bool is_done() const;
  void on_done(Procedure<> done);

  void finish() noexcept override;

  /// Whether a commit to `group` has to be made at once: in a forked child nobody else commits.
  [[nodiscard]] static bool is_alone(const GroupCommit& group) noexcept;
  /// Returns when no commit of a writer waits any more.
  static void drain(const GroupCommit& group, const std::size_t& not_done) noexcept;

 private:
  Result<AnyPipeline> claim(const std::string& leaf);
  Result<void> post();
  void end_stages(Result<void> outcome);
  void end(Result<Receipt> outcome);
  void end_thrown() noexcept;
  void release() noexcept;

  const WriteDirectory* directory_ = nullptr;
  std::string path_{};
  std::optional<Commit> commit_{};
  std::optional<AnyPipeline> pipeline_{};
  std::optional<Stopwatch> watch_{};
  BatchedCommit member_{};
  std::array<BatchedCommit*, 1> members_{&member_};
  GroupArrival arrival_{members_, Protocol::portable};
  std::shared_ptr<GroupState> group_{};  ///< Null: the outcome was known from the start.
  std::optional<Result<Receipt>> outcome_{};
  std::exception_ptr thrown_{};
};

}  // namespace perdure::detail
