// SPDX-License-Identifier: BSL-1.0
// The seam for a program that wants to see what the engine does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/receipt.hpp>

namespace perdure {

struct RecoveryReport;

/// How a commit ended. Good as long as the call that tells it.
struct CommitEnd {
  std::string_view path;                     ///< As in `commit_begun`.
  std::uint64_t bytes = 0;                   ///< Of the new content; 0 of a commit that failed.
  Durability durability = Durability::none;  ///< That was reached.
  std::span<const StageTime> stages{};       ///< The ones that ran, in their order.
};

/// Is told what happens, for logs and figures. Derive from it, override the calls that you want to
/// hear, and give it in System::observer. Without an observer nothing is measured, allocated or
/// called.
///
/// The thread that does the work calls it. That thread may hold locks of files, and a group may
/// wait for it: keep calls short, and do not commit in them. Several threads call it at once if
/// several use the library. An exception ends the program.
///
///     struct SlowSyncs final : perdure::Observer {
///       void stage_ended(std::string_view path, const perdure::StageTime& stage) noexcept override
///       {
///         if (stage.stage.starts_with("sync") && stage.time > 100ms) log(path, stage);
///       }
///     };
class PERDURE_API Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// A commit or removal of a file, a save of a state, or the commit of a transaction begins.
  /// `path` is the file, as errors name it, or the root of the transaction. The commit of a
  /// streamed file begins with AtomicFile::commit. Exactly one `committed` or `failed` follows.
  virtual void commit_begun(std::string_view /*path*/) noexcept {}
  /// One stage of it is over, well or not.
  virtual void stage_ended(std::string_view /*path*/, const StageTime& /*stage*/) noexcept {}
  /// It succeeded, as `end` says.
  virtual void committed(const CommitEnd& /*end*/) noexcept {}
  /// It failed; Error::fate says what became of the target.
  virtual void failed(const CommitEnd& /*end*/, const Error& /*error*/) noexcept {}

  /// The lock of a target, a state or a root was held by others, and is taken now. A wait
  /// without success is an error, ErrorKind::lock_timeout or ErrorKind::stopped.
  virtual void waited_for_lock(std::string_view /*path*/,
                               std::chrono::nanoseconds /*time*/) noexcept {}
  /// So many commits are made durable together; also 1.
  virtual void group_formed(std::size_t /*commits*/) noexcept {}
  /// The log of a root was settled, for any reason; `error` if that failed.
  virtual void settled(std::string_view /*root*/, std::chrono::nanoseconds /*time*/,
                       const Error* /*error*/) noexcept {}
  /// Recovery found something that a crash, or a failed flush, left in a root, and finished it.
  virtual void recovered(std::string_view /*root*/, const RecoveryReport& /*report*/) noexcept {}
};

}  // namespace perdure
