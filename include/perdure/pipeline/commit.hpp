// SPDX-License-Identifier: BSL-1.0
// One commit on its way through a pipeline, and several side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/options.hpp>
#include <perdure/receipt.hpp>
#include <perdure/serializer.hpp>
#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// One commit on its way through a pipeline: what its stages read and change. The library makes
/// one for each file that it commits; it lives for that commit. One thread at a time uses it, not
/// always the caller's: see `run_together` below.
struct Commit {
  Commit(FileSystem& file_system, Environment& surroundings, const WriteOptions& write_options);

  FileSystem& files;
  Environment& environment;
  const WriteOptions& options;

  // The target: the real directory and leaf, links already followed as the policy says.
  std::string path;                 ///< For words only; as the caller named it.
  Handle directory = Handle::none;  ///< Not owned.
  std::string leaf;
  std::optional<Status> existing;   ///< The target as it was found; empty if there was none.
  std::vector<std::string> xattrs;  ///< Names of its extended attributes, if preserved.
  /// Whose metadata the new file gets if that is to be preserved: a name beside the target. Empty:
  /// the target's own.
  std::string model_name;
  std::optional<Status> model;
  std::optional<Version> expected;  ///< The version that the caller wants to replace.

  // The image: whatever Serialize was given, then its bytes.
  std::function<Result<void>(Sink&)> produce;  ///< Empty when `image` was given as bytes.
  Buffer storage;                              ///< Owns the image that `produce` made.
  Bytes image;

  // The temp.
  OwnedHandle temp;
  std::string temp_name;      ///< Empty once the temp is published or gone.
  std::uint64_t written = 0;  ///< Bytes that the temp has.
  /// The library's mark of the process that made the temp: a forked child leaves its parent's
  /// alone. 0 of a temp that a stage of one's own made.
  std::uint64_t made_by = 0;

  /// The engine's: how many syncs of this process had failed when the commit began.
  std::uint64_t sync_mark;
  Fate fate = Fate::unchanged;  ///< The fate that an error would have now.
  Receipt receipt;

  /// An error of a system call at this point, with path and fate filled in.
  [[nodiscard]] Error failure(std::string_view step, std::error_code cause) const;
  /// An error of another kind at this point.
  [[nodiscard]] Error failure(std::string_view step, ErrorKind kind, std::string detail) const;
};

/// One of several commits that go through their stages side by side.
struct Member {
  Commit* commit = nullptr;          ///< Not owned.
  Result<void> outcome = success();  ///< The first failure; no later stage runs for it.
};

/// The members that have not failed, in the order in which they were given.
using Members = std::span<Member* const>;

}  // namespace perdure
