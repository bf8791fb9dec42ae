// SPDX-License-Identifier: BSL-1.0
// A tracked state that is crashed: saves, coalesced ones, restores, migrations, damage.
#include "tracker_workloads.hpp"

#include <algorithm>

#include <perdure/clean.hpp>

#include "tracker_program.hpp"

namespace perdure::test {

struct OldTally {
  std::uint64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(OldTally, (), (total))

using namespace perdure::testing;  // NOLINT: this file is about nothing else
using namespace tally;             // NOLINT: its program

namespace {

const std::string increment = "increment";

Proof tracker_proof(const std::string& name, std::function<void(Session&)> actor) {
  Proof proof;
  proof.workload.name = name;
  proof.workload.prepare = prepare;
  proof.workload.actors = {std::move(actor)};
  proof.workload.recover = restart;
  proof.oracles = oracles_of();
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

Proof logged_proof(Publish publish) {
  Proof proof = saves_proof(true);
  proof.workload.name = publish == Publish::later ? "tracker_log_later" : "tracker_log";
  proof.workload.prepare = [publish](Session& session) { prepare_logged(session, publish); };
  // Each start begins the log anew.
  std::erase_if(proof.oracles,
                [](const Oracle& oracle) { return oracle.name == "recovery_idempotent"; });
  proof.bound = [](ExploreOptions& options) {
    options.depth = 2;
    options.states_max = 6'000;
  };
  return proof;
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
    prepare(before);
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
  proof.oracles = oracles_of(true);
  proof.oracles.push_back(oracles::at_once(evidence));
  proof.oracles.push_back(evidence);
  return proof;
}

/// While nobody ran somebody put the copy of an earlier generation in the state's place. The rest
/// of the history is a loss; no number of it is given again, and files newer than the copy stay.
Proof put_back_proof() {
  Proof proof = tracker_proof("tracker_put_back", [](Session& session) {
    auto tracker = start(session, true);
    add_two(session, *tracker);
    add_one(session, *tracker);
  });
  proof.workload.prepare = [](Session& session) {
    Session before(session.system(), session.disk());
    prepare(before);
    const std::string copy = session.disk().content("d/state").value();
    auto tracker = start(before, true);
    add_one(before, *tracker);
    session.attempt(numbered + "3", "3");
    add_one(before, *tracker);
    session.attempt(numbered + "4", "4");
    session.disk().put("d/state", copy);
    session.acknowledge(session.attempt(target, "2"));
  };
  const Oracle kept{"newer_kept", [](Session& session) -> std::string {
                      if (session.preset().split_rename) return {};
                      const auto at = [&](const std::string& path) {
                        const auto text = session.disk().content(path).value_or("");
                        return text.find("\"generation\": 3,") != text.npos &&
                               text.find("\"count\": 3,") != text.npos;
                      };
                      return std::ranges::any_of(session.disk().paths(), at)
                                 ? ""
                                 : "the newest previous generation is gone";
                    }};
  proof.oracles = oracles_of(true);
  proof.oracles.push_back(oracles::at_once(kept));
  proof.oracles.push_back(kept);
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

/// Two programs with one state: each save is made on top of the other's. In one tick of the clock
/// the second saves three times: then the state has the inode and the stamps again that the first
/// one knows.
Proof two_trackers_proof(bool in_one_tick) {
  const auto counts = [](int times) {
    return [times](Session& session) {
      auto tracker = open_tracker(session);
      if (!tracker) return session.wrong(tracker.error().message());
      for (int i = 0; i < times; ++i) {
        const auto done = session.commit(increment, "1", Durability::durable, [&] {
          return tracker.value().update([](Tally& tally) { ++tally.count; });
        });
        if (!done) session.wrong(done.error().message());
      }
    };
  };
  Proof proof = tracker_proof(in_one_tick ? "trackers_in_one_tick" : "two_trackers", counts(1));
  proof.workload.actors.push_back(counts(in_one_tick ? 3 : 1));
  if (in_one_tick) {
    proof.workload.prepare = [](Session& session) {
      session.disk().stop_clock();
      prepare(session);
    };
  }
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
    const auto cleaned = clean("/d", {}, session.system());
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
  return {saves_proof(true),
          logged_proof(Publish::at_once),
          logged_proof(Publish::later),
          starts_proof(),
          first_save_proof(),
          restore_proof(),
          migration_proof(),
          damage_proof(),
          put_back_proof(),
          two_trackers_proof(false),
          two_trackers_proof(true),
          std::move(faulty)};
}

}  // namespace perdure::test
