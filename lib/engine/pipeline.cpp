// SPDX-License-Identifier: BSL-1.0
// The work of every pipeline around its stages.
#include <perdure/pipeline/pipeline.hpp>

namespace perdure {

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
    member->commit->receipt.stages.push_back({name, time});
    if (member->outcome) member->commit->fate = fates.after;
  }
}

}  // namespace perdure
