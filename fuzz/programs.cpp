// SPDX-License-Identifier: BSL-1.0
#include "programs.hpp"

#include <algorithm>
#include <array>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/testing/oracle.hpp>

#include "simulator/tracker_program.hpp"
#include "simulator/transaction_workloads.hpp"

namespace perdure::fuzz {

using namespace perdure::testing;  // NOLINT: this file is about nothing else
using namespace perdure::test;     // NOLINT: its programs

namespace {

const std::string foreign = "nobody's business";
constexpr std::size_t steps_max = 4;

// --- Files.

struct FileStep {
  enum class Kind : std::uint8_t { write, stream, remove, clean };
  Kind kind = Kind::write;
  std::string target;
  std::size_t size = 0;
  char letter = 'a';
  WriteOptions options;
  bool expects = false;  // the version that is there now
};

FileStep file_step(Feed& feed, std::size_t number) {
  using enum FileStep::Kind;
  FileStep step;
  step.kind = feed.one_of(std::array{write, write, write, stream, remove, FileStep::Kind::clean});
  step.target = feed.one_of(std::array{"d/t", "d/t", "d/u", "e/t"});
  step.size = feed.one_of(std::array<std::size_t, 6>{0, 1, 600, 5000, 9000, 4096});
  step.letter = static_cast<char>('b' + number);
  step.options.durability = feed.one_of(
      std::array{Durability::durable, Durability::durable, Durability::ordered, Durability::none});
  step.options.existing = feed.one_of(std::array{ExistingPolicy::replace, ExistingPolicy::replace,
                                                 ExistingPolicy::keep, ExistingPolicy::backup});
  const std::uint8_t flags = feed.number();
  step.options.coordinate = (flags & 1U) != 0;
  step.options.verify = (flags & 2U) != 0 && step.options.durability != Durability::none;
  // A commit that says nothing of parents takes the directory's name for durable.
  step.options.make_parents = (flags & 4U) != 0 || step.target.starts_with("e/");
  step.options.protocol = (flags & 8U) != 0 ? ProtocolChoice::automatic : ProtocolChoice::portable;
  step.expects = (flags & 16U) != 0;
  return step;
}

Result<void> commit_file(Session& session, const FileStep& step, const std::string& content) {
  const std::string path = "/" + step.target;
  if (step.kind == FileStep::Kind::stream) {
    BOOST_OUTCOME_TRY(auto file, AtomicFile::create(path, step.options, {}, session.system()));
    BOOST_OUTCOME_TRY(file.write(as_bytes(content).first(content.size() / 2)));
    BOOST_OUTCOME_TRY(file.write(as_bytes(content).subspan(content.size() / 2)));
    BOOST_OUTCOME_TRY(file.commit());
    return success();
  }
  std::optional<Version> expected;
  if (step.expects) {
    BOOST_OUTCOME_TRY(expected, read_version(path, session.system()));
  }
  BOOST_OUTCOME_TRY(write_file(path, content, step.options, expected, session.system()));
  return success();
}

void run_step(Session& session, const FileStep& step) {
  if (step.kind == FileStep::Kind::clean) {
    (void)clean("/d", false, session.system());
    return;
  }
  const Durability durability = step.options.durability;
  if (step.kind == FileStep::Kind::remove) {
    (void)session.commit(step.target, std::nullopt, durability, [&] {
      return remove_file("/" + step.target, step.options, {}, session.system());
    });
    return;
  }
  const std::string content = content_of(step.letter, step.size);
  (void)session.commit(step.target, content, durability,
                       [&] { return commit_file(session, step, content); });
}

/// What every start does. The directory may be gone with the attempt that was to make it.
void clean_up(Session& session) {
  for (const char* directory : {"/d", "/e"}) {
    const auto cleaned = clean(directory, false, session.system());
    if (!cleaned && cleaned.error().cause != std::errc::no_such_file_or_directory) {
      session.wrong(cleaned.error().message());
    }
  }
}

}  // namespace

Proof files_proof() {
  Proof proof;
  proof.workload.name = "files";
  proof.workload.prepare = [](Session& session) {
    session.disk().put("d/notes", foreign, 0600);
    session.disk().put("d/.hidden.perdure-tmp", foreign, 0600);  // looks like a temp, and is none
    session.disk().put("d/t", content_of('a', 10), 0640);
    session.acknowledge(session.attempt("d/t", content_of('a', 10)));
  };
  proof.workload.recover = clean_up;
  std::vector<std::string> allowed{"e/"};
  for (const std::string directory : {"d/", "e/"}) {
    for (const std::string leaf : {"t", "u"}) {
      allowed.push_back(directory + "." + leaf + ".perdure-lock");
      allowed.push_back(directory + leaf + "~");
    }
  }
  proof.oracles = test::file_oracles(std::move(allowed), clean_up);
  return proof;
}

Actor files_actor(Feed& feed) {
  std::vector<FileStep> steps;
  for (std::size_t count = 1 + feed.below(steps_max); count > 0; --count) {
    steps.push_back(file_step(feed, steps.size()));
  }
  return [steps = std::move(steps)](Session& session) {
    for (const FileStep& step : steps) run_step(session, step);
  };
}

// --- Transactions.

Proof transactions_proof() {
  return transaction_proof("transactions", {});
}

Actor transactions_actor(Feed& feed) {
  std::vector<std::vector<Wish>> transactions(1 + feed.below(3));
  char letter = 'p';
  for (auto& wishes : transactions) {
    for (std::size_t count = 1 + feed.below(steps_max); count > 0; --count) {
      const std::array<std::string, 6> paths{"d/a", "d/b", "e/a", "e/b", "f/a", "f"};
      Wish wish;
      using enum Wish::Kind;
      wish.kind = feed.one_of(std::array{put, put, Wish::Kind::remove, move, make_directory});
      wish.path = wish.kind == make_directory ? "f" : feed.one_of(std::span(paths).first(5));
      if (wish.kind == put) wish.other = content_of(letter, feed.flag() ? 100 : 5000);
      if (wish.kind == move) wish.other = feed.one_of(std::span(paths).first(5));
      wishes.push_back(std::move(wish));
    }
    ++letter;
  }
  return [transactions = std::move(transactions)](Session& session) {
    for (const auto& wishes : transactions) {
      Files files = files_of(session);
      // What can't be asked for is refused by rules that have tests of their own.
      if (apply_wishes(files, wishes)) (void)transact(session, wishes);
    }
  };
}

// --- Saves.

namespace {

const std::string increment = "increment";

/// Each acknowledged increment is in the state, whoever made it.
Oracle all_counted() {
  return {"all_counted",
          [](Session& session) -> std::string {
            std::vector<std::size_t> attempts;
            std::uint64_t counted = 2;  // by the preparation
            for (const Event& event : session.history()) {
              if (event.target == increment) attempts.push_back(event.attempt);
              if (event.kind == Event::Kind::acknowledged) {
                counted += static_cast<std::uint64_t>(std::ranges::count(attempts, event.attempt));
              }
            }
            auto tracker = tally::open_tracker(session);
            if (!tracker) return tracker.error().message();
            if (session.preset().split_rename || tracker.value().state()->count >= counted) {
              return {};
            }
            return "an acknowledged increment is lost";
          },
          true};
}

void increment_shared(Session& session, Tracker& tracker) {
  (void)session.commit(increment, "1", Durability::durable,
                       [&] { return tracker.update([](Tally& tally) { ++tally.count; }); });
}

}  // namespace

Proof saves_proof(bool alone) {
  Proof proof;
  proof.workload.name = "saves";
  proof.workload.prepare = tally::prepare;
  // A sync that fails is reported once: a process that is killed takes the report along, and the
  // next one can't know. So what a start finds is an attempt, not an acknowledgement.
  proof.workload.recover = [](Session& session) {
    const auto cleaned = clean("/d", false, session.system());
    if (!cleaned) session.wrong(cleaned.error().message());
    auto tracker = tally::open_tracker(session);
    if (!tracker) return session.wrong(tracker.error().message());
    session.attempt(tally::target, tally::value_of(tracker.value()));
  };
  constexpr std::size_t previous_max = 9;  // a failed sync leaves it open which are dropped
  proof.oracles = {all_counted()};
  if (alone) proof.oracles = tally::oracles_of();
  std::erase_if(proof.oracles, [](const Oracle& oracle) { return oracle.name == "no_litter"; });
  proof.oracles.push_back(tally::only_its_files(0, previous_max));
  proof.oracles.push_back(oracles::nothing_open());
  return proof;
}

Actor saves_actor(Feed& feed, bool alone) {
  std::vector<std::size_t> steps;
  for (std::size_t count = 1 + feed.below(steps_max); count > 0; --count) {
    steps.push_back(feed.below(4));
  }
  return [steps = std::move(steps), alone](Session& session) {
    auto tracker = tally::open_tracker(session);
    if (!tracker) return;
    for (const std::size_t step : steps) {
      if (step == 0) {
        (void)tracker.value().reload();
      } else if (!alone) {
        increment_shared(session, tracker.value());
      } else if (step == 1) {
        tally::add_two(session, tracker.value(), false);
      } else {
        tally::add_one(session, tracker.value(), false);
      }
    }
  };
}

}  // namespace perdure::fuzz
