// SPDX-License-Identifier: BSL-1.0
// One commit on its way through a pipeline, and several side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/options.hpp>
#include <perdure/pipeline/target.hpp>
#include <perdure/receipt.hpp>
#include <perdure/serializer.hpp>

namespace perdure {

/// One commit on its way through a pipeline: the target, and what its stages read and change. The
/// library makes one for each file that it commits; it lives for that commit. One thread at a time
/// uses it, not always the caller's: see `run_together` below.
struct PERDURE_API Commit : Target {
  /// Expects the version of the options.
  Commit(FileSystem& file_system, Environment& surroundings, const WriteOptions& write_options);

  const WriteOptions& options;  ///< Not owned.

  // The metadata that the new file gets, if it is to be preserved.
  std::vector<std::string> xattrs;  ///< Names of the source's extended attributes.
  /// The file whose metadata it is: a name beside the target. Empty: the target itself.
  std::string metadata_name;
  std::optional<Status> metadata_status;  ///< Of `metadata_name`.

  // The image: the function that Serialize was given, then its bytes.
  std::function<Result<void>(Sink&)> produce;  ///< Empty when `image` was given as bytes.
  Buffer storage;                              ///< Owns the image that `produce` made.
  Bytes image;                                 ///< A view of `storage`, or of the caller's bytes.

  // The temp.
  /// The temp's content comes piece by piece, over any time. The target's metadata may change in
  /// that time, so the temp is open to its owner alone until it gets its metadata.
  bool streamed = false;
  /// The status of a temp that somebody else wrote under a name of its own (AtomicFile::adopt).
  /// If the commit fails, the adopted file keeps its name and its content.
  std::optional<Status> adopted;
  OwnedHandle temp;           ///< Open from CreateTemp on.
  std::string temp_name;      ///< Empty once the temp is published or gone.
  std::uint64_t written = 0;  ///< Bytes that the temp has.
  /// The library's mark of the process that made the temp: a forked child does not touch its
  /// parent's temp. 0 for a temp that a stage of one's own made.
  std::uint64_t made_by = 0;

  /// The engine's: how many syncs of this process had failed when the commit began.
  std::uint64_t sync_mark;
  /// The engine's: the look right behind the publish, if the receipt is to have the version.
  std::optional<SysResult<Status>> published;
  Receipt receipt;  ///< The stages fill it in.
};

/// One of several commits that go through their stages side by side.
struct BatchedCommit {
  Commit* commit = nullptr;          ///< Not owned.
  Result<void> outcome = success();  ///< The first failure; no later stage runs for it.
};

/// The members that have not failed, in the order in which they were given.
using BatchedCommits = std::span<BatchedCommit* const>;

}  // namespace perdure
