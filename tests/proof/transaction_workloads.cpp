// SPDX-License-Identifier: BSL-1.0
// Transactions that are crashed. The history has one attempt on "root" for each, whose content is
// the whole tree, in words: so all-or-none is one comparison.
#include "transaction_workloads.hpp"

#include <algorithm>

#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/mirror.hpp>
#include <perdure/transaction.hpp>

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string target = "root";
const std::string foreign = "nobody's business";
const std::string lock_path = "r/.perdure/.root.perdure-lock";
const std::string source_path = "/source";

/// The tree to be mirrored: one file as the root has it, one that differs, one that it has not.
const Files& source_files() {
  static const Files files{
      {"d/", ""}, {"d/a", content_of('s', 300)}, {"e/", ""},        {"e/b", content_of('b', 600)},
      {"f/", ""}, {"f/a", content_of('t', 100)}, {"notes", foreign}};
  return files;
}

void put_tree(SimulatedFileSystem& disk, const std::string& at, const Files& files) {
  for (const auto& [path, content] : files) {
    if (path.ends_with('/')) {
      disk.make_directories(at + path.substr(0, path.size() - 1));
    } else {
      disk.put(at + path, content);
    }
  }
}

/// `files`: what the requests before this one make of the root, if that is known.
Result<void> ask(Session& session, Transaction& transaction, const Request& request, Files* files) {
  switch (request.kind) {
    case Request::Kind::put: {
      PutOptions options;
      if (request.guarded) {
        const Path path = Path(root_path) / request.path;
        BOOST_OUTCOME_TRY(options.expected, read_version(path, session.system()));
      }
      if (request.fixed_mode) options.metadata = Metadata::fixed(0600);
      if (!request.like.empty()) options.like = request.like;
      return transaction.put(request.path, std::string_view(request.other), options);
    }
    case Request::Kind::put_symlink:
      return transaction.put_symlink(request.path, request.other);
    case Request::Kind::copy:
      return transaction.copy(request.path, request.other);
    case Request::Kind::mirror: {
      BOOST_OUTCOME_TRY(transaction.mirror(source_path));
      return success();
    }
    case Request::Kind::remove:
      return transaction.remove(request.path);
    case Request::Kind::move:
      return transaction.move(request.path, request.other);
    case Request::Kind::make_directory:
      return transaction.make_directory(request.path);
    case Request::Kind::remove_directory:
      return transaction.remove_directory(request.path);
    case Request::Kind::remove_all:
      return transaction.remove_all(request.path);
    case Request::Kind::expect: {
      const Path path = Path(root_path) / request.path;
      BOOST_OUTCOME_TRY(const Version now, read_version(path, session.system()));
      return transaction.expect(request.path, now);
    }
    case Request::Kind::read: {
      BOOST_OUTCOME_TRY(const Buffer content, transaction.read(request.path));
      if (files != nullptr && as_text(content) != (*files)[request.path]) {
        session.wrong("a read does not see what was put");
      }
    }
  }
  return success();
}

bool is_within(const Files& files, const std::string& directory) {
  return std::ranges::any_of(
      files, [&](const auto& file) { return file.first.starts_with(directory + "/"); });
}

bool has_parent(const Files& files, const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos || files.contains(path.substr(0, slash + 1));
}

}  // namespace

TransactionOptions transaction_options(const Session& session, ProtocolChoice protocol) {
  TransactionOptions options;
  options.protocol = protocol;
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

std::string words_of(const Files& files) {
  std::string words;
  for (const auto& [path, content] : files) {
    words += path;
    if (!path.ends_with('/')) words += "=" + brief(content);
    words += " ";
  }
  return words;
}

Files files_of(Session& session, const std::string& tree) {
  Files files;
  for (const std::string& path : session.disk().paths()) {
    if (!path.starts_with(tree) || path == tree || path.starts_with(tree + ".perdure")) continue;
    if (path.ends_with(".perdure-lock") || path.ends_with(".perdure-tmp")) continue;
    if (path.ends_with(".perdure-tmp/") || path.ends_with(".perdure-put")) continue;
    const auto content = session.disk().content(path);
    const auto text = session.disk().link_text(path);
    files[path.substr(tree.size())] = content ? *content : text.value_or("");
  }
  return files;
}

bool apply_requests(Files& files, const std::vector<Request>& requests) {
  const auto may_be_file = [&](const std::string& path) {
    return has_parent(files, path) && !files.contains(path + "/");
  };
  for (const Request& request : requests) {
    const bool there = files.contains(request.path);
    switch (request.kind) {
      case Request::Kind::put:
      case Request::Kind::put_symlink:
        if (!may_be_file(request.path)) return false;
        files[request.path] = request.other;
        break;
      case Request::Kind::copy:
        if (!there || request.path == request.other || !may_be_file(request.other)) return false;
        files[request.other] = files[request.path];
        break;
      case Request::Kind::mirror:
        files = source_files();
        break;
      case Request::Kind::remove:
        if (!there) return false;
        files.erase(request.path);
        break;
      case Request::Kind::move:
        if (!there || request.path == request.other || !may_be_file(request.other)) return false;
        files[request.other] = files[request.path];
        files.erase(request.path);
        break;
      case Request::Kind::make_directory:
        if (there) return false;
        files[request.path + "/"] = "";
        break;
      case Request::Kind::remove_directory:
        if (files.erase(request.path + "/") == 0 || is_within(files, request.path)) return false;
        break;
      case Request::Kind::remove_all:
        if (files.erase(request.path + "/") == 0) return false;
        std::erase_if(files,
                      [&](const auto& file) { return file.first.starts_with(request.path + "/"); });
        break;
      case Request::Kind::read:
        if (!there) return false;
        break;
      case Request::Kind::expect:
        break;
    }
  }
  return true;
}

Result<void> transact(Session& session, const std::vector<Request>& requests,
                      ProtocolChoice protocol) {
  BOOST_OUTCOME_TRY(auto transaction,
                    Transaction::begin(root_path, transaction_options(session, protocol)));
  return transact(session, transaction, requests);
}

Result<void> transact(Session& session, Transaction& transaction,
                      const std::vector<Request>& requests) {
  Files files = files_of(session);
  return transact(session, transaction, requests, files);
}

Result<void> transact(Session& session, Transaction& transaction,
                      const std::vector<Request>& requests, Files& files) {
  bool possible = true;
  for (const Request& request : requests) {
    BOOST_OUTCOME_TRY(ask(session, transaction, request, possible ? &files : nullptr));
    possible = possible && apply_requests(files, {request});
  }
  if (!possible) return success();
  BOOST_OUTCOME_TRY(session.commit(target, words_of(files), Durability::durable,
                                   [&] { return transaction.commit(); }));
  return success();
}

Result<void> recover_root_of(Session& session) {
  BOOST_OUTCOME_TRY(recover(root_path, transaction_options(session)));
  return success();
}

namespace {

Files first_files() {
  return {{"d/", ""}, {"d/a", content_of('a', 100)}, {"e/", ""}, {"e/b", content_of('b', 600)}};
}

/// A root at rest, as docs/format.md has it.
void make_root(SimulatedFileSystem& disk) {
  disk.make_directories("r/.perdure", 0700);
  disk.put("r/.perdure/.root.perdure-lock", "", 0600);
  disk.put("r/.perdure-root", "perdure root 1\n.perdure\n");
}

}  // namespace

void prepare_files(Session& session) {
  SimulatedFileSystem& disk = session.disk();
  disk.make_directories("r");
  disk.put("r/notes", foreign, 0600);
  disk.put("outside", foreign, 0600);
  disk.put("r/.hidden.perdure-tmp", foreign, 0600);  // looks like a temp, and is none
  put_tree(disk, "r/", first_files());
  session.acknowledge(session.attempt(target, words_of(files_of(session))));
}

void prepare_root(Session& session) {
  prepare_files(session);
  make_root(session.disk());
}

void prepare_source(Session& session) {
  const std::string source = source_path.substr(1);
  put_tree(session.disk(), source + "/", source_files());
  session.disk().put(source + "/.hidden.perdure-tmp", foreign, 0600);  // so that it stays
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

/// `clean` collects what a crash leaves of a trial, and nothing else does.
Oracle only_its_files() {
  return {"no_litter", [](Session& session) -> std::string {
            for (const char* directory : {"r", "r/d", "r/e", "r/f"}) {
              const bool tried = std::ranges::any_of(session.disk().paths(), [&](const auto& path) {
                return path.starts_with(std::string(directory) + "/.") &&
                       path != "r/.hidden.perdure-tmp" &&
                       (path.ends_with(".perdure-tmp") || path.ends_with(".perdure-tmp/"));
              });
              if (tried) (void)clean(directory, {}, session.system());
            }
            for (const std::string& path : session.disk().paths()) {
              const bool own = path.starts_with("r/.perdure/") && path != "r/.perdure/";
              const bool temp =
                  (path.ends_with(".perdure-tmp") || path.ends_with(".perdure-tmp/")) &&
                  !path.ends_with("/.hidden.perdure-tmp");          // in a copy, too
              const bool applied = path.ends_with(".perdure-put");  // which recovery alone removes
              const bool kept = path == lock_path || path == "r/.perdure/log";
              if ((own && !kept) || temp || applied) return path + " is left behind";
            }
            return {};
          }};
}

/// Looking changes nothing, never fails, and never finds what can't be finished.
Oracle inspection_harmless() {
  return oracles::at_once({"inspection", [](Session& session) -> std::string {
                             const std::uint64_t before = session.disk().fingerprint();
                             const auto report = inspect(root_path, transaction_options(session));
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
  auto transaction = Transaction::begin(root_path, transaction_options(session));
  if (!transaction) return transaction.error().message();
  for (const char* directory : {"d", "e"}) {  // one may have been removed, or made a file
    auto made = transaction.value().make_directory(directory);
    if (!made && made.error().kind == ErrorKind::exists && transaction.value().remove(directory)) {
      made = transaction.value().make_directory(directory);
    }
    if (!made) return made.error().message();
  }
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

void drop_oracle(Proof& proof, const std::string& name) {
  std::erase_if(proof.oracles, [&](const Oracle& oracle) { return oracle.name == name; });
}

Proof transaction_proof(const std::string& name, std::vector<std::vector<Request>> transactions,
                        ProtocolChoice protocol) {
  Proof proof;
  const bool automatic = protocol == ProtocolChoice::automatic;
  if (automatic) proof.differs_on = chooses_protocol;
  proof.workload.name = (automatic ? "automatic_" : "") + name;
  proof.workload.prepare = prepare_root;
  proof.workload.actors = {[protocol, transactions = std::move(transactions)](Session& session) {
    for (const auto& requests : transactions) must(session, transact(session, requests, protocol));
  }};
  proof.workload.recover = restart_root;
  proof.oracles = transaction_oracles();
  return proof;
}

}  // namespace perdure::test
