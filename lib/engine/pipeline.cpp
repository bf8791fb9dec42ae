// SPDX-License-Identifier: BSL-1.0
// The work of every pipeline around its stages.
#include <perdure/pipeline/pipeline.hpp>

#include "engine/observe.hpp"

namespace perdure {

void detail::note_stage(Commit& commit, StageTime stage) {
  perdure::note_stage(commit.receipt.stages, stage, commit.observer, commit.path);
}

void detail::run_together(std::span<BatchedCommit> members, std::string_view name, StageFates fates,
                          const Procedure<BatchedCommits>& stage) {
  std::vector<BatchedCommit*> live;
  for (BatchedCommit& member : members) {
    if (!member.outcome) continue;
    member.commit->fate = fates.before;
    live.push_back(&member);
  }
  if (live.empty()) return;
  Stopwatch watch(live.front()->commit->environment);
  stage(live);
  const auto time = watch.lap();
  for (BatchedCommit* member : live) {
    note_stage(*member->commit, {name, time});
    if (member->outcome) member->commit->fate = fates.after;
  }
}

}  // namespace perdure
