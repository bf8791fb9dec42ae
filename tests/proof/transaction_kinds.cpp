// SPDX-License-Identifier: BSL-1.0
// Uses of transactions: alone, in rows, for the first time, beside others, two at once.
#include <algorithm>

#include <perdure/files.hpp>
#include <perdure/root_copy.hpp>

#include "identity_workloads.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

using enum Request::Kind;

/// Everything at once: replace, create, remove, move, a directory and a file in it.
std::vector<Request> mixed_requests(char letter) {
  return {{put, "d/a", content_of(letter, 600)},
          {put, "d/n", content_of(letter, 100)},
          {move, "e/b", "e/m"},
          {make_directory, "f"},
          {put, "f/a", content_of(letter, 300)}};
}

/// Transactions of many files have more sets of survivors, and tears, than can all be tried.
void bound_many(Proof& proof) {
  proof.bound = [](ExploreOptions& options) {
    options.tears_max = 8;
    options.pairs_max = 40;
    options.sets_max = 1024;
  };
}

Proof mixed_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_mixed", {mixed_requests('p')}, protocol);
  bound_many(proof);
  return proof;
}

/// Three in a row, the second of which undoes much of the first; and recovery commits, too.
Proof row_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof(
      "transactions_in_a_row",
      {{{put, "d/a", content_of('p', 600)}, {move, "e/b", "d/b"}},
       {{move, "d/b", "e/b"}, {remove, "d/a"}, {put, "e/a", content_of('q', 100)}},
       {{put, "d/a", content_of('r', 100)}, {remove, "e/b"}}},
      protocol);
  proof.workload.recover = [protocol](Session& session) {
    restart_root(session);
    must(session,
         transact(session, {{put, "d/a", content_of('s', 200)}, {put, "e/a", content_of('s', 300)}},
                  protocol));
  };
  drop_oracle(proof, "still_works");  // recovery has just shown it
  return proof;
}

/// A directory goes with what is in it, and one after what was in it; the first comes back.
Proof directories_proof(ProtocolChoice protocol) {
  return transaction_proof("transaction_directories",
                           {{{remove_all, "d"}, {put, "e/a", content_of('p', 100)}},
                            {{make_directory, "d"},
                             {move, "e/b", "d/a"},
                             {Request::Kind::remove, "e/a"},
                             {remove_directory, "e"}}},
                           protocol);
}

/// A directory becomes a file and a file a directory, and back, with a link in the end.
Proof type_changes_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_type_changes",
                                  {{{remove_all, "f"},
                                    {put, "f", content_of('p', 100)},
                                    {Request::Kind::remove, "e/b"},
                                    {make_directory, "e/b"},
                                    {put, "e/b/n", content_of('p', 300)}},
                                   {{Request::Kind::remove, "f"},
                                    {make_directory, "f"},
                                    {move, "e/b/n", "f/n"},
                                    {remove_directory, "e/b"},
                                    {put_symlink, "e/b", content_of('l', 70)}}},
                                  protocol);
  bound_many(proof);
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    session.disk().make_directories("r/f");
    session.disk().put("r/f/a", content_of('f', 200));
    session.acknowledge(session.attempt("root", words_of(files_of(session))));
  };
  return proof;
}

/// Symbolic links alone, then in company: made, over a file, over a link, moved, removed.
Proof symlinks_proof(ProtocolChoice protocol) {
  return transaction_proof(
      "transaction_symlinks",
      {{{put_symlink, "d/l", content_of('l', 70)}, {put_symlink, "e/b", content_of('m', 80)}},
       {{put_symlink, "d/l", content_of('n', 90)},
        {move, "e/b", "d/k"},
        {put, "d/a", content_of('p', 100)}}},
      protocol);
}

/// The root becomes what another tree is; then a file of that is copied, and changed.
Proof mirror_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof(
      "transaction_mirror",
      {{{.kind = mirror, .path = ""}}, {{copy, "f/a", "d/n"}, {put, "f/a", content_of('p', 200)}}},
      protocol);
  bound_many(proof);
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    prepare_source(session);
  };
  return proof;
}

/// A copy of the root as it stands: "absent", "there", or what is wrong.
std::string copy_of_root(Session& session) {
  const bool there = std::ranges::count(session.disk().paths(), "c/") > 0;
  if (!there) return "absent";
  const Files copied = files_of(session, "c/");
  return copied == files_of(session) ? "there" : words_of(copied);
}

/// Copies the root, all of it or nothing; then a start that goes on with the copy.
Proof copy_proof() {
  Proof proof = transaction_proof("root_copy", {});
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    session.acknowledge(session.attempt("copy", "absent"));
  };
  proof.workload.actors = {[](Session& session) {
    const auto made = session.commit("copy", "there", Durability::durable, [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(copy_root(root_path, "/c", {}, transaction_options(session)));
      return success();
    });
    if (!made) session.wrong(made.error().message());
  }};
  Oracle copied = oracles::found("copy", copy_of_root);
  copied.name = "copied_or_not";
  copied.changes = false;
  proof.oracles.push_back(copied);
  proof.oracles.push_back({"copy_goes_on",
                           [](Session& session) -> std::string {
                             const auto made =
                                 copy_root(root_path, "/c", {}, transaction_options(session));
                             if (!made && made.error().kind != ErrorKind::exists) {
                               return made.error().message();
                             }
                             const std::string state = copy_of_root(session);
                             return state == "there" ? "" : state;
                           },
                           true});
  return proof;
}

/// For the mutants: small, and with every kind of barrier in it.
Proof small_proof(ProtocolChoice protocol) {
  return transaction_proof("transaction_small",
                           {{{put, "d/a", content_of('p', 100)},
                             {make_directory, "f"},
                             {put, "f/a", content_of('p', 100)}}},
                           protocol);
}

/// The file that takes another's place has its mode, owner and attributes.
Proof dressed_proof(ProtocolChoice protocol) {
  constexpr std::uint32_t mode = 0640;
  constexpr std::uint32_t owner = 1000;
  constexpr std::uint32_t group = 100;
  Proof proof = transaction_proof(
      "transaction_metadata",
      {{{put, "d/a", content_of('p', 100)}, {put, "e/a", content_of('p', 100)}}}, protocol);
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    SimulatedFileSystem& disk = session.disk();
    const OwnedHandle directory(disk,
                                disk.open_directory(Handle::working_directory, "r/d").value());
    const OwnedHandle file(disk, disk.open_file(directory.get(), "a").value());
    disk.set_owner(file.get(), owner, group).value();
    disk.set_mode(file.get(), mode).value();
    disk.set_xattr(file.get(), "user.note", as_bytes("kept")).value();
  };
  Oracle dressed = oracles::metadata_kept(
      "r/d/a", {.mode = mode, .owner = owner, .group = group, .xattrs = {{"user.note", "kept"}}});
  dressed.name = "dressed";  // after recovery no preset is exempt
  proof.oracles.push_back(dressed);
  return proof;
}

/// The first use of a root makes its private directory and its marker; both may be cut short.
Proof first_use_proof() {
  Proof proof = transaction_proof("transaction_first",
                                  {{{put, "d/a", content_of('p', 600)}, {remove, "e/b"}}});
  proof.workload.prepare = prepare_files;
  // The marker is made as any file is; `clean` collects its temp.
  drop_oracle(proof, "no_litter");
  return proof;
}

/// A file is moved onto another name of its own.
Proof own_link_proof() {
  Proof proof = transaction_proof("transaction_own_link",
                                  {{{move, "d/a", "d/b"}, {put, "e/a", content_of('p', 100)}}});
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    SimulatedFileSystem& disk = session.disk();
    const OwnedHandle directory(disk,
                                disk.open_directory(Handle::working_directory, "r/d").value());
    disk.link(directory.get(), "a", directory.get(), "b").value();
    session.acknowledge(session.attempt("root", words_of(files_of(session))));
  };
  return proof;
}

/// Others write beside the transaction, as soon as it is committed: what they were told stays.
Proof others_after_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_then_others", {}, protocol);
  proof.workload.actors = {[protocol](Session& session) {
    must(session, transact(session,
                           {{put, "d/a", content_of('p', 600)},
                            {put, "e/a", content_of('p', 100)},
                            {remove, "e/b"}},
                           protocol));
    const auto other = [&](const std::string& path, std::optional<std::string> content) {
      Files files = files_of(session);
      if (content) files[path] = *content;
      if (!content) files.erase(path);
      const auto written =
          session.commit("root", words_of(files), Durability::durable, [&]() -> Result<void> {
            const Path place = Path(root_path) / path;
            if (!content) return remove_file(place, {}, session.system());
            BOOST_OUTCOME_TRY(write_file(place, *content, {}, session.system()));
            return success();
          });
      must(session, written);
    };
    other("d/a", std::nullopt);
    other("e/a", content_of('o', 50));
    other("e/b", content_of('o', 60));
    other("e/a", std::nullopt);  // which the transaction made: a journal that came back would, too
  }};
  // The files of others are there or not by their own protocol, which a rename in three steps
  // breaks.
  for (Oracle& oracle : proof.oracles) {
    if (oracle.name != "all_or_none") continue;
    oracle.check = [check = oracle.check](Session& session) {
      return session.preset().split_rename ? std::string() : check(session);
    };
  }
  // A temp of these others is collected by `clean`, not by a transaction.
  drop_oracle(proof, "no_litter");
  return proof;
}

/// Changes that others made just before the transaction replaces them, and never synced: a file
/// made in place, one renamed over another, one removed. The power takes that along; it must not
/// pass for something that somebody wrote since.
Proof unsynced_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_over_unsynced", {}, protocol);
  proof.workload.actors = {[protocol](Session& session) {
    {
      FileSystem& files = session.files();
      const OwnedHandle directory(files,
                                  files.open_directory(Handle::working_directory, "/r/d").value());
      const OwnedHandle file(files, files.create(directory.get(), "n", 0644).value());
      files.write_at(file.get(), 0, as_bytes(content_of('o', 600))).value();
      WriteOptions none;
      none.durability = Durability::none;
      write_file("/r/e/b", content_of('o', 300), none, session.system()).value();
      files.unlink(directory.get(), "a").value();
    }
    must(session, transact(session,
                           {{put, "d/a", content_of('p', 200)},
                            {put, "d/n", content_of('p', 600)},
                            {put, "e/b", content_of('p', 100)},
                            {put, "e/n", content_of('p', 100)}},
                           protocol));
  }};
  proof.oracles = {{"all_or_none",
                    [](Session& session) -> std::string {
                      std::size_t there = 0;
                      const Files files = files_of(session);
                      for (const char* path : {"d/a", "d/n", "e/b", "e/n"}) {
                        const auto file = files.find(path);
                        there += file != files.end() && brief(file->second)[0] == 'p' ? 1U : 0U;
                      }
                      const bool told =
                          std::ranges::count(session.history(), Event::Kind::acknowledged,
                                             &Event::kind) > 1;
                      if (there == 4 || (there == 0 && !told)) return {};
                      return std::to_string(there) + " of 4: " + words_of(files);
                    }},
                   oracles::nothing_open(),
                   oracles::recovery_idempotent(restart_root)};
  return proof;
}

/// A version that is expected, and one that is missed: the second changes nothing.
Proof expect_proof() {
  Proof proof = transaction_proof("transaction_expect", {});
  proof.workload.actors = {[](Session& session) {
    const auto old = read_version(root_path + "/d/a", session.system());
    for (const char letter : {'p', 'q'}) {  // the second knows only the first version
      auto transaction = Transaction::begin(root_path, transaction_options(session));
      if (!transaction) return session.wrong(transaction.error().message());
      const auto asked = [&]() -> Result<void> {
        BOOST_OUTCOME_TRY(transaction.value().put("d/a", content_of(letter, 600)));
        BOOST_OUTCOME_TRY(transaction.value().put("e/a", content_of(letter, 100)));
        BOOST_OUTCOME_TRY(transaction.value().expect("d/a", old.value()));
        return transaction.value().expect_absent("e/a");
      }();
      must(session, asked);
      Files files = files_of(session);
      (void)apply_requests(
          files, {{put, "d/a", content_of(letter, 600)}, {put, "e/a", content_of(letter, 100)}});
      const auto done = session.commit("root", words_of(files), Durability::durable,
                                       [&] { return transaction.value().commit(); });
      if (done.has_value() != (letter == 'p')) session.wrong("a stale version was replaced");
    }
  }};
  return proof;
}

/// Two at one root: one waits for the other, and neither takes the other's staged files for litter.
Proof two_committers_proof() {
  Proof proof = transaction_proof("two_committers", {});
  const auto actor = [](char letter, const char* first, const char* second) {
    return [=](Session& session) {
      must(session, transact(session, {{put, first, content_of(letter, 100)},
                                       {put, second, content_of(letter, 200)}}));
    };
  };
  proof.workload.actors = {actor('p', "d/a", "e/a"), actor('q', "d/a", "e/a")};
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
    options.schedules_max = 100;
  };
  return proof;
}

}  // namespace

std::vector<Proof> transaction_proofs() {
  std::vector<Proof> proofs{copy_proof(),         first_use_proof(),      own_link_proof(),
                            expect_proof(),       two_committers_proof(), renumbered_proof(),
                            others_remake_proof()};
  for (const auto protocol : {ProtocolChoice::portable, ProtocolChoice::automatic}) {
    for (Proof (*make)(ProtocolChoice) :
         {mixed_proof, row_proof, unsynced_proof, small_proof, dressed_proof, directories_proof,
          type_changes_proof, symlinks_proof, mirror_proof, others_after_proof,
          others_meanwhile_proof}) {
      proofs.push_back(make(protocol));
    }
    for (Proof& proof : sequence_proofs(protocol)) proofs.push_back(std::move(proof));
  }
  proofs.push_back(whole_proof(small_proof(ProtocolChoice::automatic), "whole_transaction_small"));
  proofs.push_back(
      whole_proof(unsynced_proof(ProtocolChoice::automatic), "whole_transaction_over_unsynced"));
  proofs.push_back(whole_proof(others_meanwhile_proof(ProtocolChoice::automatic),
                               "whole_transaction_beside_others"));
  for (Proof& proof : faulty_transaction_proofs()) proofs.push_back(std::move(proof));
  return proofs;
}

}  // namespace perdure::test
