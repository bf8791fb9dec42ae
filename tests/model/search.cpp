// SPDX-License-Identifier: BSL-1.0
// Depth first: each state's actions, each action's choices, each call's crashes.
#include "model/search.hpp"

#include <ctime>

#include "model/history.hpp"
#include "model/key_set.hpp"

namespace perdure::model {
namespace {

/// Goes through all rows of choices: the last one that can be changed is changed next.
class Choices {
 public:
  int next(int count) {
    if (at_ == taken_.size()) {
      taken_.push_back(0);
      counts_.push_back(count);
    }
    counts_[at_] = count;
    return taken_[at_++];
  }
  /// Whether all that follows is new: the row up to here was given.
  [[nodiscard]] bool is_new() const { return at_ >= given_; }
  bool advance() {
    taken_.resize(at_);
    counts_.resize(at_);
    while (!taken_.empty() && taken_.back() + 1 == counts_.back()) {
      taken_.pop_back();
      counts_.pop_back();
    }
    at_ = 0;
    given_ = taken_.size();
    if (taken_.empty()) return false;
    ++taken_.back();
    return true;
  }

 private:
  std::vector<int> taken_;
  std::vector<int> counts_;
  std::size_t at_ = 0;
  std::size_t given_ = 0;
};

struct OutOfTime {};

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

class Search {
 public:
  Search(const Model& model, const Bound& bound) : model_(model), bound_(bound) {}

  Searched run() {
    search_all();
    searched_.seconds = cpu_seconds() - begun_;
    return searched_;
  }

 private:
  void search_all() {
    try {
      explore(first_state(bound_.budget));
    } catch (const Violation& violation) {
      searched_.found = Found{violation.what(), story_};
    } catch (const OutOfTime&) {
      searched_.complete = false;
    }
  }

  /// One run of an action, with the choices of this time.
  class Run final : public Fate {
   public:
    Run(Search& search, Choices& choices) : search_(search), choices_(choices) {}
    int choose(int count) override { return choices_.next(count); }
    void tell(const Step& step) override { search_.story_.push_back(step); }
    void may_crash(const State& state) override {
      ++search_.searched_.calls;
      if (choices_.is_new()) search_.crash(state);
    }

   private:
    Search& search_;
    Choices& choices_;
  };

  void explore(State state) {
    normalise(state, bound_.keep_stale);
    if (!seen_.insert(key_of(state))) return;
    ++searched_.states;
    check_limits();
    for (const Act& act : acts_of(state, bound_)) go_through(state, act);
  }

  void go_through(const State& state, const Act& act) {
    const std::size_t told = story_.size();
    Choices choices;
    do {
      State after = state;
      Run run(*this, choices);
      Calls calls(after, model_, run);
      perform(calls, act);
      check_live(after);
      explore(after);
      story_.resize(told);
    } while (choices.advance());
  }

  /// A root that goes on shows what it has promised.
  static void check_live(const State& state) {
    if (!state.memory.up || state.memory.stopped) return;
    // Changes of others are found when the log settles: until then `read` shows ours.
    if ((state.memory.left & state.history.others) != 0) return;
    if (!allows(state.history, read_tree(state))) {
      throw Violation("the files in place are not what was promised");
    }
  }

  void crash(const State& before) {
    if (before.left.crashes == 0) return;
    State state = before;
    state.memory = {};
    --state.left.crashes;
    normalise(state, bound_.keep_stale);
    if (!crashed_.insert(key_of(state))) return;
    ++searched_.crashes;
    story_.push_back({.event = Event::kill});
    check_readers(state);
    explore(state);
    story_.pop_back();
    cut(state);
  }

  void cut(const State& before) {
    Choices choices;
    do {
      State state = before;
      cut_power(state.disk, model_.kind, [&](int count) { return choices.next(count); });
      lose_power(state.history);
      state.disk.power_lost = true;
      ++searched_.power_cuts;
      tell_disk(state.disk);
      check_readers(state);
      explore(state);
      story_.pop_back();
    } while (choices.advance());
  }

  /// Before recovery: old or new, and whole.
  void check_readers(const State& state) const {
    const Tree tree = tree_of(state.disk);
    for (const Path path : both_paths) {
      const Content found = tree[index_of(path)];
      const bool must_be_whole = model_.is_whole_at_name() && !state.disk.flush_failed;
      if (found == damaged && must_be_whole) {
        throw Violation("a reader before recovery finds a damaged file");
      }
      const bool in_place =
          !model_.is_later() && !state.disk.power_lost && !state.disk.flush_failed;
      if (in_place && !allows_at(state.history, path, found)) {
        throw Violation("a reader after a kill finds what nobody promised");
      }
    }
  }

  void tell_disk(const Disk& disk) {
    Step step{.event = Event::power_cut};
    const Tree tree = tree_of(disk);
    std::size_t at = 0;
    for (const Content content : tree) step.words.at(at++) = content;
    step.words.at(at++) = disk.now[static_cast<std::size_t>(Name::j)];
    for (const auto& cell : disk.headers) step.words.at(at++) = cell.now.epoch;
    for (const auto& segment : disk.cells) {
      for (std::size_t i = 0; i < model_.records && at < step.words.size(); ++i) {
        step.words.at(at++) =
            segment.at(i).now == 0 ? Number{0} : disk.records[segment.at(i).now - 1U].number;
      }
    }
    story_.push_back(step);
  }

  void check_limits() {
    if (bound_.states_max != 0 && searched_.states > bound_.states_max) throw OutOfTime();
    if (bound_.seconds_max <= 0 || searched_.states % 1024 != 0) return;
    if (cpu_seconds() - begun_ > bound_.seconds_max) throw OutOfTime();
  }

  const Model& model_;
  const Bound& bound_;
  Searched searched_;
  Story story_;
  KeySet seen_;
  KeySet crashed_;
  const double begun_ = cpu_seconds();
};

}  // namespace

Searched search(const Model& model, const Bound& bound) {
  return Search(model, bound).run();
}

}  // namespace perdure::model
