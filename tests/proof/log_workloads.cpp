// SPDX-License-Identifier: BSL-1.0
// Commits through the log of a root, crashed. Segments have two blocks, so that every second commit
// of a file settles and turns to the other segment.
#include <algorithm>

#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using enum Request::Kind;

using Row = std::vector<std::vector<Request>>;

/// Options that a program asks for.
struct Ways {
  Publish publish = Publish::at_once;
  LogWrites writes = LogWrites::cached;
};

bool writes_directly(const Preset& preset) {
  return preset.file_system == "ext4" || preset.file_system == "xfs";
}

RootOptions root_options(const Session& session, const Ways& ways = {}) {
  RootOptions options;
  options.publish = ways.publish;
  options.writes = writes_directly(session.preset()) ? ways.writes : LogWrites::cached;
  options.segment_size = 8192;
  options.system = session.system();
  return options;
}

/// A root that had a log before.
void prepare_log(Session& session, std::uint64_t segment_size) {
  prepare_root(session);
  RootOptions options = root_options(session);
  options.segment_size = segment_size;
  options.system.files = &session.disk();
  auto root = Root::open(root_path, options);
  if (!root || !root.value().close()) session.wrong("the root can't be opened");
}

Result<void> commit_row(Session& session, Root& root, const Row& row) {
  Files files = files_of(session);
  for (const auto& requests : row) {
    BOOST_OUTCOME_TRY(Transaction transaction, root.begin());
    BOOST_OUTCOME_TRY(transact(session, transaction, requests, files));
  }
  return success();
}

/// Opens the root, commits, closes it.
Result<void> run(Session& session, const Row& row, const Ways& ways = {}) {
  BOOST_OUTCOME_TRY(Root root, Root::open(root_path, root_options(session, ways)));
  BOOST_OUTCOME_TRY(commit_row(session, root, row));
  return root.close();
}

/// Nobody ever reads a part of a file whose content was on the disk before it got its name.
Oracle files_intact() {
  return oracles::at_once({"files_intact", [](Session& session) -> std::string {
                             if (!session.preset().awaited_ordered) return {};
                             for (const auto& [path, content] : files_of(session)) {
                               const bool ours = path.starts_with("d/") || path.starts_with("e/");
                               const bool whole = !brief(content).starts_with("(");
                               if (ours && !path.ends_with('/') && !whole) {
                                 return path + " is damaged";
                               }
                             }
                             return {};
                           }});
}

Proof log_proof(const std::string& name, Procedure<Session&> program) {
  Proof proof;
  proof.workload.name = "log_" + name;
  proof.workload.prepare = [](Session& session) { prepare_log(session, 8192); };
  proof.workload.actors = {std::move(program)};
  proof.workload.recover = restart_root;
  proof.oracles = transaction_oracles();
  proof.oracles.push_back(files_intact());
  return proof;
}

Proof row_proof(const std::string& name, Row row, const Ways& ways = {}) {
  return log_proof(name, [row = std::move(row), ways](Session& session) {
    must(session, run(session, row, ways));
  });
}

const Row& long_row() {
  static const Row row{{{put, "d/a", content_of('p', 100)}},
                       {{put, "d/b", content_of('q', 100)}},
                       {{Request::Kind::remove, "d/a"}},
                       {{put, "d/a", content_of('r', 100)}},
                       {{put, "e/b", content_of('s', 100)}, {put, "d/a", content_of('t', 100)}}};
  return row;
}

/// With Publish::later memory has all contents but the first of each path.
const Row& held_row() {
  static const Row row{{{put, "d/a", content_of('p', 100)}},
                       {{put, "d/a", content_of('q', 200)}},
                       {{put, "d/a", content_of('r', 300)}, {put, "d/b", content_of('s', 100)}},
                       {{put, "d/b", content_of('t', 200)}},
                       {{Request::Kind::remove, "d/a"}, {put, "d/b", content_of('u', 300)}}};
  return row;
}

/// A root that has other numbers after each crash, as a copy has. Where files have their names
/// before their data is on the disk, a power cut leaves some in a copy that nothing tells: there
/// recovery may refuse, and a removal is all that is tried.
Proof renumbered_proof(Publish publish) {
  const std::string name = publish == Publish::later ? "renumbered_later" : "renumbered";
  Proof proof = log_proof(name, [publish](Session& session) {
    const bool whole = publish == Publish::later || session.preset().awaited_ordered;
    const Row removal{{{Request::Kind::remove, "e/b"}}};
    const Row row{{{put, "d/a", content_of('p', 100)}, {put, "e/n", content_of('q', 100)}},
                  {{put, "d/a", content_of('r', 100)}, {Request::Kind::remove, "e/b"}}};
    must(session, run(session, whole ? row : removal, {.publish = publish}));
  });
  proof.workload.prepare = [](Session& session) {
    prepare_log(session, 8192);
    session.disk().set_renumbering(Renumbering::everything);
  };
  return proof;
}

/// A shorter look at longer programs.
void shorten(Proof& proof) {
  proof.bound = [](ExploreOptions& options) {
    options.depth = 2;
    options.tears_max = 12;
    options.pairs_max = 48;
    options.sets_max = 512;
  };
}

/// Large files, of which the log gets what changed: at their ends, and of one that was another's.
Proof edits_proof(const std::string& name, const Ways& ways) {
  const Row row{{{put, "d/a", content_of('p', 16384)}},
                {{put, "d/a", content_of('p', 16400)}},
                {{put, "d/a", content_of('p', 16500)}, {put, "d/b", content_of('p', 16400)}}};
  Proof proof = row_proof(name, row, ways);
  proof.workload.prepare = [](Session& session) { prepare_log(session, 32768); };
  shorten(proof);
  return proof;
}

void reopen(Session& session) {
  must(session, run(session, {}));
}

/// A root is closed, and a file of its log removed without it: no later start brings that back.
Result<void> closed_between(Session& session) {
  BOOST_OUTCOME_TRY(run(session, {{{put, "d/b", content_of('p', 100)}}}));
  BOOST_OUTCOME_TRY(transact(session, {{Request::Kind::remove, "d/b"}}));
  return run(session, {});
}

/// Another program replaces a file without a sync.
void replace_as_stranger(Session& session, Files files) {
  files["d/a"] = content_of('q', 100);
  const std::size_t attempt = session.attempt("root", words_of(files), Durability::none);
  FileSystem& system = session.files();
  const auto directory = system.open_directory(Handle::working_directory, root_path + "/d");
  const OwnedHandle opened(system, directory.value());
  const auto outside = system.open_directory(Handle::working_directory, "/");
  const OwnedHandle above(system, outside.value());
  const auto made = system.create(above.get(), "other", 0644);
  OwnedHandle file(system, made.value());
  (void)system.write_at(file.get(), 0, as_bytes(files["d/a"]));
  file.reset();
  (void)system.rename(above.get(), "other", opened.get(), "a", RenameMode::replace);
  session.acknowledge(attempt);
}

/// It does so between two commits to the file.
Result<void> foreign_between(Session& session) {
  BOOST_OUTCOME_TRY(Root root, Root::open(root_path, root_options(session)));
  BOOST_OUTCOME_TRY(commit_row(session, root, {{{put, "d/a", content_of('p', 100)}}}));
  replace_as_stranger(session, files_of(session));
  BOOST_OUTCOME_TRY(commit_row(session, root, {{{put, "d/a", content_of('r', 100)}}}));
  return root.close();
}

/// It does so behind the last commit.
Result<void> foreign_behind(Session& session) {
  BOOST_OUTCOME_TRY(Root root, Root::open(root_path, root_options(session)));
  BOOST_OUTCOME_TRY(commit_row(session, root, {{{put, "d/a", content_of('p', 100)}}}));
  replace_as_stranger(session, files_of(session));
  return root.close();
}

Result<void> with_faults(Session& session, const Ways& ways) {
  Row row{{{put, "d/a", content_of('p', 100)}},
          {{put, "d/b", content_of('q', 100)}, {put, "d/a", content_of('r', 100)}}};
  // Without a journal, a removal whose sync failed is lost, and can't be done once more.
  if (session.preset().ordered) row.push_back({{Request::Kind::remove, "e/b"}});
  return run(session, row, ways);
}

/// Goes on behind a commit that failed and changed nothing.
Result<void> commit_what_goes(Session& session, Root& root, const Row& row, Files& files) {
  for (const auto& requests : row) {
    BOOST_OUTCOME_TRY(Transaction transaction, root.begin());
    Files wanted = files;
    const auto done = transact(session, transaction, requests, wanted);
    if (!done && done.error().fate != Fate::unchanged) return done;
    if (done) files = std::move(wanted);
  }
  return success();
}

/// A move ends the log, and the next commit begins it again. Without a journal there is no move: a
/// removal whose sync failed is lost, and can't be done once more.
Result<void> moves_with_faults(Session& session, const Ways& ways) {
  BOOST_OUTCOME_TRY(Root root, Root::open(root_path, root_options(session, ways)));
  Files files = files_of(session);
  Row row{{{put, "d/a", content_of('p', 100)}}};
  if (session.preset().ordered) row.push_back({{Request::Kind::move, "e/b", "d/c"}});
  row.push_back({{put, "d/a", content_of('q', 100)}});
  BOOST_OUTCOME_TRY(commit_what_goes(session, root, row, files));
  return root.close();
}

Result<void> recover_with_faults(Session& session, const Ways& /*ways*/) {
  return recover_root_of(session);
}

/// A transaction has its content when something else fails.
Result<void> staged_before(Session& session, const Ways& ways) {
  BOOST_OUTCOME_TRY(Root root, Root::open(root_path, root_options(session, ways)));
  BOOST_OUTCOME_TRY(Transaction early, root.begin());
  BOOST_OUTCOME_TRY(early.put("d/b", content_of('s', 100)));
  Files files = files_of(session);
  const Row row{{{put, "d/a", content_of('p', 100)}},
                {{put, "d/a", content_of('q', 100)}},
                {{put, "d/a", content_of('r', 100)}}};
  BOOST_OUTCOME_TRY(commit_what_goes(session, root, row, files));
  files["d/b"] = content_of('s', 100);
  BOOST_OUTCOME_TRY(
      session.commit("root", words_of(files), Durability::durable, [&] { return early.commit(); }));
  return root.close();
}

/// A root whose log has records that are not settled, in the place of which `recover` finds the old
/// files: whoever held it left them for later, and died.
void prepare_live_log(Session& session) {
  prepare_log(session, 8192);
  Files files = files_of(session);
  FaultyFileSystem dying(session.disk());
  RootOptions options = root_options(session, {.publish = Publish::later});
  options.system.files = &dying;
  auto root = Root::open(root_path, options);
  const bool done = root && root.value().put("d/a", content_of('p', 100)) &&
                    root.value().put("d/b", content_of('q', 100));
  if (!done) session.wrong("the root can't be prepared");
  dying.fail({.operation = {},
              .call = dying.calls() + 1,
              .error = EIO,
              .from_then_on = true,
              .count = {}});
  files["d/a"] = content_of('p', 100);
  files["d/b"] = content_of('q', 100);
  session.acknowledge(session.attempt("root", words_of(files)));
}

/// Each call fails with each of its errors, once or from then on; then the power goes.
Proof faulty_proof(const std::string& name, Result<void> (*program)(Session&, const Ways&),
                   const Ways& ways = {}) {
  Proof proof =
      log_proof(name, [program, ways](Session& session) { (void)program(session, ways); });
  proof.fault_stride = 1;
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
    options.pairs_max = 24;
    options.sets_max = 256;
  };
  return proof;
}

/// Records that go past the page cache.
std::vector<Proof> direct_proofs() {
  const Ways at_once{.writes = LogWrites::direct};
  const Ways later{.publish = Publish::later, .writes = LogWrites::direct};
  const std::vector<Request> two{{put, "d/a", content_of('p', 100)},
                                 {put, "e/b", content_of('p', 100)}};
  std::vector<Proof> proofs;
  proofs.push_back(row_proof("direct_put", {{two[0]}}, at_once));
  proofs.push_back(row_proof("direct_pair", {two}, at_once));
  proofs.push_back(row_proof("direct_pair_later", {two}, later));
  proofs.push_back(row_proof("direct_row", long_row(), at_once));
  shorten(proofs.back());
  proofs.push_back(row_proof("direct_row_later", held_row(), later));
  shorten(proofs.back());
  proofs.push_back(edits_proof("direct_edits", at_once));
  proofs.push_back(faulty_proof("direct_with_faults", with_faults, at_once));
  proofs.push_back(faulty_proof("direct_with_faults_later", with_faults, later));
  for (Proof& proof : proofs) {
    proof.differs_on = writes_directly;
  }
  return proofs;
}

}  // namespace

std::vector<Proof> log_proofs(std::size_t states_max) {
  std::vector<Proof> proofs;
  proofs.push_back(row_proof("put", {{{put, "d/a", content_of('p', 100)}}}));
  proofs.push_back(row_proof("put_new", {{{put, "d/b", content_of('p', 100)}}}));
  proofs.push_back(row_proof("remove", {{{Request::Kind::remove, "d/a"}}}));
  proofs.push_back(row_proof(
      "pair", {{{put, "d/a", content_of('p', 100)}, {put, "e/b", content_of('p', 100)}}}));
  proofs.push_back(row_proof("directory", {{{make_directory, "f"},
                                            {put, "f/a", content_of('p', 100)},
                                            {Request::Kind::remove, "e/b"}}}));
  proofs.push_back(row_proof("row", long_row()));
  shorten(proofs.back());
  for (const bool behind : {false, true}) {
    proofs.push_back(log_proof(behind ? "foreign_behind" : "foreign", [behind](Session& session) {
      must(session, behind ? foreign_behind(session) : foreign_between(session));
    }));
    shorten(proofs.back());
    drop_oracle(proofs.back(), "files_intact");  // the other program's is damaged
    drop_oracle(proofs.back(), "no_litter");     // and leaves its own
  }
  for (const Publish publish : {Publish::at_once, Publish::later}) {
    proofs.push_back(renumbered_proof(publish));
    shorten(proofs.back());
  }
  proofs.push_back(
      log_proof("closed", [](Session& session) { must(session, closed_between(session)); }));
  proofs.back().workload.recover = reopen;
  shorten(proofs.back());
  proofs.push_back(faulty_proof("with_faults", with_faults));
  proofs.push_back(faulty_proof("moves_with_faults", moves_with_faults));
  proofs.push_back(faulty_proof("staged_before_faults", staged_before));
  proofs.push_back(
      faulty_proof("staged_before_faults_later", staged_before, {.publish = Publish::later}));
  proofs.push_back(
      faulty_proof("recovery_with_faults", recover_with_faults, {.publish = Publish::later}));
  proofs.back().workload.prepare = prepare_live_log;
  proofs.push_back(row_proof(
      "later_pair", {{{put, "d/a", content_of('p', 100)}, {put, "e/b", content_of('p', 100)}}},
      {.publish = Publish::later}));
  proofs.push_back(row_proof("later_row", long_row(), {.publish = Publish::later}));
  shorten(proofs.back());
  proofs.push_back(row_proof("later_held", held_row(), {.publish = Publish::later}));
  shorten(proofs.back());
  proofs.push_back(edits_proof("edits", {}));
  proofs.push_back(edits_proof("edits_later", {.publish = Publish::later}));
  proofs.push_back(row_proof("unordered_row", long_row(), {.publish = Publish::unordered}));
  shorten(proofs.back());
  drop_oracle(proofs.back(), "files_intact");
  proofs.push_back(faulty_proof("later_with_faults", with_faults, {.publish = Publish::later}));
  for (Proof& proof : direct_proofs()) proofs.push_back(std::move(proof));
  const bool in_short = states_max < 10'000;
  for (Proof& proof : proofs) {
    if (in_short && proof.fault_stride != 0) proof.fault_stride = 11;
    proof.bound = [states_max, bound = proof.bound](ExploreOptions& options) {
      if (bound) bound(options);
      options.states_max = std::min(options.states_max, states_max);
    };
  }
  return proofs;
}

}  // namespace perdure::test
