// SPDX-License-Identifier: BSL-1.0
// Which subsets of the pending writes are explored.
#include <algorithm>

#include "host/posix.hpp"
#include "states/crash_points.hpp"

namespace crashlab {
namespace {

Choice prefix(std::size_t length) {
  Choice choice;
  for (std::uint32_t i = 0; i < length; ++i) choice.kept.push_back(i);
  return choice;
}

Choice without(std::size_t count, std::size_t first, std::size_t second) {
  Choice choice;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i != first && i != second) choice.kept.push_back(i);
  }
  return choice;
}

/// 0..count-1, thinned to about `max` evenly spaced ones with the last always there.
std::vector<std::size_t> spaced(std::size_t count, std::size_t max) {
  std::vector<std::size_t> found;
  const std::size_t step = std::max<std::size_t>(1, (count + max - 1) / max);
  for (std::size_t i = 0; i < count; i += step) found.push_back(i);
  if (!found.empty() && found.back() != count - 1) found.push_back(count - 1);
  return found;
}

std::vector<Choice> prefixes(std::size_t count, const ChoiceRules& rules) {
  std::vector<Choice> found;
  for (const std::size_t length : spaced(count + 1, rules.singles_max)) {
    found.push_back(prefix(length));
  }
  return found;
}

std::vector<Choice> singles(std::size_t count, const ChoiceRules& rules) {
  std::vector<Choice> found;
  for (const std::size_t i : spaced(count, rules.singles_max)) {
    found.push_back({{static_cast<std::uint32_t>(i)}, {}});
    found.push_back(without(count, i, i));
  }
  return found;
}

std::vector<Choice> subsets(std::size_t count, std::uint64_t state, const ChoiceRules& rules) {
  std::vector<Choice> found;
  if (count <= rules.exhaustive_max) {
    for (std::uint64_t mask = 0; mask < (std::uint64_t{1} << count); ++mask) {
      Choice choice;
      for (std::uint32_t i = 0; i < count; ++i) {
        if (((mask >> i) & 1U) != 0) choice.kept.push_back(i);
      }
      found.push_back(std::move(choice));
    }
    return found;
  }
  for (std::size_t sample = 0; sample < rules.samples; ++sample) {
    found.push_back(without(count, next_random(state) % count, next_random(state) % count));
    Choice choice;
    for (std::uint32_t i = 0; i < count; ++i) {
      if ((next_random(state) & 1U) != 0) choice.kept.push_back(i);
    }
    found.push_back(std::move(choice));
  }
  return found;
}

void add_tears(std::vector<Choice>& found, Choice kept, std::uint32_t write, std::uint64_t sectors,
               std::uint64_t& state) {
  if (std::find(kept.kept.begin(), kept.kept.end(), write) == kept.kept.end()) return;
  const auto add = [&](Tear tear) {
    kept.torn.assign(1, tear);
    found.push_back(kept);
  };
  for (const std::uint64_t length : {std::uint64_t{1}, sectors / 2, sectors - 1}) {
    add({write, Tear::Kind::prefix, static_cast<std::uint32_t>(length), 0});
    add({write, Tear::Kind::suffix, static_cast<std::uint32_t>(length), 0});
  }
  add({write, Tear::Kind::scattered, 0, next_random(state)});
}

std::vector<Choice> tears(const Recording& recording, const CrashPoint& point, std::uint64_t state,
                          const ChoiceRules& rules) {
  std::vector<Choice> found;
  const std::size_t count = point.pending.size();
  for (std::size_t i = count - std::min(count, rules.torn_last); i < count; ++i) {
    const Write& write = recording.writes[point.pending[i]];
    const std::uint64_t sectors = sector_count(write, rules.sector_size);
    if (sectors < 2) continue;
    const auto index = static_cast<std::uint32_t>(i);
    add_tears(found, prefix(i + 1), index, sectors, state);  // the last to get there
    add_tears(found, prefix(count), index, sectors, state);  // all others got there
    add_tears(found, {{index}, {}}, index, sectors, state);  // alone
  }
  return found;
}

}  // namespace

std::vector<Choice> choices(const Recording& recording, const CrashPoint& point, Tier tier,
                            const ChoiceRules& rules) {
  std::uint64_t state = rules.seed * 0x9e3779b97f4a7c15U ^ point.at;
  const std::size_t count = point.pending.size();
  switch (tier) {
    case Tier::prefixes:
      return prefixes(count, rules);
    case Tier::singles:
      return singles(count, rules);
    case Tier::tears:
      return tears(recording, point, state, rules);
    case Tier::subsets:
      return subsets(count, state, rules);
  }
  return {};
}

}  // namespace crashlab
