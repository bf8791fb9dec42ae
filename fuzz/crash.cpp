// SPDX-License-Identifier: BSL-1.0
#include "crash.hpp"

#include <cerrno>

namespace perdure::fuzz {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// Of what is pending and survives intact or not at all: which is lost. In an order everything
/// behind a first lost one is, too.
std::vector<std::uint64_t> lost_of(InputBytes& input, const Disk& disk) {
  std::vector<std::uint64_t> lost;
  bool behind = false;
  for (const Pending& pending : disk.log) {
    if (pending.durable || pending.is_torn(*disk.preset)) continue;
    const bool follows = behind && disk.preset->ordered && !pending.loose;
    if (follows || input.below(4) == 1) {
      lost.push_back(pending.change->number);
      behind = behind || !pending.loose;
    }
  }
  return lost;
}

/// A state that a power cut here can leave. The names first, then, among all the ways in which the
/// content that was not synced can be torn, one.
Choice choice_of(InputBytes& input, const Disk& disk, const Bounds& bounds) {
  Choice choice{lost_of(input, disk), {}};
  if (!is_possible(disk, choice, bounds)) choice.lost.clear();
  const auto is_lost = [&](const Pending& pending) {
    return std::ranges::find(choice.lost, pending.change->number) != choice.lost.end();
  };
  Disk named = disk;
  std::erase_if(named.log, [&](const Pending& p) { return is_lost(p) && !p.change->is_content(); });
  for (Pending& pending : named.log) {
    pending.durable |= !pending.is_torn(*disk.preset) && !is_lost(pending);
  }
  std::size_t skip = input.below(64);
  Choice torn;
  for_each_crash_state(named, bounds, [&](Disk&&, const Choice& found) {
    torn = found;
    return skip-- > 0;
  });
  torn.lost.insert(torn.lost.end(), choice.lost.begin(), choice.lost.end());
  return is_possible(disk, torn, bounds) ? torn : choice;
}

/// Decides the next crash; `points` are those of the run that it ends.
Step step_of(InputBytes& input, const std::vector<Point>& points, const Bounds& bounds) {
  Step step;
  step.point = input.number<std::uint16_t>() % points.size();
  step.kill = input.below(4) == 0;
  if (!step.kill) step.choice = choice_of(input, points[step.point].disk, bounds);
  return step;
}

ExploreOptions options_of(const test::Proof& proof, const Preset& preset) {
  ExploreOptions options;
  options.preset = &preset;
  options.tears_max = 24;
  options.pairs_max = 64;
  if (proof.bound) proof.bound(options);
  return options;
}

void report(const Runner& runner, const testing::CrashPath& path, const Finding& finding) {
  std::fprintf(stderr, "%s\n", write_path(runner, path, finding).c_str());
  require(false, finding.oracle + ": " + finding.words);
}

}  // namespace

void crash(const test::Proof& proof, const Preset& preset, Variant variant, InputBytes& input) {
  const ExploreOptions options = options_of(proof, preset);
  const Runner runner(proof.workload, proof.oracles, options);
  testing::CrashPath path{&preset, options.seed, std::move(variant), {}};
  std::vector<Point> points;
  auto finding = runner.run(path.variant, points);
  if (finding) return report(runner, path, *finding);
  for (std::size_t crashes = 1 + input.below(3); crashes > 0; --crashes) {
    const Step& step =
        path.steps.emplace_back(step_of(input, points, runner.bounds(path.steps.size())));
    const Point& point = points[step.point];
    const Disk disk = step.kill ? killed(point) : crash_state(point.disk, step.choice);
    const auto kind = step.kill ? Event::Kind::kill : Event::Kind::power_cut;
    std::vector<Point> next;
    finding =
        runner.recover(disk, crashed(point, kind), path.variant,
                       static_cast<unsigned>(path.steps.size()), crashes > 1 ? &next : nullptr);
    if (finding) return report(runner, path, *finding);
    points = std::move(next);
  }
}

std::vector<Fault> faults_of(InputBytes& input, const test::Proof& proof, const Preset& preset,
                             bool directory_syncs) {
  std::vector<Fault> faults;
  const std::size_t count = input.below(3);
  if (count == 0) return faults;
  const std::vector<Operation> calls =
      Runner(proof.workload, proof.oracles, options_of(proof, preset)).log();
  while (faults.size() < count && !calls.empty()) {
    const auto at = calls.begin() + static_cast<std::ptrdiff_t>(input.below(calls.size()));
    Fault fault;
    fault.operation = *at;
    fault.call = static_cast<std::uint64_t>(std::count(calls.begin(), at + 1, *at));
    const auto errors = errors_of(*at);
    if (!errors.empty()) fault.error = input.one_of(errors);
    const auto how = input.number();
    fault.from_then_on = (how & 3U) == 1;
    fault.after_effect = (how & 12U) == 4;
    const bool transfers = *at == Operation::read_at || *at == Operation::write_at;
    if (transfers && (how & 16U) != 0) fault.count = input.below(9000);
    // Each call is a moment at which to crash: a few, not thousands of one byte each.
    if (fault.from_then_on && fault.count > 0U) *fault.count += 500;
    const bool lie =
        *at == Operation::make_directory ? fault.error == EEXIST : fault.error == ENOENT;
    const bool unordered = *at == Operation::sync_directory && !preset.ordered;
    const bool unfair = (lie && !fault.count) || (unordered && !directory_syncs);
    if (errors.empty() || unfair) break;
    faults.push_back(fault);
  }
  return faults;
}

}  // namespace perdure::fuzz
