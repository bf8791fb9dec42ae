// SPDX-License-Identifier: BSL-1.0
// Everything that may happen in a state.
#include <algorithm>
#include <array>

#include "model/search.hpp"

namespace perdure::model {
namespace {

constexpr auto put = Action::put;
constexpr auto remove = Action::remove;
constexpr auto none = Action::none;

constexpr std::array<Wanted, 6> commits{
    {{put, none}, {none, put}, {put, put}, {remove, none}, {none, remove}, {put, remove}}};
constexpr std::array<std::array<Wanted, 2>, 4> groups{{{{{put, none}, {put, none}}},
                                                       {{{put, none}, {put, put}}},
                                                       {{{put, put}, {put, none}}},
                                                       {{{put, none}, {remove, none}}}}};

using Kind = Foreign::Kind;
constexpr std::array<Foreign, 11> interferences{{
    {Kind::replace, Path::x, true},
    {Kind::replace, Path::x, false},
    {Kind::write, Path::x, true},
    {Kind::remove, Path::x, true},
    {Kind::remove, Path::x, false},
    {Kind::replace, Path::y, true},
    {Kind::replace, Path::y, false},
    {Kind::write, Path::y, true},
    {Kind::remove, Path::y, true},
    {Kind::remove, Path::y, false},
    {Kind::replace_directory, Path::x, true},
}};

bool can_want(const State& state, const Wanted& wanted) {
  const Tree tree = read_tree(state);
  for (std::size_t i = 0; i < path_count; ++i) {
    if (wanted[i] == remove && tree[i] == absent) return false;
  }
  return true;
}

/// Whether it is a change of a path of the commit. A write into a file that is replaced counts as
/// one before that.
bool is_race_of(const Foreign& foreign, const Wanted& wanted) {
  return foreign.synced && foreign.kind != Kind::write && wanted[index_of(foreign.path)] != none;
}

void add_commits(const State& state, const Bound& bound, std::vector<Act>& acts) {
  if (state.left.commits == 0) return;
  for (const Wanted& wanted : commits) {
    if (!can_want(state, wanted)) continue;
    acts.push_back({.kind = Act::Kind::commit, .one = wanted});
    if (!bound.races) continue;
    for (const Foreign& foreign : interferences) {
      if (!is_race_of(foreign, wanted) || state.left.foreign == 0) continue;
      acts.push_back({.kind = Act::Kind::commit, .one = wanted, .foreign = foreign});
    }
  }
  if (!bound.groups || state.left.commits < 2) return;
  for (const auto& [one, two] : groups) {
    acts.push_back({.kind = Act::Kind::commit, .one = one, .two = two});
  }
}

void add_others(const State& state, Act::Kind kind, std::vector<Act>& acts) {
  if (state.left.journals == 0) return;
  for (const Path path : both_paths) {
    Act act{.kind = kind, .path = path};
    act.one[index_of(path)] = put;
    acts.push_back(act);
    act.one[index_of(path)] = remove;
    if (can_want(state, act.one)) acts.push_back(act);
  }
}

void add_interferences(const State& state, std::vector<Act>& acts) {
  for (const Foreign& foreign : interferences) {
    if (can(state, foreign)) acts.push_back({.kind = Act::Kind::interfere, .foreign = foreign});
  }
}

}  // namespace

std::vector<Act> acts_of(const State& state, const Bound& bound) {
  std::vector<Act> acts;
  const Memory& memory = state.memory;
  if (memory.stopped) return {{.kind = Act::Kind::restart}};
  // The last recovery ended, and its tree was looked at: nothing that follows is crashed.
  if (memory.up && state.left.crashes == 0) return acts;
  if (memory.up) {
    add_commits(state, bound, acts);
    add_others(state, Act::Kind::commit_alone, acts);
    if (state.left.settles > 0) {
      acts.push_back({.kind = Act::Kind::settle});
      acts.push_back({.kind = Act::Kind::close});
    }
  } else {
    acts.push_back({.kind = Act::Kind::open});
    if (state.left.crashes > 0) add_others(state, Act::Kind::transact, acts);
  }
  add_interferences(state, acts);
  return acts;
}

void perform(Calls& calls, const Act& act) {
  State& state = calls.state();
  Writer writer(calls);
  switch (act.kind) {
    case Act::Kind::open:
      if (!writer.open()) state.memory = {};
      break;
    case Act::Kind::commit:
      state.left.commits =
          static_cast<std::uint8_t>(state.left.commits - (act.two == Wanted{} ? 1 : 2));
      writer.commit(act.one, act.two, act.foreign);
      break;
    case Act::Kind::commit_alone:
      --state.left.journals;
      writer.commit_alone(act.path, act.one[index_of(act.path)]);
      break;
    case Act::Kind::settle:
      --state.left.settles;
      writer.settle();
      break;
    case Act::Kind::close:
      --state.left.settles;
      writer.close();
      break;
    case Act::Kind::restart:
      state.memory = {};
      break;
    case Act::Kind::transact:
      --state.left.journals;
      if (writer.open_for_transaction()) writer.transact(act.path, act.one[index_of(act.path)]);
      break;
    case Act::Kind::interfere:
      interfere(calls, act.foreign);
      break;
  }
}

State first_state(const Budget& budget) {
  State state;
  Disk& disk = state.disk;
  disk.files.push({});
  disk.files.push({.now = first_old, .disk = first_old, .time_now = 1, .time_disk = 1});
  disk.clock = 1;
  disk.journals.push({});
  disk.now[static_cast<std::size_t>(Name::x_in_first)] = 1;
  disk.now[static_cast<std::size_t>(Name::d)] = first;
  disk.disk = disk.now;
  state.history.tree = {first_old, absent};
  state.left = budget;
  return state;
}

}  // namespace perdure::model
