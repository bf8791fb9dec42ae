// SPDX-License-Identifier: BSL-1.0
// Transactions in which calls fail, and recoveries in which they do; crashed all the same.
#include <stdexcept>

#include <perdure/testing/manual_environment.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using enum Request::Kind;

std::vector<Request> few_requests() {
  return {{put, "d/a", content_of('p', 100)},
          {move, "e/b", "d/b"},
          {make_directory, "f"},
          {put, "f/a", content_of('p', 100)}};
}

/// Runs the transaction through `files`, whose owner decides how far it comes.
Result<void> run_through(FileSystem& files, SimulatedFileSystem& disk) {
  ManualEnvironment environment(7);
  Session session({&files, &environment}, disk);
  return transact(session, few_requests());
}

void shorten(Proof& proof) {
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
    options.pairs_max = 24;
    options.sets_max = 256;
    options.states_max = 40'000;
  };
}

Proof faulty_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_with_faults", {}, protocol);
  proof.workload.actors = {
      [protocol](Session& session) { (void)transact(session, few_requests(), protocol); }};
  proof.fault_stride = 1;
  proof.directory_syncs_max = 5;  // three directories, the staged names, the journal's name
  shorten(proof);
  return proof;
}

/// The faults strike recovery, too; then it runs once more without.
Proof twice_faulty_proof() {
  Proof proof = faulty_proof(ProtocolChoice::portable);
  proof.workload.name = "transaction_recovery_with_faults";
  proof.fault_stride = 5;
  proof.directory_syncs_max = 2;  // of recovery: what was found, and the copy's name
  proof.workload.recover = [](Session& session) { (void)recover_root_of(session); };
  drop_oracle(proof, "still_works");
  proof.oracles.insert(proof.oracles.begin(), {"recovered", [](Session& session) -> std::string {
                                                 const auto done = recover_root_of(session);
                                                 return done ? "" : done.error().message();
                                               }});
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 4;
    options.pairs_max = 12;
    options.sets_max = 128;
    options.states_max = 30'000;
    options.faults_in_recovery = true;
  };
  return proof;
}

/// A committed transaction is to be finished, and every call of its recovery fails in turn: it
/// stays to be finished, and the next recovery does.
Proof half_done_proof(const std::string& name, Operation operation, std::uint64_t number) {
  Proof proof = transaction_proof(name, {});
  proof.workload.prepare = [=](Session& session) {
    prepare_root(session);
    leave_committed(session, operation, number);
  };
  proof.workload.actors = {[](Session& session) {
    const auto done = recover_root_of(session);
    if (!done && done.error().fate != Fate::committed && done.error().fate != Fate::unchanged) {
      session.wrong(done.error().message());
    }
  }};
  proof.fault_stride = 1;
  proof.directory_syncs_max = 2;
  shorten(proof);
  return proof;
}

}  // namespace

void leave_committed(Session& session, Operation operation, std::uint64_t number) {
  const auto call_of = [&](const std::vector<Call>& log) {
    bool committed = false;
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < log.size(); ++at) {
      if (committed && log[at].operation == operation && ++seen == number) {
        return std::uint64_t{at} + 1;
      }
      const bool syncs = log[at].operation == Operation::sync_directory;
      if (at > 0 && syncs && log[at - 1].operation == Operation::rename) committed = true;
    }
    throw std::logic_error("the transaction makes no such call");
  };
  SimulatedFileSystem rehearsal(session.preset());
  ManualEnvironment environment(7);
  Session before({&rehearsal, &environment}, rehearsal);
  prepare_root(before);
  FaultyFileSystem watched(rehearsal);
  run_through(watched, rehearsal).value();
  FaultyFileSystem dying(session.disk());
  dying.fail({.call = call_of(watched.log()), .error = EIO, .from_then_on = true, .count = {}});
  Files files = files_of(session);
  (void)apply_requests(files, few_requests());
  if (run_through(dying, session.disk())) throw std::logic_error("the transaction was finished");
  session.disk().kill();
  session.fail(session.attempt("root", words_of(files)), Fate::committed);
}

std::vector<Proof> faulty_transaction_proofs() {
  return {faulty_proof(ProtocolChoice::portable),
          faulty_proof(ProtocolChoice::automatic),
          twice_faulty_proof(),
          half_done_proof("recovery_of_none", Operation::link, 1),
          half_done_proof("recovery_of_half", Operation::rename, 2),
          half_done_proof("recovery_of_all", Operation::sync_directory, 1)};
}

}  // namespace perdure::test
