// SPDX-License-Identifier: BSL-1.0
// The ways to commit that `perdure bench` compares, in a directory of their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

#include "bench/private_directory.hpp"
#include "bench/rounds.hpp"
#include "sources/once.hpp"

namespace perdure::cli {

/// Names of ways that are looked up again.
inline constexpr std::string_view durable_name = "durable";
inline constexpr std::string_view fast_name = "durable, fast";
inline constexpr std::string_view log_name = "log";
inline constexpr std::string_view settling_name = "log, settling";
inline constexpr std::string_view disk_name = "disk alone";
/// Files of a turn of the ways that commit many.
inline constexpr unsigned many_count = 64;
inline constexpr unsigned many_threads = 8;

/// A call of the system that failed before anything was committed.
Error system_error(std::string step, const std::string& path, std::error_code cause);

/// A way that can't be used here.
struct LeftOut {
  std::string name;
  std::string reason;
};

class Ways {
  // first, so that it outlives the files that are open in it
  std::unique_ptr<PrivateDirectory> own_;
  OnceResolved& files_;

 public:
  /// Makes them in the directory `parent`. It and `files` must outlive this.
  static Result<std::unique_ptr<Ways>> make(Handle parent, const std::string& path,
                                            OnceResolved& files);

  /// Adds a commit of `image` by `options`.
  Result<void> add_commits(std::string_view name, const WriteOptions& options,
                           const std::string& image);
  /// Adds the floor below every commit: a write into space that is there, and its sync.
  Result<void> add_disk(const std::string& image);
  /// Adds 64 files of `image` by threads that share a group, and by one transaction. Leaves the
  /// transaction out where it can't be made.
  Result<void> add_many(const std::string& image);
  /// Adds a commit of `image` by the log of an open Root, and 64 files of `small` as above. Adds a
  /// settling of all commits since the last one. Leaves them out where no log can be kept.
  Result<void> add_log(const std::string& image, const std::string& small);
  void leave_out(std::string_view name, std::string reason);

  std::vector<bench::Candidate> candidates;
  std::vector<LeftOut> left_out;
  std::optional<Error> failure;  ///< The first one of a turn.

 private:
  using Turn = std::function<Result<void>()>;

  Ways(std::unique_ptr<PrivateDirectory> own, OnceResolved& files)
      : own_(std::move(own)), files_(files) {}
  bench::Candidate& add(std::string_view name, Turn turn, Turn prepare = {});
  /// A new directory among those of the other ways.
  Result<std::string> make_directory(const std::string& leaf);
};

}  // namespace perdure::cli
