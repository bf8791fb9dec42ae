// SPDX-License-Identifier: BSL-1.0
// Explores a workload: every crash point, every crash state, every oracle.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <numeric>
#include <thread>
#include <unistd.h>

#include <perdure/detail/progress_words.hpp>
#include <perdure/testing/explore.hpp>

#include "testing/explorer/frontier.hpp"
#include "testing/explorer/reproducer.hpp"
#include "testing/explorer/session.hpp"

namespace perdure::testing {

std::vector<Node> Frontier::take() {
  std::vector<Node> nodes;
  for (Shard& shard : shards_) {
    for (auto& [hash, node] : shard.fresh) {
      shard.seen.insert(hash);
      nodes.push_back(std::move(node));
    }
    shard.fresh.clear();
  }
  size_ = 0;
  std::ranges::sort(nodes, [](const Node& a, const Node& b) {
    return std::pair(a.variant, a.origin) < std::pair(b.variant, b.origin);
  });
  return nodes;
}

namespace {

constexpr std::size_t no_node = ~std::size_t{0};

/// All interleavings with two switches: the first actor makes i calls, the second j, and so on.
std::vector<Schedule> all_schedules(const std::vector<std::size_t>& calls, std::size_t count_max) {
  std::vector<Schedule> all;
  constexpr std::size_t more = 10;  // an actor that meets the other makes more calls than alone
  for (std::size_t i = 0; i <= calls[0]; ++i) {
    for (std::size_t j = 1; j <= calls[1] + more; ++j) all.push_back({i, j});
  }
  if (all.size() <= count_max) return all;
  std::vector<Schedule> some;  // evenly spread, both ends included
  for (std::size_t k = 0; k < count_max; ++k) {
    some.push_back(all[k * (all.size() - 1) / std::max<std::size_t>(count_max - 1, 1)]);
  }
  return some;
}

/// Shows the number of recovered states on a line of standard error.
class ProgressLine {
 public:
  explicit ProgressLine(std::size_t total) : total_(total) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (drawn_ != begin_) std::cerr << std::endl;
  }

  void advance(std::size_t count) {
    constexpr std::chrono::milliseconds redraw_ms{200};
    done_ += count;
    const auto now = std::chrono::steady_clock::now();
    if (now - drawn_ < redraw_ms && done_ < total_) return;
    drawn_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    constexpr std::string_view clear_line = "\r\033[K";
    std::cerr << clear_line
              << detail::progress_words(done_, total_, seconds, "states",
                                        [](std::uint64_t of) { return std::to_string(of); })
              << std::flush;
  }

 private:
  std::size_t total_;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_ = begin_;
};

class Search {
 public:
  Search(const Workload& workload, const std::vector<Oracle>& oracles,
         const ExploreOptions& options)
      : runner_(workload, oracles, options), options_(options) {
    std::vector<Schedule> schedules{{}};
    if (workload.actors.size() > 1) {
      const auto more = all_schedules(runner_.calls(), options.schedules_max);
      schedules.insert(schedules.end(), more.begin(), more.end());
    }
    for (const Schedule& schedule : schedules) variants_.push_back({schedule, {}, 0});
    for (std::size_t i = 1; i < workload.cases; ++i) variants_.push_back({{}, {}, i});
    for (const auto& faults : options.faults) variants_.push_back({{}, faults, 0});
  }

  Report go() {
    report_.runs = variants_.size();
    in_parallel(variants_.size(), [this](std::size_t i) {
      std::vector<Point> points;
      if (runner_.run(variants_[i], points)) note(i);
      expand(points, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i), 0);
    });
    if (worst_ != no_node) {
      report_.violation = explain(0);
      return report_;
    }
    for (unsigned level = 1; level <= options_.depth + 1; ++level) {
      std::vector<Node> nodes = frontier_.take();
      limit(nodes, level);
      if (nodes.empty()) break;
      report_.depth = level;
      report_.distinct += nodes.size();
      remember(nodes);
      visit(nodes, level);
      if (worst_ != no_node) {
        report_.violation = explain(level);
        break;
      }
    }
    report_.points = points_;
    report_.states = states_;
    report_.recoveries = recoveries_;
    std::ranges::copy(by_operation_, report_.points_by_operation.begin());
    return report_;
  }

 private:
  /// Reports the first node with a violation, whichever thread finds one first.
  void note(std::size_t node) {
    std::size_t known = worst_;
    while (node < known && !worst_.compare_exchange_weak(known, node)) {
    }
  }

  /// Recovers each node and asks the oracles. Crashes the recoveries in their turn, in an order
  /// that the seed decides, until there are as many new states as there is room for.
  void visit(const std::vector<Node>& nodes, unsigned level) {
    std::vector<std::uint32_t> order(nodes.size());
    std::iota(order.begin(), order.end(), 0U);
    const std::uint64_t room = room_after(level);
    if (room != 0) {
      std::ranges::sort(order, {},
                        [&](std::uint32_t i) { return mix(nodes[i].hash, options_.seed); });
    }
    constexpr std::size_t worth_showing = 5000;
    const bool shown =
        options_.progress && nodes.size() >= worth_showing && ::isatty(STDERR_FILENO) != 0;
    std::optional<ProgressLine> progress;
    if (shown) progress.emplace(nodes.size());
    // of a fixed size, so that the same states are always left out
    constexpr std::size_t batch_size = 64;
    for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
      const std::size_t count = std::min(batch_size, order.size() - begin);
      const bool crash = frontier_.size() < room;
      if (!crash && room != 0) report_.uncrashed += count;
      in_parallel(count, [&](std::size_t i) {
        const std::size_t index = order[begin + i];
        if (index < worst_) visit(nodes[index], index, level, crash);
      });
      if (progress) progress->advance(count);
    }
  }

  void visit(const Node& node, std::size_t index, unsigned level, bool crash) {
    std::vector<Point> points;
    const auto finding = runner_.recover(node.disk, node.history, variants_[node.variant], level,
                                         crash ? &points : nullptr);
    ++recoveries_;
    if (finding) {
      note(index);
    } else if (crash) {
      expand(points, static_cast<std::uint32_t>(index), node.variant, level);
    }
  }

  /// How many states the next level may have: half of what is left, all if it is the last.
  [[nodiscard]] std::uint64_t room_after(unsigned level) const {
    if (level > options_.depth) return 0;
    const std::uint64_t left =
        options_.states_max - std::min<std::uint64_t>(options_.states_max, report_.distinct);
    return level == options_.depth ? left : left - left / 2;
  }

  /// Offers every state that a crash at one of these points can lead to.
  void expand(const std::vector<Point>& points, std::uint32_t parent, std::uint32_t variant,
              unsigned crashes) {
    const std::uint64_t salt = options_.faults_in_recovery ? mix(variant, 7) : 0;
    const Bounds bounds = runner_.bounds(crashes);
    points_ += points.size();
    for (std::uint32_t p = 0; p < points.size(); ++p) {
      const Point& point = points[p];
      if (!point.event) ++by_operation_[static_cast<std::size_t>(point.next)];
      if (options_.kills) {
        Disk disk = killed(point);
        const History history = crashed(point, Event::Kind::kill);
        const std::uint64_t hash = mix(disk.hash(), hash_history(*history) + salt);
        ++states_;
        frontier_.offer(hash, {parent, p, 0}, variant, std::move(disk), history);
      }
      if (!options_.power_cuts || !point.power) continue;
      const History history = crashed(point, Event::Kind::power_cut);
      const std::uint64_t history_hash = hash_history(*history) + salt;
      std::uint32_t ordinal = 0;
      for_each_crash_state(point.disk, bounds, [&](Disk&& disk, const Choice&) {
        ++states_;
        const std::uint64_t hash = mix(disk.hash(), history_hash);
        frontier_.offer(hash, {parent, p, ++ordinal}, variant, std::move(disk), history);
        return true;
      });
    }
  }

  void limit(std::vector<Node>& nodes, unsigned level) {
    const std::uint64_t room = level == 1 ? options_.states_max : room_after(level - 1);
    if (nodes.size() <= room) return;
    report_.left_out += nodes.size() - room;
    std::ranges::nth_element(nodes, nodes.begin() + static_cast<std::ptrdiff_t>(room), {},
                             [&](const Node& node) { return mix(node.hash, options_.seed); });
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(room), nodes.end());
    std::ranges::sort(nodes, {},
                      [](const Node& node) { return std::pair(node.variant, node.origin); });
  }

  void remember(const std::vector<Node>& nodes) {
    auto& origins = origins_.emplace_back();
    origins.reserve(nodes.size());
    for (const Node& node : nodes) origins.emplace_back(node.origin, node.variant);
  }

  Violation explain(unsigned level) {
    CrashPath path{options_.preset, options_.seed, {}, {}};
    std::vector<Origin> row;
    std::size_t index = worst_;
    if (level == 0) path.variant = variants_[index];
    for (unsigned at = level; at-- > 0;) {
      row.insert(row.begin(), origins_[at][index].first);
      path.variant = variants_[origins_[at][index].second];
      index = row.front().parent;
    }
    std::vector<Point> points;
    (void)runner_.run(path.variant, points);
    for (unsigned at = 0; at < row.size(); ++at) {
      const Point& point = points.at(row[at].point);
      Step step{row[at].ordinal == 0, row[at].point, {}};
      if (!step.kill) {
        std::uint32_t ordinal = 0;
        for_each_crash_state(point.disk, runner_.bounds(at), [&](Disk&&, const Choice& choice) {
          step.choice = choice;
          return ++ordinal != row[at].ordinal;
        });
      }
      const Disk disk = step.kill ? killed(point) : crash_state(point.disk, step.choice);
      const History history =
          crashed(point, step.kill ? Event::Kind::kill : Event::Kind::power_cut);
      std::vector<Point> next;
      if (at + 1 < row.size()) {
        (void)runner_.recover(disk, history, path.variant, at + 1, &next);
      }
      points = std::move(next);
      path.steps.push_back(std::move(step));
    }
    path = shrink(runner_, std::move(path));
    auto finding = follow(runner_, path);
    if (!finding) finding = Finding{"determinism", "the violation did not come back when replayed"};
    return {finding->oracle, finding->words, write_path(runner_, path, *finding)};
  }

  template <class Function>
  void in_parallel(std::size_t count, Function function) {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    const auto wanted = options_.threads == 0 ? cores : options_.threads;
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = 0; (i = next.fetch_add(1)) < count;) function(i);
    };
    std::vector<std::thread> helpers;
    for (unsigned i = 1; i < wanted && i < count; ++i) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
  }

  Runner runner_;
  const ExploreOptions& options_;
  std::vector<Variant> variants_;
  Frontier frontier_;
  std::vector<std::vector<std::pair<Origin, std::uint32_t>>> origins_;  // by level, then node
  std::atomic<std::size_t> worst_{no_node};  // the first node of this level with a violation
  std::atomic<std::uint64_t> points_{0};
  std::atomic<std::uint64_t> states_{0};
  std::atomic<std::uint64_t> recoveries_{0};
  std::array<std::atomic<std::uint64_t>, operation_count> by_operation_{};
  Report report_;
};

}  // namespace

Report explore(const Workload& workload, const std::vector<Oracle>& oracles,
               const ExploreOptions& options) {
  return Search(workload, oracles, options).go();
}

std::optional<Violation> replay(const Workload& workload, const std::vector<Oracle>& oracles,
                                std::string_view reproducer, const ExploreOptions& options) {
  const CrashPath path = read_path(reproducer);
  ExploreOptions same = options;
  same.preset = path.preset;
  same.seed = path.seed;
  const Runner runner(workload, oracles, same);
  bool possible = true;
  const auto finding = follow(runner, path, &possible);
  if (!possible) {
    throw std::invalid_argument("reproducer: '" + workload.name +
                                "' has no such crash under this preset and seed");
  }
  if (!finding) return std::nullopt;
  return Violation{finding->oracle, finding->words, std::string(reproducer)};
}

std::vector<std::vector<Fault>> all_faults(const Workload& workload, const Preset& preset,
                                           std::size_t stride) {
  ExploreOptions options;
  options.preset = &preset;
  const std::vector<Oracle> none;
  const std::vector<Operation> log = Runner(workload, none, options).log();
  std::vector<std::vector<Fault>> all;
  std::array<std::uint64_t, operation_count> counts{};
  for (const Operation operation : log) {
    const std::uint64_t call = ++counts[static_cast<std::size_t>(operation)];
    for (const int error : errors_of(operation)) {
      all.push_back({{.operation = operation, .call = call, .error = error}});
      all.push_back({{.operation = operation,
                      .call = call,
                      .error = error,
                      .from_then_on = true,
                      .count = {}}});
    }
    if (operation == Operation::write_at || operation == Operation::read_at) {
      all.push_back({{.operation = operation, .call = call, .count = 1}});
      all.push_back({{.operation = operation, .call = call, .count = 0}});
    }
    if (operation == Operation::write_through) {
      constexpr std::size_t block = 4096;
      all.push_back({{.operation = operation, .call = call, .count = block}});
      all.push_back({{.operation = operation, .call = call, .count = 0}});
      all.push_back({{.operation = operation, .call = call, .after_effect = true, .count = {}}});
    }
    all.push_back(
        {{.operation = operation, .call = call, .error = EIO, .count = {}, .elsewhere = true}});
  }
  std::vector<std::vector<Fault>> some;
  for (std::size_t i = 0; i < all.size(); i += std::max<std::size_t>(stride, 1)) {
    some.push_back(std::move(all[i]));
  }
  return some;
}

}  // namespace perdure::testing
