// SPDX-License-Identifier: BSL-1.0
// The work of every pipeline around its stages.
#include <perdure/pipeline/pipeline.hpp>

#include "base/missing.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/observe.hpp"
#include "engine/temp.hpp"

namespace perdure {

void detail::note_stage(Commit& commit, StageTime stage) {
  perdure::note_stage(commit.receipt.stages, stage, commit.observer, commit.path);
}

void detail::let_caller_go(Commit& commit, bool image_needed) {
  commit.produce = nullptr;
  if (!image_needed) {
    commit.storage = Buffer();
    commit.image = {};
  } else if (commit.image.data() != commit.storage.data()) {
    commit.storage.assign(commit.image.begin(), commit.image.end());
    commit.image = commit.storage;
  }
}

Result<void> detail::check_temp(Commit& commit, std::string_view name) {
  const auto owes = [&](const std::string& what) {
    return commit.failure(name, ErrorKind::invalid_argument,
                          "this stage gives a temp, and " + what + " (see CreateTemp)");
  };
  if (!commit.temp) return owes("Commit::temp is not open: set it");
  if (commit.temp_name.empty()) return owes("Commit::temp_name is empty: set it");
  if (!is_made_by_stage(commit)) return success();  // by CreateTemp, within it
  if (const auto fault = names::fault_of_leaf(commit.temp_name); !fault.empty()) {
    return owes("Commit::temp_name has to be a name in its directory: " + std::string(fault));
  }
  const auto status = commit.files.stat(commit.temp.get());
  if (!status) return commit.failure(name, status.error());
  const auto named = commit.files.stat_at(commit.directory, commit.temp_name);
  if (!named && is_missing(named.error())) {
    return owes("there is no '" + commit.temp_name + "' beside the target");
  }
  if (!named) return commit.failure(name, named.error());
  const Status& temp = status.value();
  if (!temp.version.same_file(named.value().version)) {
    return owes("'" + commit.temp_name + "' beside the target is another file");
  }
  if (temp.type != FileType::regular) return owes("it is not a regular file");
  if (temp.version.size != commit.written) return owes("it is not empty");
  if (temp.owner != commit.files.user()) return owes("it is another user's");
  if ((temp.mode & 0777U & ~temp_mode(commit)) != 0) {
    return owes("others may open it whom the target will shut out: make it with mode 0600");
  }
  return success();
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
