// SPDX-License-Identifier: BSL-1.0
// Over two directories and two names: every transaction of up to two steps, every one of three that
// puts and removes, and every pair of transactions of one step.
#include <perdure/testing/oracle.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using enum Wish::Kind;

/// All that one step can be. Which letter a content has says in which step it was put.
const std::vector<Wish>& all_wishes(std::size_t step) {
  static const std::vector<std::vector<Wish>> all = [] {
    const std::vector<std::string> targets{"d/a", "d/b", "e/a", "e/b"};
    std::vector<std::vector<Wish>> made;
    for (const char letter : {'p', 'q', 'r'}) {
      auto& wishes = made.emplace_back();
      for (const std::string& path : targets) {
        wishes.push_back({put, path, content_of(letter, 100)});
        wishes.push_back({Wish::Kind::remove, path});
        for (const std::string& to : targets) {
          if (to != path) wishes.push_back({move, path, to});
        }
      }
      wishes.push_back({make_directory, "f"});
      wishes.push_back({put, "f/a", content_of(letter, 100)});
    }
    return made;
  }();
  return all.at(step);
}

const std::size_t wish_count = all_wishes(0).size();

/// The sequence of that number, of up to `length_max` steps: first those of one, then those of two.
std::vector<Wish> wishes_of(std::size_t number, std::size_t length_max) {
  std::size_t length = 1;
  for (std::size_t count = wish_count; length < length_max && number >= count;
       count *= wish_count, ++length) {
    number -= count;
  }
  std::vector<Wish> wishes;
  for (std::size_t step = 0; step < length; ++step, number /= wish_count) {
    wishes.push_back(all_wishes(step)[number % wish_count]);
  }
  return wishes;
}

std::size_t case_count(std::size_t length_max) {
  std::size_t cases = 0;
  for (std::size_t count = wish_count; length_max > 0; --length_max, count *= wish_count) {
    cases += count;
  }
  return cases;
}

bool can_be_asked(Session& session, const std::vector<Wish>& wishes) {
  Files files = files_of(session);
  return apply_wishes(files, wishes);
}

/// Many states, each checked a little less.
void widen(Proof& proof, std::size_t states_max) {
  drop_oracle(proof, "still_works");
  proof.bound = [states_max](ExploreOptions& options) { options.states_max = states_max; };
}

/// One transaction of up to so many steps.
Proof steps_proof(const std::string& name, std::size_t length_max, ProtocolChoice protocol) {
  Proof proof = transaction_proof(name, {}, protocol);
  proof.workload.cases = case_count(length_max);
  proof.workload.actors = {[length_max, protocol](Session& session) {
    const auto wishes = wishes_of(session.case_number(), length_max);
    if (can_be_asked(session, wishes)) must(session, transact(session, wishes, protocol));
  }};
  widen(proof, 110'000);
  return proof;
}

/// One transaction of three steps, each of them a put or a removal.
Proof threes_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transactions_of_three", {}, protocol);
  static const std::vector<std::string> targets{"d/a", "d/b", "e/a", "e/b"};
  const std::size_t kinds = 2 * targets.size();
  proof.workload.cases = kinds * kinds * kinds;
  proof.workload.actors = {[kinds, protocol](Session& session) {
    std::vector<Wish> wishes;
    std::size_t number = session.case_number();
    for (const char letter : {'p', 'q', 'r'}) {
      const std::string& path = targets[number % targets.size()];
      if (number / targets.size() % 2 == 0) wishes.push_back({put, path, content_of(letter, 100)});
      if (number / targets.size() % 2 == 1) wishes.push_back({Wish::Kind::remove, path});
      number /= kinds;
    }
    if (can_be_asked(session, wishes)) must(session, transact(session, wishes, protocol));
  }};
  widen(proof, 40'000);
  return proof;
}

/// Two transactions of one step each.
Proof pairs_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_pairs", {}, protocol);
  proof.workload.cases = wish_count * wish_count;
  proof.workload.actors = {[protocol](Session& session) {
    const std::size_t number = session.case_number();
    for (const auto& wish :
         {all_wishes(0)[number % wish_count], all_wishes(1)[number / wish_count]}) {
      if (can_be_asked(session, {wish})) must(session, transact(session, {wish}, protocol));
    }
  }};
  widen(proof, 90'000);
  return proof;
}

}  // namespace

std::vector<Proof> sequence_proofs(ProtocolChoice protocol) {
  return {steps_proof("transactions_of_two", 2, protocol), threes_proof(protocol),
          pairs_proof(protocol)};
}

}  // namespace perdure::test
