// SPDX-License-Identifier: BSL-1.0
// A tracked state that is crashed: saves, coalesced ones, restores, migrations, damage. The history
// has the values that the program was told of ("state"), and under which numbers ("generation 7").
#include "tracker_workloads.hpp"

#include <algorithm>
#include <map>

#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/state_tracker.hpp>

namespace perdure::test {

struct Tally {
  std::uint64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Tally, (), (count))

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using Tracker = StateTracker<Tally>;
const std::string target = "state";
const std::string numbered = "generation ";
const std::string increment = "increment";
const std::string foreign = "nobody's business";

TrackerOptions options_of(const Session& session) {
  TrackerOptions options;
  options.system = session.system();
  return options;
}

/// Version 1 of the schema called the count "total".
Migrations<Json<Tally>> migrations() {
  Migrations<Json<Tally>> from_old(2);
  from_old.from(1, [](boost::json::object& state) -> Result<void> {
    state["count"] = state.at("total");
    state.erase("total");
    return success();
  });
  return from_old;
}

Result<Tracker> open_tracker(Session& session) {
  return Tracker::open("/d/state", options_of(session), {}, {}, migrations());
}

std::string value_of(const Tracker& tracker) {
  return std::to_string(tracker.state()->count);
}

void note_number(Session& session, const Tracker& tracker) {
  session.attempt(numbered + std::to_string(tracker.generation()), value_of(tracker));
}

/// Opens it, as every start of the program does. What it returns was told to somebody, and must
/// still be there after the next power cut.
std::optional<Tracker> start(Session& session, bool strict) {
  auto tracker = open_tracker(session);
  if (!tracker) {
    if (strict) session.wrong(tracker.error().message());
    return std::nullopt;
  }
  if (tracker.value().report().origin != Origin::defaults) {
    session.acknowledge(session.attempt(target, value_of(tracker.value())));
  }
  if (tracker.value().report().origin == Origin::current) note_number(session, tracker.value());
  return std::move(tracker.value());
}

/// One commit that is to lead to this count. After a failure that leaves open what is on the disk
/// the program reloads.
void save(Session& session, Tracker& tracker, std::uint64_t count, bool strict,
          const std::function<Result<void>()>& call) {
  const auto done =
      session.commit(target, std::to_string(count), Durability::durable, [&] { return call(); });
  if (done) {
    note_number(session, tracker);
    if (tracker.state()->count != count) session.wrong("memory has another state than was saved");
    return;
  }
  if (strict) return session.wrong(done.error().message());
  if (done.error().fate == Fate::unchanged || !tracker.reload()) return;
  session.acknowledge(session.attempt(target, value_of(tracker)));
  note_number(session, tracker);
}

void add_one(Session& session, Tracker& tracker, bool strict = true) {
  save(session, tracker, tracker.state()->count + 1, strict,
       [&] { return tracker.update([](Tally& tally) { ++tally.count; }); });
}

/// Two edits that share one commit: one without the other is never to be seen.
void add_two(Session& session, Tracker& tracker, bool strict = true) {
  save(session, tracker, tracker.state()->count + 2, strict, [&]() -> Result<void> {
    const auto first = tracker.save_later([](Tally& tally) { ++tally.count; });
    const auto second = tracker.save_later([](Tally& tally) { ++tally.count; });
    BOOST_OUTCOME_TRY(second.wait());
    return first.wait();
  });
}

void go_back(Session& session, Tracker& tracker, std::uint64_t count) {
  const auto history = tracker.history();
  if (!history || history.value().previous.empty()) {
    return session.wrong("there is no previous generation to go back to");
  }
  save(session, tracker, count, true,
       [&] { return tracker.restore(history.value().previous.front()); });
}

void prepare_state(Session& session) {
  session.disk().put("d/notes", foreign, 0600);
  auto tracker = start(session, true);
  add_one(session, *tracker);
  add_one(session, *tracker);
}

void restart(Session& session) {
  const auto cleaned = clean("/d", false, session.system());
  if (!cleaned) session.wrong(cleaned.error().message());
  (void)start(session, true);
}

// --- Oracles.

/// What the next start of the program would find: nothing, or a value, and that it had to fall back
/// for it.
const std::string fallen_back = "the previous ";
std::optional<std::string> state_found(Session& session) {
  auto tracker = open_tracker(session);
  if (!tracker) return tracker.error().message();
  switch (tracker.value().report().origin) {
    case Origin::current:
      return value_of(tracker.value());
    case Origin::previous:
      return fallen_back + value_of(tracker.value());
    case Origin::defaults:
      break;
  }
  return std::nullopt;
}

/// What was acknowledged is the current state. Where a rename is three steps, the current file and
/// the link that keeps it may be lost together: nothing can be promised then, but that no value is
/// made up.
Oracle state_there(bool fallback_counts = false) {
  const auto value = [](Session& session) {
    auto found = state_found(session);
    if (found && found->starts_with(fallen_back)) found->erase(0, fallen_back.size());
    return found;
  };
  Oracle oracle = oracles::found(target, fallback_counts ? value : state_found);
  oracle.check = [check = std::move(oracle.check), value](Session& session) -> std::string {
    if (!session.preset().split_rename) return check(session);
    const auto found = value(session);
    const bool known = std::ranges::any_of(session.history(), [&](const Event& event) {
      return event.kind == Event::Kind::attempt && event.target == target && event.content == found;
    });
    return known || !found ? "" : "found " + *found + ", which nobody saved";
  };
  return oracle;
}

/// Numbers that the program was told: one never stands for two values, and none is below one
/// before.
Oracle generations_go_up() {
  return {"generations", [](Session& session) -> std::string {
            std::map<std::uint64_t, std::string> values;
            std::uint64_t last = 0;
            for (const Event& event : session.history()) {
              if (event.kind != Event::Kind::attempt || !event.target.starts_with(numbered))
                continue;
              const std::uint64_t number = std::stoull(event.target.substr(numbered.size()));
              const auto [known, is_new] = values.emplace(number, *event.content);
              if (!is_new && known->second != event.content) {
                return event.target + " was given to two states";
              }
              if (number < last && !session.preset().split_rename) {
                return event.target + " came after " + std::to_string(last);
              }
              last = std::max(last, number);
            }
            return {};
          }};
}

/// Beside the state: its lock, its previous generations, evidence; nothing else.
Oracle only_its_files(std::size_t damaged_max, std::size_t previous_max = 3) {
  return {"no_litter", [damaged_max, previous_max](Session& session) -> std::string {
            std::size_t previous = 0;
            std::size_t damaged = 0;
            for (const std::string& path : session.disk().paths()) {
              if (path == "d/" || path == "d/notes" || path == "d/state" ||
                  path == "d/.state.perdure-lock") {
                continue;
              }
              if (path.starts_with("d/.state.") && path.ends_with(".perdure-prev")) {
                ++previous;
              } else if (path.starts_with("d/state.damaged-")) {
                ++damaged;
              } else {
                return path + " is left behind";
              }
            }
            // Two more than are kept: dropping the oldest has not reached the disk, and the next
            // save has begun.
            if (previous > previous_max)
              return std::to_string(previous) + " previous generations are kept";
            // Between the steps of its rename the damaged file has both names, and gets a third.
            if (damaged > damaged_max && !session.preset().split_rename)
              return "there is more evidence than there was damage";
            return {};
          }};
}

std::vector<Oracle> tracker_oracles(bool damaged = false) {
  return {oracles::at_once(state_there(damaged)),
          state_there(damaged),
          generations_go_up(),
          only_its_files(damaged ? 1 : 0),
          oracles::untouched({{"d/notes", foreign}}),
          oracles::nothing_open(),
          oracles::recovery_idempotent([](Session& session) { (void)open_tracker(session); }),
          oracles::still_works([](Session& session) -> std::string {
            auto tracker = open_tracker(session);
            if (!tracker) return tracker.error().message();
            const std::uint64_t before = tracker.value().state()->count;
            const auto done = tracker.value().update([](Tally& tally) { ++tally.count; });
            if (!done) return done.error().message();
            return state_found(session) == std::to_string(before + 1) ? ""
                                                                      : "the save is not there";
          })};
}

// --- Workloads.

Proof tracker_proof(const std::string& name, std::function<void(Session&)> actor) {
  Proof proof;
  proof.workload.name = name;
  proof.workload.prepare = prepare_state;
  proof.workload.actors = {std::move(actor)};
  proof.workload.recover = restart;
  proof.oracles = tracker_oracles();
  return proof;
}

Proof saves_proof(bool strict) {
  return tracker_proof("tracker_saves", [strict](Session& session) {
    auto tracker = start(session, strict);
    if (!tracker) return;
    add_one(session, *tracker, strict);
    add_two(session, *tracker, strict);
  });
}

/// Recovery saves, too: what it found must outlive that, and its numbers go on.
Proof starts_proof() {
  Proof proof = saves_proof(true);
  proof.workload.name = "tracker_starts";
  proof.workload.recover = [](Session& session) {
    restart(session);
    auto tracker = open_tracker(session);
    if (tracker) add_one(session, tracker.value());
  };
  proof.bound = [](ExploreOptions& options) { options.states_max = 12'000; };
  return proof;
}

Proof first_save_proof() {
  Proof proof = tracker_proof("tracker_first_save", [](Session& session) {
    auto tracker = start(session, true);
    add_one(session, *tracker);
    add_one(session, *tracker);
  });
  proof.workload.prepare = [](Session& session) { session.disk().put("d/notes", foreign, 0600); };
  return proof;
}

Proof restore_proof() {
  return tracker_proof("tracker_restore", [](Session& session) {
    auto tracker = start(session, true);
    add_one(session, *tracker);
    go_back(session, *tracker, 2);
    add_two(session, *tracker);
  });
}

struct OldTally {
  std::uint64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(OldTally, (), (total))

Proof migration_proof() {
  Proof proof = tracker_proof("tracker_migration", [](Session& session) {
    auto tracker = start(session, true);
    add_one(session, *tracker);
    add_one(session, *tracker);
  });
  proof.workload.prepare = [](Session& session) {
    session.disk().put("d/notes", foreign, 0600);
    auto old = StateTracker<OldTally>::open("/d/state", options_of(session), {}, {},
                                            Migrations<Json<OldTally>>(1));
    old.value().update([](OldTally& tally) { tally.total = 7; }).value();
    session.acknowledge(session.attempt(target, "7"));
    session.attempt(numbered + std::to_string(old.value().generation()), "7");
  };
  return proof;
}

const std::string damaged_text = "{\"count\": 3, \"generation\": 3, \"checks";

/// The current file was damaged while nobody ran: the previous generation takes its place, and the
/// damaged file is evidence that no crash may destroy.
Proof damage_proof() {
  Proof proof = tracker_proof("tracker_damage", [](Session& session) {
    auto tracker = start(session, true);
    add_one(session, *tracker);
    add_one(session, *tracker);
  });
  proof.workload.prepare = [](Session& session) {
    Session before(session.system(), session.disk());
    prepare_state(before);
    session.acknowledge(session.attempt(target, "1"));
    session.attempt(numbered + "2", "2");
    session.disk().put("d/state", damaged_text);
  };
  const Oracle evidence{"evidence", [](Session& session) -> std::string {
                          if (session.preset().split_rename) return {};
                          for (const std::string& path : session.disk().paths()) {
                            if (session.disk().content(path) == damaged_text) return {};
                          }
                          return "the damaged file is gone";
                        }};
  proof.oracles = tracker_oracles(true);
  proof.oracles.push_back(oracles::at_once(evidence));
  proof.oracles.push_back(evidence);
  return proof;
}

/// Each acknowledged increment is in the state.
Oracle all_counted() {
  return {"nothing_uncounted",
          [](Session& session) -> std::string {
            std::uint64_t counted = 2;  // by the preparation
            for (const Event& event : session.history()) {
              if (event.kind != Event::Kind::acknowledged) continue;
              const auto of = std::ranges::find_if(session.history(), [&](const Event& attempt) {
                return attempt.kind == Event::Kind::attempt && attempt.attempt == event.attempt;
              });
              if (of != session.history().end() && of->target == increment) ++counted;
            }
            auto tracker = open_tracker(session);
            if (!tracker) return tracker.error().message();
            if (session.preset().split_rename) return {};
            const std::uint64_t found = tracker.value().state()->count;
            return found >= counted ? "" : "an acknowledged increment is lost";
          },
          true};
}

/// Two programs with one state: each save is made on top of the other's.
Proof two_trackers_proof() {
  const auto count = [](Session& session) {
    auto tracker = open_tracker(session);
    if (!tracker) return session.wrong(tracker.error().message());
    const auto done = session.commit(increment, "1", Durability::durable, [&] {
      return tracker.value().update([](Tally& tally) { ++tally.count; });
    });
    if (!done) session.wrong(done.error().message());
  };
  Proof proof = tracker_proof("two_trackers", count);
  proof.workload.actors.push_back(count);
  proof.oracles = {only_its_files(0), oracles::nothing_open(), generations_go_up(),
                   oracles::at_once(all_counted())};
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
  };
  return proof;
}

}  // namespace

std::vector<Proof> tracker_proofs() {
  Proof faulty = saves_proof(false);
  faulty.workload.name = "tracker_with_faults";
  faulty.fault_stride = 1;
  // A sync that fails is reported once: a process that is killed takes the report along, and the
  // next one, whose sync succeeds, can't know that what it found may be gone tomorrow.
  faulty.workload.recover = [](Session& session) {
    const auto cleaned = clean("/d", false, session.system());
    if (!cleaned) session.wrong(cleaned.error().message());
    auto tracker = open_tracker(session);
    if (!tracker) return session.wrong(tracker.error().message());
    session.attempt(target, value_of(tracker.value()));
  };
  // A directory's sync that failed leaves it open which of the dropped ones are gone.
  std::erase_if(faulty.oracles, [](const Oracle& oracle) { return oracle.name == "no_litter"; });
  faulty.oracles.push_back(only_its_files(0, 5));
  faulty.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 8;
  };
  return {saves_proof(true), starts_proof(), first_save_proof(),   restore_proof(),
          migration_proof(), damage_proof(), two_trackers_proof(), std::move(faulty)};
}

}  // namespace perdure::test
