// SPDX-License-Identifier: BSL-1.0
// Records the program once with each noise, and reports on all states together.
#include "commands/judge.hpp"

#include <cstdio>

#include "commands/run.hpp"
#include "witness/judge.hpp"

namespace crashlab {

int judge_command(const JudgeOptions& options, const Guarded& guarded) {
  Judgement judgement(options);
  for (const std::string& noise : options.noises) {
    RunOptions run = options.run;
    run.noise = noise;
    run.complete();
    Judge judge(options, noise, judgement, guarded.tick());
    const int status = run_command(run, guarded, &judge);
    clear(guarded.run_dir());
    if (status != 0) return status;
  }
  std::fputs(judgement.text().c_str(), stdout);
  if (!options.run.json.empty()) judgement.write_json(options.run.json);
  return judgement.fault() ? 1 : 0;
}

}  // namespace crashlab
