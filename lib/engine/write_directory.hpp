// SPDX-License-Identifier: BSL-1.0
// An open directory for commits, with their options and protocol checked.
#pragma once

#include <memory>
#include <string>

#include <perdure/path.hpp>
#include <perdure/pipeline/pipeline.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

#include "base/internal.hpp"
#include "engine/random_pool.hpp"
#include "engine/target.hpp"

namespace perdure {

/// A directory that many commits go into: opened once, with the stages that were chosen for it. An
/// expected version is for one commit: open refuses `options.expected`.
class WriteDirectory {
 public:
  /// With the pipeline that the options ask for here, for one file at a time or `many` together.
  static Result<WriteDirectory> open(const Path& directory, const WriteOptions& options,
                                     System system, bool many = false);
  /// With another one; it was checked that it may be used here.
  static Result<WriteDirectory> open(const Path& directory, AnyPipeline pipeline,
                                     const WriteOptions& options, System system);

  /// Says which target `commit` is about, and who is told of it.
  void name(Commit& commit, const std::string& leaf) const;
  /// Finds the target's real directory and leaf for `commit`. Takes no lock.
  Result<void> find(Commit& commit, const std::string& leaf) const;
  /// Claims the target that was found: takes the lock if one is needed, and reads the metadata that
  /// is to be preserved. Returns the stages of its commit.
  Result<AnyPipeline> claim(Commit& commit) const;

  /// Learns from a commit that failed in this directory, not from one that a link led elsewhere:
  /// whether the directory could not be synced. Then claim refuses the next one.
  bool learn(const Error& failed) const noexcept { return syncs_->learn(failed); }

  /// The group that commits here wait for; null if they wait for none.
  [[nodiscard]] GroupCommit* group() const noexcept { return pipeline_.group(); }
  [[nodiscard]] FileSystem& files() const noexcept { return *files_; }
  [[nodiscard]] Environment& environment() const noexcept { return *random_; }
  /// Of the directory, when it was opened.
  [[nodiscard]] const Status& status() const noexcept { return status_; }

 private:
  WriteDirectory(const Path& path, OwnedHandle directory, const Status& status,
                 AnyPipeline pipeline, System system);
  Result<AnyPipeline> pipeline_at(const Commit& commit) const;

  Path path_;
  FileSystem* files_;
  Observer* observer_;
  std::unique_ptr<RandomPool> random_;
  OwnedHandle directory_;
  Status status_;
  AnyPipeline pipeline_;
  std::unique_ptr<SyncMemory> syncs_ = std::make_unique<SyncMemory>();
  bool many_ = false;
  bool automatic_ = false;  // the pipeline was chosen for the directory, and may be chosen anew
};

/// Opens the directory of `path`, made if the options say so, and finds the target in it. Returns
/// the protocol for the directory where the target really lies.
PERDURE_INTERNAL_API Result<Protocol> open_for_commit(Target& target, const Path& path,
                                                      const WriteOptions& options);

}  // namespace perdure
