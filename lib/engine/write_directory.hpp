// SPDX-License-Identifier: BSL-1.0
// An open directory for commits, with their options and protocol checked.
#pragma once

#include <optional>
#include <string>

#include <perdure/path.hpp>
#include <perdure/pipeline/pipeline.hpp>
#include <perdure/system/native.hpp>

#include "engine/random_pool.hpp"
#include "engine/target.hpp"

namespace perdure {

/// A directory that commits go into: opened once, with the stages that were chosen for it.
class WriteDirectory {
 public:
  /// With the pipeline that the options ask for here, for one file at a time or `many` together.
  static Result<WriteDirectory> open(const Path& directory, const WriteOptions& options,
                                     System system, bool many = false);
  /// With another one; it was checked that it may be used here.
  static Result<WriteDirectory> open(const Path& directory, AnyPipeline pipeline,
                                     const WriteOptions& options, System system);

  /// Finds the target's real directory and leaf for `commit`. Takes no lock.
  Result<void> find(Commit& commit, const std::string& leaf, const std::optional<Version>& expected,
                    Claim& claim) const;
  /// Opens the target that was found: takes the lock if one is needed, reads what is to be
  /// preserved; then says by which stages it is to be committed.
  Result<AnyPipeline> claim_found(Commit& commit, Claim& claim) const;
  /// Both.
  Result<AnyPipeline> claim(Commit& commit, const std::string& leaf,
                            const std::optional<Version>& expected, Claim& claim) const;

  [[nodiscard]] FileSystem& files() const noexcept { return *files_; }
  [[nodiscard]] Environment& environment() const noexcept { return *random_; }

 private:
  WriteDirectory(const Path& path, OwnedHandle directory, AnyPipeline pipeline, System system);
  Result<AnyPipeline> pipeline_at(const Commit& commit) const;

  Path path_;
  FileSystem* files_;
  std::unique_ptr<RandomPool> random_;
  OwnedHandle directory_;
  AnyPipeline pipeline_;
  bool many_ = false;
  bool automatic_ = false;  // the pipeline was chosen for the directory, and may be chosen anew
};

}  // namespace perdure
