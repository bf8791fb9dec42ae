// SPDX-License-Identifier: BSL-1.0
// The work of every pipeline around its stages.
#include <utility>

#include <perdure/pipeline/pipeline.hpp>

namespace perdure {

Result<void> detail::timed(Commit& commit, std::string_view name, std::chrono::nanoseconds& begin,
                           Result<void> outcome) {
  const auto now = commit.environment.monotonic();
  commit.receipt.stages.push_back({name, now - std::exchange(begin, now)});
  return outcome;
}

void detail::run_together(std::span<Member> members, std::string_view name,
                          const Procedure<Members>& stage) {
  std::vector<Member*> whole;
  for (Member& member : members) {
    if (member.outcome) whole.push_back(&member);
  }
  if (whole.empty()) return;
  const auto begin = whole.front()->commit->environment.monotonic();
  stage(whole);
  const auto time = whole.front()->commit->environment.monotonic() - begin;
  for (Member* member : whole) member->commit->receipt.stages.push_back({name, time});
}

}  // namespace perdure
