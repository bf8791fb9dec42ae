// SPDX-License-Identifier: BSL-1.0
// Others who change the same tree without asking, between the commit point and the rename; crashed
// at every call, before and after they were told that it is durable.
#include <algorithm>

#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string theirs = content_of('o', 600);

struct Interference {
  std::string name;  // of the attempt that says it was done
  std::function<Result<void>(Session&)> run;
  std::vector<std::string> paths;           // that are theirs from then on
  std::function<bool(const Files&)> holds;  // of the tree, once they were told
  bool split = true;                        // decidable where a rename is several steps
};

Result<void> replace(Session& session, const std::string& path) {
  BOOST_OUTCOME_TRY(write_file(Path(root_path) / path, theirs, {}, session.system()));
  return success();
}

/// Removes the file of "d", then makes it anew, as a rule with its inode number.
Result<void> remake(Session& session, const std::string& name) {
  FileSystem& files = session.files();
  const OwnedHandle directory(
      files, files.open_directory(Handle::working_directory, root_path + "/d").value());
  (void)files.unlink(directory.get(), name);  // a crash may have left none
  const OwnedHandle file(files, files.create(directory.get(), name, 0644).value());
  files.write_at(file.get(), 0, as_bytes(theirs)).value();
  files.sync_file(file.get()).value();
  files.sync_directory(directory.get()).value();
  return success();
}

/// Another directory takes the name of one that the transaction has paths in.
Result<void> swap_directories(Session& session) {
  FileSystem& files = session.files();
  const OwnedHandle root(files, files.open_directory(Handle::working_directory, root_path).value());
  files.rename(root.get(), "e", root.get(), "e.old", RenameMode::no_replace).value();
  files.make_directory(root.get(), "e", 0755).value();
  files.sync_directory(root.get()).value();
  return success();
}

/// The program that has the moved file open goes on writing into it.
Result<void> write_in_place(Session& session) {
  FileSystem& files = session.files();
  const OwnedHandle directory(
      files, files.open_directory(Handle::working_directory, root_path + "/e").value());
  const OwnedHandle file(files, files.open_lock(directory.get(), "b").value());
  files.write_at(file.get(), 0, as_bytes(theirs)).value();
  files.sync_file(file.get()).value();
  return success();
}

bool is_theirs(const Files& files, const std::string& path) {
  const auto found = files.find(path);
  return found != files.end() && found->second == theirs;
}

const std::vector<Interference>& all_interferences() {
  static const std::vector<Interference> interferences{
      {"remade",
       [](Session& session) { return remake(session, "a"); },
       {"d/a"},
       [](const Files& files) { return is_theirs(files, "d/a"); }},
      {"replaced",
       [](Session& session) { return replace(session, "d/a"); },
       {"d/a"},
       [](const Files& files) { return is_theirs(files, "d/a"); }},
      {"made",
       [](Session& session) { return replace(session, "d/n"); },
       {"d/n"},
       [](const Files& files) { return is_theirs(files, "d/n"); }},
      {"removed",
       [](Session& session) { return remove_file(Path(root_path) / "d/a", {}, session.system()); },
       {"d/a"},
       [](const Files& files) { return !files.contains("d/a"); },
       false},
      {"swapped",
       swap_directories,
       {"e/b", "e/n"},
       [](const Files& files) {
         return files.contains("e/") && !files.contains("e/n") && !files.contains("e/b");
       }},
      {"written",
       write_in_place,
       {},
       [](const Files& files) { return is_theirs(files, "e/b") || is_theirs(files, "d/m"); }},
  };
  return interferences;
}

/// Does the interference as soon as the journal has its name.
struct Meanwhile final : ForwardingFileSystem {
  Meanwhile(FileSystem& below, std::function<void()> interference)
      : ForwardingFileSystem(below), run(std::move(interference)) {}
  std::function<void()> run;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    const auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    if (from == "j.tmp") run();
    return renamed;
  }
};

bool was_told(const Session& session, const std::string& target) {
  const auto& history = session.history();
  return std::ranges::any_of(history, [&](const Event& told) {
    return told.kind == Event::Kind::acknowledged &&
           std::ranges::any_of(history, [&](const Event& event) {
             return event.kind == Event::Kind::attempt && event.attempt == told.attempt &&
                    event.target == target;
           });
  });
}

/// How many of the paths that are nobody else's are new, and how many there are.
std::pair<std::size_t, std::size_t> count_new(const Files& files,
                                              const std::vector<std::string>& others) {
  std::size_t there = 0;
  std::size_t all = 0;
  const auto count = [&](const std::string& path, bool is_new) {
    if (std::ranges::find(others, path) != others.end()) return;
    ++all;
    there += is_new ? 1U : 0U;
  };
  for (const char* path : {"d/a", "d/n", "d/z", "e/n"}) {
    const auto file = files.find(path);
    count(path, file != files.end() && file->second == content_of('p', 100));
  }
  count("d/m", files.contains("d/m"));
  count("e/b", !files.contains("e/b"));
  return {there, all};
}

std::string check_beside_others(Session& session) {
  const Files files = files_of(session);
  for (const Interference& interference : all_interferences()) {
    const bool tried = std::ranges::any_of(session.history(), [&](const Event& event) {
      return event.kind == Event::Kind::attempt && event.target == interference.name;
    });
    if (!tried) continue;
    const auto [there, all] = count_new(files, interference.paths);
    const bool told = was_told(session, "transaction");
    if (there != all && (there != 0 || told)) {
      return std::to_string(there) + " of " + std::to_string(all) + ": " + words_of(files);
    }
    const bool decidable = interference.split || session.preset().ordered;
    if (decidable && was_told(session, interference.name) && !interference.holds(files)) {
      return "what was " + interference.name + " is not theirs any more: " + words_of(files);
    }
  }
  return {};
}

Result<void> commit_six(const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root_path, options));
  for (const char* path : {"d/a", "d/n", "d/z", "e/n"}) {
    BOOST_OUTCOME_TRY(transaction.put(path, content_of('p', 100)));
  }
  BOOST_OUTCOME_TRY(transaction.move("e/b", "d/m"));
  BOOST_OUTCOME_TRY(transaction.commit());
  return success();
}

}  // namespace

Proof others_remake_proof() {
  Proof proof = transaction_proof("transaction_remade", {});
  proof.workload.actors = {[](Session& session) {
    must(session, session.commit("transaction", "", Durability::durable,
                                 [&] { return commit_six(transaction_options(session)); }));
  }};
  proof.workload.recover = [](Session& session) {
    const Interference& interference = all_interferences().front();
    const bool tried = std::ranges::any_of(session.history(), [&](const Event& event) {
      return event.kind == Event::Kind::attempt && event.target == interference.name;
    });
    if (!tried) {
      must(session, session.commit(interference.name, "", Durability::durable,
                                   [&] { return interference.run(session); }));
    }
    restart_root(session);
  };
  proof.oracles = {{"beside_others", check_beside_others},
                   oracles::nothing_open(),
                   oracles::recovery_idempotent(restart_root)};
  proof.bound = [](ExploreOptions& options) { options.states_max = 20'000; };
  return proof;
}

Proof others_meanwhile_proof(ProtocolChoice protocol) {
  Proof proof = transaction_proof("transaction_beside_others", {}, protocol);
  proof.workload.cases = all_interferences().size();
  proof.workload.actors = {[protocol](Session& session) {
    const Interference& interference = all_interferences().at(session.case_number());
    Meanwhile meanwhile(session.files(), [&] {
      must(session, session.commit(interference.name, "", Durability::durable,
                                   [&] { return interference.run(session); }));
    });
    TransactionOptions options = transaction_options(session, protocol);
    options.system.files = &meanwhile;
    const auto committed =
        session.commit("transaction", "", Durability::durable, [&] { return commit_six(options); });
    must(session, committed);
  }};
  proof.oracles = {{"beside_others", check_beside_others},
                   oracles::nothing_open(),
                   oracles::recovery_idempotent(restart_root)};
  return proof;
}

}  // namespace perdure::test
