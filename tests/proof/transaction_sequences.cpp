// SPDX-License-Identifier: BSL-1.0
// Over two directories and two names: every transaction of up to two steps, every one of three that
// puts and removes, and every pair of transactions of one step.
#include <perdure/testing/oracle.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using enum Request::Kind;

/// All that one step can be. Which letter a content has says in which step it was put.
const std::vector<Request>& all_requests(std::size_t step) {
  static const std::vector<std::vector<Request>> all = [] {
    const std::vector<std::string> targets{"d/a", "d/b", "e/a", "e/b"};
    std::vector<std::vector<Request>> made;
    for (const char letter : {'p', 'q', 'r'}) {
      auto& requests = made.emplace_back();
      for (const std::string& path : targets) {
        requests.push_back({put, path, content_of(letter, 100)});
        requests.push_back({Request::Kind::remove, path});
        for (const std::string& to : targets) {
          if (to != path) requests.push_back({move, path, to});
        }
      }
      requests.push_back({make_directory, "f"});
      requests.push_back({put, "f/a", content_of(letter, 100)});
    }
    return made;
  }();
  return all.at(step);
}

const std::size_t request_count = all_requests(0).size();

/// The sequence of that number, of up to `length_max` steps: first those of one, then those of two.
std::vector<Request> requests_of(std::size_t number, std::size_t length_max) {
  std::size_t length = 1;
  for (std::size_t count = request_count; length < length_max && number >= count;
       count *= request_count, ++length) {
    number -= count;
  }
  std::vector<Request> requests;
  for (std::size_t step = 0; step < length; ++step, number /= request_count) {
    requests.push_back(all_requests(step)[number % request_count]);
  }
  return requests;
}

std::size_t case_count(std::size_t length_max) {
  std::size_t cases = 0;
  for (std::size_t count = request_count; length_max > 0; --length_max, count *= request_count) {
    cases += count;
  }
  return cases;
}

bool can_be_asked(Session& session, const std::vector<Request>& requests) {
  Files files = files_of(session);
  return apply_requests(files, requests);
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
    const auto requests = requests_of(session.case_number(), length_max);
    if (can_be_asked(session, requests)) must(session, transact(session, requests, protocol));
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
    std::vector<Request> requests;
    std::size_t number = session.case_number();
    for (const char letter : {'p', 'q', 'r'}) {
      const std::string& path = targets[number % targets.size()];
      if (number / targets.size() % 2 == 0)
        requests.push_back({put, path, content_of(letter, 100)});
      if (number / targets.size() % 2 == 1) requests.push_back({Request::Kind::remove, path});
      number /= kinds;
    }
    if (can_be_asked(session, requests)) must(session, transact(session, requests, protocol));
  }};
  widen(proof, 40'000);
  return proof;
}

/// Two transactions of one step each.
Proof pairs_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_pairs", {}, protocol);
  proof.workload.cases = request_count * request_count;
  proof.workload.actors = {[protocol](Session& session) {
    const std::size_t number = session.case_number();
    for (const auto& request :
         {all_requests(0)[number % request_count], all_requests(1)[number / request_count]}) {
      if (can_be_asked(session, {request})) must(session, transact(session, {request}, protocol));
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
