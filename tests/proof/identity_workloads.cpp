// SPDX-License-Identifier: BSL-1.0
// Two who count by compare-and-swap where a file is hard to know: all that they do falls into one
// tick of the clock, and freed inodes are used again at once; or each is a machine of its own.
#include "identity_workloads.hpp"

#include <algorithm>
#include <cstdlib>

#include <perdure/files.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

constexpr int width = 3;  // of the number, so that no size tells

std::string digits(long number) {
  std::string text = std::to_string(number);
  text.insert(0, width - std::min<std::size_t>(width, text.size()), '0');
  return text;
}

/// A machine that is never told of the other's commits may give up: that loses nothing.
void add_one(Session& session, System system, bool strict = true) {
  for (int attempt = 0; attempt < 9; ++attempt) {
    const auto read = read_file("/d/t", 1000, system);
    if (!read) return session.wrong(read.error().message());
    const std::string number(as_text(read.value().bytes));
    const std::string next = digits(std::atol(number.c_str()) + 1);
    const auto done = session.commit("d/t", next, Durability::durable, [&] {
      return write_file("/d/t", next, {.expected = read.value().version}, system);
    });
    if (done) return;
    if (done.error().kind != ErrorKind::conflict) return session.wrong(done.error().message());
  }
  if (strict) session.wrong("somebody else was always faster");
}

/// The number is at least that of the acknowledged increments.
std::string nothing_uncounted(Session& session) {
  const auto counted =  // the preparation's is one
      std::ranges::count(session.history(), Event::Kind::acknowledged, &Event::kind) - 1;
  const auto content = session.disk().content("d/t");
  if (!content) return session.preset().split_rename ? "" : "the number is gone";
  return std::atol(content->c_str()) < counted ? "an acknowledged increment is lost" : "";
}

/// The first adds one, the second adds one twice: then the target has the first one's inode again.
Proof counters_proof(const std::string& name, std::function<void(SimulatedFileSystem&)> prepare,
                     const std::function<void(Session&, int times)>& count) {
  Proof proof;
  proof.workload.name = name;
  proof.workload.prepare = [prepare = std::move(prepare)](Session& session) {
    prepare(session.disk());
    session.disk().put("d/t", digits(0));
    session.acknowledge(session.attempt("d/t", digits(0)));
  };
  proof.workload.actors = {[=](Session& session) { count(session, 1); },
                           [=](Session& session) { count(session, 2); }};
  proof.oracles = {oracles::old_or_new(), oracles::nothing_open(),
                   Oracle{"nothing_uncounted", nothing_uncounted}};
  proof.bound = [](ExploreOptions& options) {
    options.depth = 0;
    options.tears_max = 6;
  };
  return proof;
}

}  // namespace

Proof renumbered_proof() {
  using enum Request::Kind;
  Proof proof = transaction_proof(
      "transaction_renumbered",
      {{{put, "d/a", content_of('p', 600)}, {remove, "e/b"}, {put, "e/n", content_of('q', 100)}},
       {{remove, "d/a"}, {remove, "e/n"}}});
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    session.disk().set_renumbering(Renumbering::everything);
  };
  proof.oracles = {
      oracles::nothing_open(),
      oracles::found("root", [](Session& session) { return words_of(files_of(session)); }),
      oracles::recovery_idempotent(restart_root)};
  return proof;
}

Proof two_machines_proof(Looks looks) {
  return counters_proof(
      "counters_on_two_machines", [](SimulatedFileSystem&) {},
      [looks](Session& session, int times) {
        SharedMount machine(session.files(), looks);
        const bool strict = looks == Looks::forced;
        for (int i = 0; i < times; ++i) {
          add_one(session, {&machine, &session.environment()}, strict);
        }
      });
}

std::vector<Proof> identity_proofs() {
  return {counters_proof(
              "counters_in_one_tick", [](SimulatedFileSystem& disk) { disk.stop_clock(); },
              [](Session& session, int times) {
                for (int i = 0; i < times; ++i) add_one(session, session.system());
              }),
          two_machines_proof(Looks::forced)};
}

}  // namespace perdure::test
