// SPDX-License-Identifier: BSL-1.0
#include "tracker_program.hpp"

#include <algorithm>
#include <map>

#include <perdure/clean.hpp>

namespace perdure::test::tally {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

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

void note_number(Session& session, const Tracker& tracker) {
  session.attempt(numbered + std::to_string(tracker.generation()), value_of(tracker));
}

}  // namespace

TrackerOptions options_of(const Session& session) {
  TrackerOptions options;
  options.system = session.system();
  return options;
}

namespace {

bool is_there(const Session& session, const std::string& path) {
  const auto paths = session.disk().paths();
  return std::ranges::find(paths, path) != paths.end();
}

}  // namespace

Result<Tracker> open_tracker(Session& session) {
  if (is_there(session, root_marker)) {
    LogStoreOptions options;
    options.root.segment_size = 16384;
    options.root.publish = is_there(session, later_marker) ? Publish::later : Publish::at_once;
    options.root.writes = LogWrites::cached;
    options.root.system = session.system();
    BOOST_OUTCOME_TRY(auto store, open_log_store("/d/state", options));
    return Tracker::open(std::move(store), options_of(session), {}, {}, migrations());
  }
  return Tracker::open("/d/state", options_of(session), {}, {}, migrations());
}

std::string value_of(const Tracker& tracker) {
  return std::to_string(tracker.state()->count);
}

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

namespace {

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

}  // namespace

void add_one(Session& session, Tracker& tracker, bool strict) {
  save(session, tracker, tracker.state()->count + 1, strict,
       [&] { return tracker.update([](Tally& tally) { ++tally.count; }); });
}

void add_two(Session& session, Tracker& tracker, bool strict) {
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

void prepare(Session& session) {
  session.disk().put("d/notes", foreign, 0600);
  auto tracker = start(session, true);
  add_one(session, *tracker);
  add_one(session, *tracker);
}

void prepare_logged(Session& session, Publish publish) {
  if (publish == Publish::later) session.disk().put(later_marker, foreign, 0600);
  RootOptions options;
  options.segment_size = 16384;
  options.writes = LogWrites::cached;
  options.system = session.system();
  options.system.files = &session.disk();
  session.disk().make_directories("d");
  auto root = Root::open("/d", options);
  if (!root || !root.value().put("made", "") || !root.value().remove("made") ||
      !root.value().close()) {
    session.wrong("the root can't be made");
  }
  prepare(session);
}

void restart(Session& session) {
  const auto cleaned = clean("/d", {}, session.system());
  if (!cleaned) session.wrong(cleaned.error().message());
  (void)start(session, true);
}

namespace {

// --- Oracles.

/// The finding of the program's next start: nothing, or a value, and that it had to fall back for
/// it.
const std::string fallen_back = "the previous ";
std::optional<std::string> state_found(Session& session) {
  auto tracker = open_tracker(session);
  if (!tracker) return tracker.error().message();
  switch (tracker.value().report().origin) {
    case Origin::current:
    case Origin::replaced:
      return value_of(tracker.value());
    case Origin::previous:
      return fallen_back + value_of(tracker.value());
    case Origin::defaults:
      break;
  }
  return std::nullopt;
}

/// The current state is the acknowledged one. Where a rename is three steps, the current file and
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

}  // namespace

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

Oracle only_its_files(std::size_t damaged_max, std::size_t previous_max) {
  return {"no_litter", [damaged_max, previous_max](Session& session) -> std::string {
            std::size_t previous = 0;
            std::size_t damaged = 0;
            for (const std::string& path : session.disk().paths()) {
              if (path == "d/" || path == "d/notes" || path == "d/state" ||
                  path == "d/.state.perdure-lock" || path == root_marker || path == later_marker ||
                  path.starts_with("d/.perdure/")) {
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

std::vector<Oracle> oracles_of(bool damaged) {
  return {oracles::at_once(state_there(damaged)),
          state_there(damaged),
          generations_go_up(),
          only_its_files(damaged ? 1 : 0),
          oracles::untouched({{"d/notes", foreign}}),
          oracles::nothing_open(),
          oracles::recovery_idempotent([](Session& session) { (void)open_tracker(session); }),
          oracles::still_works([](Session& session) -> std::string {
            std::uint64_t before = 0;
            {  // a log has one holder
              auto tracker = open_tracker(session);
              if (!tracker) return tracker.error().message();
              before = tracker.value().state()->count;
              const auto done = tracker.value().update([](Tally& tally) { ++tally.count; });
              if (!done) return done.error().message();
            }
            return state_found(session) == std::to_string(before + 1) ? ""
                                                                      : "the save is not there";
          })};
}

}  // namespace perdure::test::tally
