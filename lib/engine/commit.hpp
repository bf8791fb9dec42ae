// SPDX-License-Identifier: BSL-1.0
// Runs a pipeline on one target, and makes the pipelines of the protocols.
#pragma once

#include <optional>

#include <perdure/group_commit.hpp>

#include "base/checksum.hpp"
#include "base/internal.hpp"

namespace perdure {

/// Refuses options that can't be meant.
Result<void> check_options(const WriteOptions& options, const std::string& path);
/// The same for options of many commits.
Result<void> check_options_of_many(const WriteOptions& options, const std::string& path);

/// The pipeline that `make` builds around the stages that publish and, by `sync`, make durable:
/// alone or with a group.
template <class Sync, class Make>
AnyPipeline with_publish(const WriteOptions& options, Sync sync, Make make) {
  if (options.group) return make(PublishTogether<protocol_of<Sync>()>{options.group});
  return make(Rename{}, sync);
}

/// The stages of a protocol for these options, from the value to the name.
AnyPipeline make_pipeline(const WriteOptions& options, Protocol protocol);

/// Its stages after a temp was streamed; with the digest of the temp's content, if that is to be
/// verified.
AnyPipeline make_finish(const WriteOptions& options, Protocol protocol,
                        const std::optional<Checksum::Digest>& streamed);

/// Runs the pipeline on a target that was claimed. On failure the temp is gone, or the error says
/// that it is not.
PERDURE_INTERNAL_API Result<Receipt> run_commit(Commit& commit, const AnyPipeline& pipeline);
/// The same for a commit whose stages have run, with this outcome.
Result<Receipt> finish_commit(Commit& commit, const AnyPipeline& pipeline, Result<void> outcome);

/// Gives the commit up: removes its temp. Adds to `reason` when even that fails.
Error discard_temp(Commit& commit, Error reason);

}  // namespace perdure
