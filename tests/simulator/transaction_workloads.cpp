// SPDX-License-Identifier: BSL-1.0
// Transactions that are crashed. The history has one attempt on "root" for each, whose content is
// the whole tree, in words: so all-or-none is one comparison.
#include "transaction_workloads.hpp"

#include <algorithm>

#include <perdure/files.hpp>
#include <perdure/transaction.hpp>

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string target = "root";
const std::string foreign = "nobody's business";
const std::string lock_path = "r/.perdure/.root.perdure-lock";

TransactionOptions options_of(const Session& session) {
  TransactionOptions options;
  options.system = session.system();
  return options;
}

/// The content that a letter and a size stand for, in as few words.
std::string brief(const std::string& content) {
  if (content.size() > 1 && content == content_of(content[1], content.size())) {
    return content[1] + std::to_string(content.size());
  }
  return "(" + std::to_string(content.size()) + " bytes of something else)";
}

Result<void> ask(Transaction& transaction, const Wish& wish) {
  switch (wish.kind) {
    case Wish::Kind::put:
      return transaction.put(wish.path, std::string_view(wish.other));
    case Wish::Kind::remove:
      return transaction.remove(wish.path);
    case Wish::Kind::move:
      return transaction.move(wish.path, wish.other);
    case Wish::Kind::make_directory:
      return transaction.make_directory(wish.path);
  }
  return success();
}

bool has_parent(const Files& files, const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos || files.contains(path.substr(0, slash + 1));
}

}  // namespace

std::string words_of(const Files& files) {
  std::string words;
  for (const auto& [path, content] : files) {
    words += path;
    if (!path.ends_with('/')) words += "=" + brief(content);
    words += " ";
  }
  return words;
}

Files files_of(Session& session) {
  Files files;
  for (const std::string& path : session.disk().paths()) {
    if (!path.starts_with("r/") || path == "r/" || path.starts_with("r/.perdure")) continue;
    if (path.ends_with(".perdure-lock") || path.ends_with(".perdure-tmp")) continue;
    files[path.substr(2)] = session.disk().content(path).value_or("");
  }
  return files;
}

bool apply_wishes(Files& files, const std::vector<Wish>& wishes) {
  for (const Wish& wish : wishes) {
    const bool there = files.contains(wish.path);
    switch (wish.kind) {
      case Wish::Kind::put:
        if (!has_parent(files, wish.path)) return false;
        files[wish.path] = wish.other;
        break;
      case Wish::Kind::remove:
        if (!there) return false;
        files.erase(wish.path);
        break;
      case Wish::Kind::move:
        if (!there || wish.path == wish.other || !has_parent(files, wish.other)) return false;
        files[wish.other] = files[wish.path];
        files.erase(wish.path);
        break;
      case Wish::Kind::make_directory:
        files[wish.path + "/"] = "";
        break;
    }
  }
  return true;
}

Result<void> transact(Session& session, const std::vector<Wish>& wishes) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root_path, options_of(session)));
  for (const Wish& wish : wishes) {
    BOOST_OUTCOME_TRY(ask(transaction, wish));
  }
  Files files = files_of(session);
  (void)apply_wishes(files, wishes);
  BOOST_OUTCOME_TRY(session.commit(target, words_of(files), Durability::durable,
                                   [&] { return transaction.commit(); }));
  return success();
}

Result<void> recover_root_of(Session& session) {
  BOOST_OUTCOME_TRY(recover(root_path, options_of(session)));
  return success();
}

namespace {

Files first_files() {
  return {{"d/", ""}, {"d/a", content_of('a', 100)}, {"e/", ""}, {"e/b", content_of('b', 600)}};
}

}  // namespace

void prepare_root(Session& session) {
  SimulatedFileSystem& disk = session.disk();
  disk.make_directories("r");
  disk.put("r/notes", foreign, 0600);
  disk.put("outside", foreign, 0600);
  disk.put("r/.hidden.perdure-tmp", foreign, 0600);  // looks like a temp, and is none
  for (const auto& [path, content] : first_files()) {
    if (path.ends_with('/')) {
      disk.make_directories("r/" + path.substr(0, path.size() - 1));
    } else {
      disk.put("r/" + path, content);
    }
  }
  recover_root_of(session).value();
  session.acknowledge(session.attempt(target, words_of(files_of(session))));
}

void restart_root(Session& session) {
  const auto recovered = recover_root_of(session);
  if (!recovered) session.wrong(recovered.error().message());
}

void must(Session& session, const Result<void>& done) {
  if (!done) session.wrong(done.error().message());
}

namespace {

// --- Oracles.

/// The tree is what the newest acknowledged transaction made it, or what one made it that was under
/// way; nothing between.
Oracle all_or_none() {
  Oracle oracle =
      oracles::found(target, [](Session& session) { return words_of(files_of(session)); });
  oracle.name = "all_or_none";
  oracle.changes = false;
  return oracle;
}

Oracle only_its_files() {
  return {"no_litter", [](Session& session) -> std::string {
            for (const std::string& path : session.disk().paths()) {
              const bool own = path.starts_with("r/.perdure/") && path != "r/.perdure/";
              const bool temp = path.ends_with(".perdure-tmp") && path != "r/.hidden.perdure-tmp";
              if ((own && path != lock_path) || temp) return path + " is left behind";
            }
            return {};
          }};
}

/// Looking changes nothing, never fails, and never finds what can't be finished.
Oracle inspection_harmless() {
  return oracles::at_once({"inspection", [](Session& session) -> std::string {
                             const std::uint64_t before = session.disk().fingerprint();
                             const auto report = inspect(root_path, options_of(session));
                             if (!report) return report.error().message();
                             if (session.disk().fingerprint() != before)
                               return "inspecting changed something";
                             if (!report.value().damage.empty()) return report.value().damage;
                             for (const RecoveredPath& path : report.value().paths) {
                               if (path.step == RecoveryStep::lost) return path.path + " is lost";
                             }
                             return {};
                           }});
}

std::string commit_once_more(Session& session) {
  auto transaction = Transaction::begin(root_path, options_of(session));
  if (!transaction) return transaction.error().message();
  for (const char* path : {"d/works", "e/works"}) {
    const auto put = transaction.value().put(path, content_of('w', 50));
    if (!put) return put.error().message();
  }
  const auto done = transaction.value().commit();
  if (!done) return done.error().message();
  const Files files = files_of(session);
  return files.contains("d/works") && files.contains("e/works") ? ""
                                                                : "the new commit is not there";
}

}  // namespace

std::vector<Oracle> transaction_oracles() {
  return {inspection_harmless(),
          all_or_none(),
          only_its_files(),
          oracles::untouched(
              {{"r/notes", foreign}, {"outside", foreign}, {"r/.hidden.perdure-tmp", foreign}}),
          oracles::nothing_open(),
          oracles::recovery_idempotent(restart_root),
          oracles::still_works(commit_once_more)};
}

Proof transaction_proof(const std::string& name, std::vector<std::vector<Wish>> transactions) {
  Proof proof;
  proof.workload.name = name;
  proof.workload.prepare = prepare_root;
  proof.workload.actors = {[transactions = std::move(transactions)](Session& session) {
    for (const auto& wishes : transactions) must(session, transact(session, wishes));
  }};
  proof.workload.recover = restart_root;
  proof.oracles = transaction_oracles();
  return proof;
}

namespace {

using enum Wish::Kind;

/// Everything at once: replace, create, remove, move, a directory and a file in it.
std::vector<Wish> mixed_wishes(char letter) {
  return {{put, "d/a", content_of(letter, 600)},
          {put, "d/n", content_of(letter, 100)},
          {move, "e/b", "e/m"},
          {make_directory, "f"},
          {put, "f/a", content_of(letter, 300)}};
}

Proof mixed_proof() {
  Proof proof = transaction_proof("transaction_mixed", {mixed_wishes('p')});
  proof.bound = [](ExploreOptions& options) {
    options.tears_max = 8;
    options.pairs_max = 40;
    options.sets_max = 1024;
  };
  return proof;
}

/// Three in a row, the second of which undoes much of the first; and recovery commits, too.
Proof row_proof() {
  Proof proof = transaction_proof(
      "transactions_in_a_row",
      {{{put, "d/a", content_of('p', 600)}, {move, "e/b", "d/b"}},
       {{move, "d/b", "e/b"}, {remove, "d/a"}, {put, "e/a", content_of('q', 100)}},
       {{put, "d/a", content_of('r', 100)}, {remove, "e/b"}}});
  proof.workload.recover = [](Session& session) {
    restart_root(session);
    must(session, transact(session, {{put, "d/a", content_of('s', 200)},
                                     {put, "e/a", content_of('s', 300)}}));
  };
  return proof;
}

/// For the mutants: small, and with every kind of barrier in it.
Proof small_proof() {
  return transaction_proof("transaction_small", {{{put, "d/a", content_of('p', 100)},
                                                  {make_directory, "f"},
                                                  {put, "f/a", content_of('p', 100)}}});
}

/// The file that takes another's place has its mode, owner and attributes.
Proof dressed_proof() {
  constexpr std::uint32_t mode = 0640;
  constexpr std::uint32_t owner = 1000;
  constexpr std::uint32_t group = 100;
  Proof proof =
      transaction_proof("transaction_dressed",
                        {{{put, "d/a", content_of('p', 100)}, {put, "e/a", content_of('p', 100)}}});
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
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    SimulatedFileSystem& disk = session.disk();
    const OwnedHandle root(disk, disk.open_directory(Handle::working_directory, "r").value());
    const OwnedHandle place(disk, disk.open_beneath(root.get(), ".perdure").value());
    disk.unlink(place.get(), ".root.perdure-lock").value();
    disk.unlink(root.get(), ".perdure-root").value();
    disk.remove_directory(root.get(), ".perdure").value();
  };
  // The marker is made as any file is; `clean` collects its temp.
  std::erase_if(proof.oracles, [](const Oracle& oracle) { return oracle.name == "no_litter"; });
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
    session.acknowledge(session.attempt(target, words_of(files_of(session))));
  };
  return proof;
}

/// Others write beside the transaction, as soon as it is committed: what they were told stays.
Proof others_after_proof() {
  Proof proof = transaction_proof("transaction_then_others", {});
  proof.workload.actors = {[](Session& session) {
    must(session, transact(session, {{put, "d/a", content_of('p', 600)},
                                     {put, "e/a", content_of('p', 100)},
                                     {remove, "e/b"}}));
    const auto other = [&](const std::string& path, std::optional<std::string> content) {
      Files files = files_of(session);
      if (content) files[path] = *content;
      if (!content) files.erase(path);
      const auto written =
          session.commit(target, words_of(files), Durability::durable, [&]() -> Result<void> {
            const Path place = Path(root_path) / path;
            if (!content) return remove_file(place, {}, {}, session.system());
            BOOST_OUTCOME_TRY(write_file(place, *content, {}, {}, session.system()));
            return success();
          });
      must(session, written);
    };
    other("d/a", std::nullopt);
    other("e/a", content_of('o', 50));
    other("e/b", content_of('o', 60));
  }};
  // What others write is there or not by their own protocol, which a rename in three steps breaks.
  for (Oracle& oracle : proof.oracles) {
    if (oracle.name != "all_or_none") continue;
    oracle.check = [check = oracle.check](Session& session) {
      return session.preset().split_rename ? std::string() : check(session);
    };
  }
  // A temp of these others is collected by `clean`, not by a transaction.
  std::erase_if(proof.oracles, [](const Oracle& oracle) { return oracle.name == "no_litter"; });
  return proof;
}

/// What others did just before the transaction replaces it, and never synced: a file made in place,
/// one renamed over another, one removed. The power takes that along; it must not pass for
/// something that somebody wrote since.
Proof unsynced_proof() {
  Proof proof = transaction_proof("transaction_over_unsynced", {});
  proof.workload.actors = {[](Session& session) {
    {
      FileSystem& files = session.files();
      const OwnedHandle directory(files,
                                  files.open_directory(Handle::working_directory, "/r/d").value());
      const OwnedHandle file(files, files.create(directory.get(), "n", 0644).value());
      files.write_at(file.get(), 0, as_bytes(content_of('o', 600))).value();
      WriteOptions none;
      none.durability = Durability::none;
      write_file("/r/e/b", content_of('o', 300), none, {}, session.system()).value();
      files.unlink(directory.get(), "a").value();
    }
    must(session, transact(session, {{put, "d/a", content_of('p', 200)},
                                     {put, "d/n", content_of('p', 600)},
                                     {put, "e/b", content_of('p', 100)},
                                     {put, "e/n", content_of('p', 100)}}));
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
      auto transaction = Transaction::begin(root_path, options_of(session));
      if (!transaction) return session.wrong(transaction.error().message());
      const auto asked = [&]() -> Result<void> {
        BOOST_OUTCOME_TRY(transaction.value().put("d/a", content_of(letter, 600)));
        BOOST_OUTCOME_TRY(transaction.value().put("e/a", content_of(letter, 100)));
        BOOST_OUTCOME_TRY(transaction.value().expect("d/a", old.value()));
        return transaction.value().expect_absent("e/a");
      }();
      must(session, asked);
      Files files = files_of(session);
      (void)apply_wishes(
          files, {{put, "d/a", content_of(letter, 600)}, {put, "e/a", content_of(letter, 100)}});
      const auto done = session.commit(target, words_of(files), Durability::durable,
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
  std::vector<Proof> proofs{mixed_proof(),         row_proof(),          first_use_proof(),
                            own_link_proof(),      unsynced_proof(),     small_proof(),
                            dressed_proof(),       others_after_proof(), expect_proof(),
                            two_committers_proof()};
  for (Proof& proof : sequence_proofs()) proofs.push_back(std::move(proof));
  for (Proof& proof : faulty_transaction_proofs()) proofs.push_back(std::move(proof));
  return proofs;
}

}  // namespace perdure::test
