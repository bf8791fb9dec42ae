// SPDX-License-Identifier: BSL-1.0
// Runs a workload and notes the points at which it may crash.
#include "testing/explorer/runner.hpp"

#include <algorithm>

#include <perdure/testing/manual_environment.hpp>

#include "testing/explorer/session.hpp"
#include "testing/simulator/simulation_access.hpp"

namespace perdure::testing {

namespace {

/// Adds faults and turns between the program and the disk.
class GatedFileSystem final : public FaultyFileSystem {
 public:
  GatedFileSystem(FileSystem& base, SimulatedFileSystem& disk, Interleaver* interleaver)
      : FaultyFileSystem(base), disk_(disk), interleaver_(interleaver) {}

 protected:
  void before(Operation /*operation*/) override {
    if (interleaver_ != nullptr) interleaver_->before_call();
  }
  void failed(Operation operation, Handle handle) override {
    if (operation == Operation::sync_file_system) {
      disk_.lose_sync_of_all();
    } else {
      disk_.lose_sync(handle);
    }
  }
  void failed_elsewhere() override { disk_.fail_writeback(); }

 private:
  SimulatedFileSystem& disk_;
  Interleaver* interleaver_;
};

class PointObserver final : public SimulationObserver {
 public:
  PointObserver(std::vector<Point>& points, Disk& disk, const std::vector<Event>& history)
      : points_(points),
        disk_(disk),
        live_(history),
        history_(std::make_shared<const std::vector<Event>>(history)) {}

  void before(Operation operation, Disk& disk) override {
    // After any of these less can be lost than before it.
    const bool makes_durable =
        operation == Operation::sync_file || operation == Operation::sync_data ||
        operation == Operation::sync_directory || operation == Operation::sync_file_system ||
        operation == Operation::await_writeback || operation == Operation::write_through;
    add(disk, operation, false, makes_durable);
  }
  void partly(Operation operation, Disk disk) override {
    points_.push_back({std::move(disk), history(), operation, false, true, false});
  }
  void event() { add(disk_, Operation::close, true, true); }
  void end() {
    event();
    points_.back().event = false;
  }

 private:
  const History& history() {
    if (live_.size() != history_->size()) {
      history_ = std::make_shared<const std::vector<Event>>(live_);
    }
    return history_;
  }

  void add(Disk& disk, Operation next, bool is_event, bool power) {
    (void)history();
    if (!points_.empty() && !points_.back().partial) {
      Point& last = points_.back();
      if (last.disk.revision == disk.revision && last.history == history_) {
        last.power |= power;
        if (!is_event) {
          last.next = next;
          last.event = false;
        }
        return;
      }
    }
    points_.push_back({disk.fork(), history_, next, is_event, false, power});
  }

  std::vector<Point>& points_;
  Disk& disk_;
  const std::vector<Event>& live_;  // the session's own
  History history_;
};

/// Takes the points of one session for as long as it lives.
class PointsOfSession {
 public:
  PointsOfSession(Session& session, std::vector<Point>* points) : session_(session) {
    if (points == nullptr) return;
    Simulation& sim = SimulationAccess::of(session.disk());
    observer_ = std::make_unique<PointObserver>(*points, sim.disk, session.history());
    sim.observer = observer_.get();
    SessionAccess::watch(session, [this] { observer_->event(); });
  }
  PointsOfSession(const PointsOfSession&) = delete;
  PointsOfSession& operator=(const PointsOfSession&) = delete;
  ~PointsOfSession() { SimulationAccess::of(session_.disk()).observer = nullptr; }

  void end() {
    if (observer_) observer_->end();
  }

 private:
  Session& session_;
  std::unique_ptr<PointObserver> observer_;
};

}  // namespace

Disk killed(const Point& point) {
  Disk disk = point.disk;
  disk.drop_orphans();
  return disk;
}

History crashed(const Point& point, Event::Kind kind) {
  auto history = std::make_shared<std::vector<Event>>(*point.history);
  add_crash(*history, kind);
  return history;
}

Runner::Runner(const Workload& workload, const std::vector<Oracle>& oracles,
               const ExploreOptions& options)
    : workload_(workload), oracles_(oracles), options_(options), prepared_(*options.preset) {
  SimulatedFileSystem disk(*options.preset);
  ManualEnvironment environment(mix(options.seed, 1000));
  Session session({&disk, &environment}, disk);
  if (workload.prepare) workload.prepare(session);
  disk.sync_all();
  Simulation& sim = SimulationAccess::of(disk);
  disk.kill();
  prepared_ = sim.disk.fork();
  prepared_history_ = session.history();
}

Bounds Runner::bounds(std::size_t crashes) const noexcept {
  const auto deep = [&](std::size_t bound, std::size_t deep_max) {
    return crashes == 0 ? bound : std::min(bound, deep_max);
  };
  return {.pending_max = options_.pending_max,
          .sets_max = deep(options_.sets_max, 256),
          .tears_max = deep(options_.tears_max, 6),
          .pairs_max = deep(options_.pairs_max, 18),
          .samples = deep(64, 16),
          .seed = options_.seed};
}

std::optional<Finding> Runner::run(const Variant& variant, std::vector<Point>& points) const {
  const auto verdict = [](const Session& session) -> std::optional<Finding> {
    if (session.words().empty()) return std::nullopt;
    return Finding{"run", session.words()};
  };
  const auto disk = SimulationAccess::make(prepared_);
  ManualEnvironment environment(mix(options_.seed, 0));
  const auto layer = options_.layer ? options_.layer(*disk) : nullptr;
  FileSystem& below = layer ? *layer : *disk;
  if (workload_.actors.size() == 1 && variant.faults.empty()) {
    Session session({&below, &environment}, *disk, prepared_history_);
    SessionAccess::set_case(session, variant.case_number);
    PointsOfSession recording(session, &points);
    workload_.actors.front()(session);
    recording.end();
    return verdict(session);
  }
  Interleaver interleaver(variant.schedule);
  InterleavedEnvironment interleaved(environment, interleaver);
  GatedFileSystem gate(below, *disk, &interleaver);
  for (const Fault& fault : variant.faults) gate.fail(fault);
  Session session({&gate, &interleaved}, *disk, prepared_history_);
  SessionAccess::set_case(session, variant.case_number);
  PointsOfSession recording(session, &points);
  std::vector<std::function<void()>> actors;
  for (const auto& actor : workload_.actors) actors.push_back([&] { actor(session); });
  interleaver.run(actors);
  recording.end();
  return verdict(session);
}

std::optional<Finding> Runner::ask(SimulatedFileSystem& disk, Environment& environment,
                                   const std::vector<Event>& history, bool before_recovery) const {
  for (const Oracle& oracle : oracles_) {
    if (oracle.before_recovery != before_recovery) continue;
    const auto& exempt = options_.preset->exempt;
    if (std::ranges::find(exempt, oracle.name) != exempt.end()) continue;
    std::unique_ptr<SimulatedFileSystem> copy;
    if (oracle.changes) copy = SimulationAccess::make(SimulationAccess::of(disk).disk.fork());
    Session session({copy ? copy.get() : &disk, &environment}, copy ? *copy : disk, history);
    std::string words = oracle.check(session);
    if (words.empty()) words = session.words();
    if (!words.empty()) return Finding{oracle.name, std::move(words)};
  }
  return std::nullopt;
}

std::optional<Finding> Runner::recover(const Disk& disk, const History& history,
                                       const Variant& variant, unsigned level,
                                       std::vector<Point>* points) const {
  const auto files = SimulationAccess::make(disk);
  ManualEnvironment environment(mix(options_.seed, level));
  const auto layer = options_.layer ? options_.layer(*files) : nullptr;
  FileSystem& below = layer ? *layer : *files;
  std::unique_ptr<GatedFileSystem> gate;
  if (options_.faults_in_recovery && !variant.faults.empty()) {
    gate = std::make_unique<GatedFileSystem>(below, *files, nullptr);
    for (const Fault& fault : variant.faults) gate->fail(fault);
  }
  if (auto finding = ask(*files, environment, *history, true)) return finding;
  Session session({gate ? gate.get() : &below, &environment}, *files, *history);
  PointsOfSession recording(session, points);
  if (workload_.recover) {
    workload_.recover(session);
    if (gate) {  // a later start, without faults, repairs what they left
      gate->heal();
      files->kill();
      workload_.recover(session);
    }
  }
  recording.end();
  if (!session.words().empty()) return Finding{"recovery", session.words()};
  return ask(*files, environment, session.history(), false);
}

std::vector<std::size_t> Runner::calls() const {
  const auto disk = SimulationAccess::make(prepared_);
  ManualEnvironment environment(mix(options_.seed, 0));
  Interleaver interleaver({});
  InterleavedEnvironment interleaved(environment, interleaver);
  GatedFileSystem gate(*disk, *disk, &interleaver);
  Session session({&gate, &interleaved}, *disk, prepared_history_);
  std::vector<std::function<void()>> actors;
  for (const auto& actor : workload_.actors) actors.push_back([&] { actor(session); });
  interleaver.run(actors);
  return interleaver.calls();
}

std::vector<Operation> Runner::log() const {
  const auto disk = SimulationAccess::make(prepared_);
  ManualEnvironment environment(mix(options_.seed, 0));
  GatedFileSystem gate(*disk, *disk, nullptr);
  Session session({&gate, &environment}, *disk, prepared_history_);
  workload_.actors.front()(session);
  std::vector<Operation> operations;
  for (const Call& call : gate.log()) operations.push_back(call.operation);
  return operations;
}

}  // namespace perdure::testing
