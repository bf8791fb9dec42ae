// SPDX-License-Identifier: BSL-1.0
#include "workloads.hpp"

#include <algorithm>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>

#include "identity_workloads.hpp"
#include "tracker_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

constexpr std::uint32_t mode = 0640;
constexpr std::uint32_t owner = 1000;
constexpr std::uint32_t group = 100;
const std::string foreign = "nobody's business";
const std::string lock_path = "d/.t.perdure-lock";

void clean_up(Session& session) {
  const auto cleaned = clean("/d", {}, session.system());
  if (!cleaned) session.wrong(cleaned.error().message());
}

/// A target with everything that must be kept, and a neighbour.
void prepare_target(Session& session, const std::string& content) {
  SimulatedFileSystem& disk = session.disk();
  disk.put("d/notes", foreign, 0600);
  disk.put("d/.hidden.perdure-tmp", foreign, 0600);  // looks like a temp, and is none
  disk.put("d/t", content, mode);
  const OwnedHandle directory(disk, disk.open_directory(Handle::working_directory, "d").value());
  const OwnedHandle file(disk, disk.open_file(directory.get(), "t").value());
  disk.set_owner(file.get(), owner, group).value();
  disk.set_xattr(file.get(), "user.note", as_bytes("kept")).value();
  session.acknowledge(session.attempt("d/t", content));
}

void check(Session& session, bool strict, const auto& result) {
  if (strict && !result) session.wrong(result.error().message());
}

std::vector<Oracle> common_oracles(std::vector<std::string> allowed = {}) {
  return file_oracles(std::move(allowed), clean_up);
}

Oracle target_metadata() {
  return oracles::at_once(oracles::metadata_kept(
      "d/t", {.mode = mode, .owner = owner, .group = group, .xattrs = {{"user.note", "kept"}}}));
}

using Commit = std::function<Result<Receipt>(Session&, const std::string& content)>;

/// Two commits over an old content, then a restart that collects temps and commits again.
Proof in_a_row(const std::string& name, Durability durability, const Commit& commit, bool strict,
               std::vector<std::string> sizes_of = {}) {
  const std::string first = sizes_of.empty() ? content_of('b', 5000) : sizes_of[0];
  const std::string second = sizes_of.empty() ? content_of('c', 9000) : sizes_of[1];
  Proof proof;
  proof.workload.name = name;
  proof.workload.prepare = [](Session& session) { prepare_target(session, content_of('a', 10)); };
  proof.workload.actors = {[=](Session& session) {
    for (const std::string& content : {first, second}) {
      check(session, strict,
            session.commit("d/t", content, durability, [&] { return commit(session, content); }));
    }
  }};
  proof.workload.recover = [=](Session& session) {
    clean_up(session);
    const std::string content = content_of('r', 100);
    (void)session.commit("d/t", content, durability, [&] { return commit(session, content); });
  };
  proof.oracles = common_oracles();
  return proof;
}

Proof create_proof() {
  Proof proof;
  proof.workload.name = "create_with_parents";
  const auto commit = [](Session& session, const std::string& target, Durability durability) {
    const WriteOptions options{.durability = durability, .make_parents = true};
    const std::string content = content_of(target.back(), 100);
    check(session, true, session.commit(target, content, durability, [&] {
      return write_file("/" + target, content, options, session.system());
    }));
  };
  proof.workload.actors = {[=](Session& session) {
    commit(session, "d/e/t", Durability::durable);
    commit(session, "f/t", Durability::ordered);
    commit(session, "f/u", Durability::durable);
  }};
  proof.workload.recover = [=](Session& session) {
    // The directory may be gone with the attempt that was to make it.
    for (const char* directory : {"/d", "/d/e", "/f"}) {
      const auto cleaned = clean(directory, {}, session.system());
      if (!cleaned && cleaned.error().cause != std::errc::no_such_file_or_directory) {
        session.wrong(cleaned.error().message());
      }
    }
    // Or it is there, and was not synced yet when its maker was killed.
    commit(session, "d/e/r", Durability::durable);
    commit(session, "f/r", Durability::durable);
  };
  // At once, since the next recovery commits the same again.
  proof.oracles = {oracles::old_or_new(), oracles::acknowledged(),
                   oracles::at_once(oracles::acknowledged()), oracles::no_litter(),
                   oracles::nothing_open()};
  return proof;
}

Proof streamed_proof(const std::string& name, const WriteOptions& write_options) {
  const auto commit = [write_options](Session& session,
                                      const std::string& content) -> Result<Receipt> {
    BOOST_OUTCOME_TRY(auto file, AtomicFile::create("/d/t", write_options, session.system()));
    BOOST_OUTCOME_TRY(file.write(as_bytes(std::string_view(content).substr(0, 66000))));
    BOOST_OUTCOME_TRY(file.write(as_bytes(std::string_view(content).substr(66000))));
    return file.commit();
  };
  Proof proof = in_a_row(name, Durability::durable, commit, true,
                         {content_of('b', 70000), content_of('c', 66500)});
  proof.workload.recover = clean_up;
  proof.oracles.push_back(target_metadata());
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 12;
  };
  return proof;
}

Proof large_proof() {
  Proof proof = replace_proof("preallocated", {});
  const std::string content = content_of('l', (std::size_t{1} << 20U) + 1);
  proof.workload.actors = {[=](Session& session) {
    check(session, true, session.commit("d/t", content, Durability::durable, [&] {
      return write_file("/d/t", content, {}, session.system());
    }));
  }};
  proof.workload.recover = clean_up;
  proof.bound = [](ExploreOptions& options) {
    options.depth = 0;
    options.tears_max = 4;
  };
  return proof;
}

Proof backup_proof(const std::string& name, WriteOptions options) {
  options.existing = ExistingPolicy::backup;
  Proof proof = replace_proof(name, options);
  proof.oracles = common_oracles({"d/t~"});
  proof.oracles.push_back({"backup_whole", [](Session& session) -> std::string {
                             const auto backup = session.disk().content("d/t~");
                             if (!backup) return {};
                             for (const Event& event : session.history()) {
                               if (event.content == backup) return {};
                             }
                             return "the backup is nothing that the target ever was";
                           }});
  return proof;
}

Proof keep_proof() {
  Proof proof;
  proof.workload.name = "keep";
  proof.workload.prepare = [](Session& session) {
    session.disk().put("d/notes", foreign, 0666);
    session.disk().put("d/.hidden.perdure-tmp", foreign, 0600);
  };
  proof.workload.actors = {[](Session& session) {
    WriteOptions options;
    options.existing = ExistingPolicy::keep;
    for (const char letter : {'b', 'c'}) {
      const std::string content = content_of(letter, 5000);
      const auto done = session.commit("d/t", content, Durability::durable, [&] {
        return write_file("/d/t", content, options, session.system());
      });
      if (done.has_value() != (letter == 'b')) session.wrong("keep did not keep");
    }
  }};
  proof.workload.recover = clean_up;
  proof.oracles = common_oracles({lock_path});
  return proof;
}

Proof swap_proof() {
  Proof proof = replace_proof("compare_and_swap", {});
  proof.workload.actors = {[](Session& session) {
    const auto old = read_version("/d/t", session.system());
    for (const char letter : {'b', 'c'}) {  // the second knows only the first version
      const std::string content = content_of(letter, 5000);
      const auto done = session.commit("d/t", content, Durability::durable, [&] {
        return write_file("/d/t", content, {.expected = old.value()}, session.system());
      });
      if (done.has_value() != (letter == 'b')) session.wrong("a stale version was replaced");
    }
  }};
  proof.workload.recover = clean_up;
  proof.oracles = common_oracles({lock_path});
  proof.oracles.push_back(target_metadata());
  return proof;
}

Proof remove_proof() {
  Proof proof = replace_proof("remove", {});
  proof.workload.actors = {[](Session& session) {
    check(session, true, session.commit("d/t", std::nullopt, Durability::durable, [&] {
      return remove_file("/d/t", {}, session.system());
    }));
    const std::string content = content_of('c', 5000);
    check(session, true, session.commit("d/t", content, Durability::durable, [&] {
      return write_file("/d/t", content, {}, session.system());
    }));
    check(session, true, session.commit("d/t", std::nullopt, Durability::durable, [&] {
      return remove_file("/d/t", {}, session.system());
    }));
  }};
  proof.workload.recover = clean_up;
  proof.oracles = common_oracles();  // a file that was removed and made anew has a new one's mode
  return proof;
}

/// Temps of committers that died: one whose power went, one that was killed just before.
Proof stale_proof() {
  Proof proof = replace_proof("stale_temps", {});
  const auto leave_temp = [](Session& session, const std::string& content) {
    SimulatedFileSystem& disk = session.disk();
    auto file = AtomicFile::create("/d/t", {}, {&disk, &session.environment()}).value();
    file.write(as_bytes(content)).value();
    disk.kill();
  };
  proof.workload.prepare = [=](Session& session) {
    prepare_target(session, content_of('a', 10));
    leave_temp(session, content_of('x', 9000));
  };
  proof.workload.actors = {[](Session& session) {
    clean_up(session);
    const std::string content = content_of('b', 5000);
    check(session, true, session.commit("d/t", content, Durability::durable, [&] {
      return write_file("/d/t", content, {}, session.system());
    }));
    clean_up(session);
  }};
  return proof;
}

Proof link_proof() {
  Proof proof = replace_proof("through_a_link", {});
  proof.workload.prepare = [](Session& session) {
    prepare_target(session, content_of('a', 10));
    session.disk().make_directories("e");
    session.disk().make_symlink("e/link", "../d/t");
  };
  proof.workload.actors = {[](Session& session) {
    for (const char letter : {'b', 'c'}) {
      const std::string content = content_of(letter, 5000);
      check(session, true, session.commit("d/t", content, Durability::durable, [&] {
        return write_file("/e/link", content, {}, session.system());
      }));
    }
  }};
  proof.workload.recover = clean_up;
  proof.oracles = common_oracles({"e/link"});
  proof.oracles.push_back(target_metadata());
  return proof;
}

/// Each writes its own content; the last writer wins, and neither is torn or lost without reason.
Proof two_writers_proof() {
  Proof proof = replace_proof("two_writers", {});
  const auto actor = [](char letter) {
    return [letter](Session& session) {
      const std::string content = content_of(letter, 600);
      check(session, true, session.commit("d/t", content, Durability::durable, [&] {
        return write_file("/d/t", content, {}, session.system());
      }));
    };
  };
  proof.workload.actors = {actor('b'), actor('c')};
  proof.workload.recover = clean_up;
  proof.oracles.push_back(target_metadata());
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
  };
  return proof;
}

/// Two that add one by compare-and-swap: nothing acknowledged may be lost.
Proof two_counters_proof() {
  Proof proof = replace_proof("two_counters", {});
  const auto count = [](Session& session) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      const auto read = read_file("/d/t", 1000, session.system());
      if (!read) return session.wrong(read.error().message());
      const std::string next = std::string(as_text(read.value().bytes)) + "+";
      const auto done = session.commit("d/t", next, Durability::durable, [&] {
        return write_file("/d/t", next, {.expected = read.value().version}, session.system());
      });
      if (done) return;
      if (done.error().kind != ErrorKind::conflict) return session.wrong(done.error().message());
    }
  };
  proof.workload.prepare = [](Session& session) { prepare_target(session, "0"); };
  proof.workload.actors = {count, count};
  proof.workload.recover = clean_up;
  proof.oracles = common_oracles({lock_path});
  proof.oracles.push_back({"nothing_uncounted", [](Session& session) -> std::string {
                             const auto counted =
                                 std::ranges::count(session.history(), Event::Kind::acknowledged,
                                                    &Event::kind);  // the preparation's is one
                             const auto content = session.disk().content("d/t");
                             // Missing between two of a rename's three steps.
                             if (!content && session.preset().split_rename) return {};
                             if (!content || content->size() < static_cast<std::size_t>(counted)) {
                               return "an acknowledged increment is lost";
                             }
                             return {};
                           }});
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
  };
  return proof;
}

Proof two_keepers_proof() {
  Proof proof = keep_proof();
  proof.workload.name = "two_keepers";
  const auto actor = [](char letter) {
    return [letter](Session& session) {
      WriteOptions options;
      options.existing = ExistingPolicy::keep;
      const std::string content = content_of(letter, 600);
      const auto done = session.commit("d/t", content, Durability::durable, [&] {
        return write_file("/d/t", content, options, session.system());
      });
      if (!done && done.error().kind != ErrorKind::exists) session.wrong(done.error().message());
    };
  };
  proof.workload.actors = {actor('b'), actor('c')};
  proof.oracles.push_back({"one_keeper", [](Session& session) -> std::string {
                             const auto kept = std::ranges::count(
                                 session.history(), Event::Kind::acknowledged, &Event::kind);
                             return kept > 1 ? "both were told that they made the target" : "";
                           }});
  proof.bound = [](ExploreOptions& options) {
    options.depth = 1;
    options.tears_max = 6;
  };
  return proof;
}

Proof cleaner_proof() {
  Proof proof = two_writers_proof();
  proof.workload.name = "writer_and_cleaner";
  proof.workload.actors.back() = clean_up;
  return proof;
}

/// Every sequence of three commits over two directories and two names, with create, replace and
/// remove: those of one and two are their beginnings.
Proof sequences_proof() {
  static const std::vector<std::string> targets{"d/a", "d/b", "e/a", "e/b"};
  Proof proof;
  proof.workload.name = "sequences";
  proof.workload.cases = 512;  // 4 targets, put or remove, three times
  proof.workload.prepare = [](Session& session) {
    session.disk().make_directories("d");
    session.disk().make_directories("e");
  };
  proof.workload.actors = {[](Session& session) {
    std::size_t number = session.case_number();
    for (int step = 0; step < 3; ++step, number /= 8) {
      const std::string& target = targets[number % 4];
      if (number / 4 % 2 == 0) {
        const std::string content = content_of(static_cast<char>('p' + step), 600);
        check(session, true, session.commit(target, content, Durability::durable, [&] {
          return write_file("/" + target, content, {}, session.system());
        }));
      } else if (session.disk().content(target)) {
        check(session, true, session.commit(target, std::nullopt, Durability::durable, [&] {
          return remove_file("/" + target, {}, session.system());
        }));
      }
    }
  }};
  proof.workload.recover = [](Session& session) {
    for (const char* directory : {"/d", "/e"}) {
      const auto cleaned = clean(directory, {}, session.system());
      if (!cleaned) session.wrong(cleaned.error().message());
    }
  };
  proof.oracles = {oracles::old_or_new(), oracles::acknowledged(), oracles::no_litter({"d/", "e/"}),
                   oracles::steps_whole()};
  return proof;
}

/// Files and the sizes of what they shall have.
using Sizes = std::vector<std::pair<std::string, std::size_t>>;

const Sizes& four_files() {
  static const Sizes files{{"d/t", 5000}, {"e/t", 100}, {"e/u", 600}, {"e/v", 200}};
  return files;
}

/// Written as one batch, twice; with `grouped` through a group, as those are who wait for the same
/// sync.
Proof batch_proof(const std::string& name, ProtocolChoice protocol, bool grouped,
                  const Sizes& sizes = four_files(), bool strict = true) {
  Proof proof;
  const bool automatic = protocol == ProtocolChoice::automatic;
  if (automatic) proof.differs_on = chooses_protocol;
  proof.workload.name = (automatic ? "automatic_" : "") + name;
  proof.workload.prepare = [](Session& session) {
    prepare_target(session, content_of('a', 10));
    session.disk().put("e/t", content_of('a', 600));
    session.acknowledge(session.attempt("e/t", content_of('a', 600)));
  };
  const auto write = [=](Session& session, char letter) {
    WriteOptions options;
    options.protocol = protocol;
    if (grouped) options.group = std::make_shared<GroupCommit>();
    std::vector<std::string> contents;
    for (const auto& [target, size] : sizes) contents.push_back(content_of(letter, size));
    std::vector<NewFile> files;
    std::vector<std::size_t> attempts;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      files.push_back({"/" + sizes[i].first, as_bytes(contents[i])});
      attempts.push_back(session.attempt(sizes[i].first, contents[i]));
    }
    const auto results = write_files(files, options, session.system());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      check(session, strict, results[i]);
      if (results[i]) session.acknowledge(attempts[i]);
      if (!results[i]) session.fail(attempts[i], results[i].error().fate);
    }
  };
  proof.workload.actors = {[write](Session& session) {
    write(session, 'b');
    write(session, 'c');
  }};
  proof.workload.recover = [](Session& session) {
    for (const char* directory : {"/d", "/e"}) {
      const auto cleaned = clean(directory, {}, session.system());
      if (!cleaned) session.wrong(cleaned.error().message());
    }
  };
  proof.oracles = common_oracles({"e/t", "e/u", "e/v"});
  proof.oracles.push_back(target_metadata());
  return proof;
}

}  // namespace

std::vector<Oracle> file_oracles(std::vector<std::string> allowed,
                                 std::function<void(Session&)> clean_up_all) {
  allowed.insert(allowed.end(), {"d/notes", "d/.hidden.perdure-tmp"});
  return {oracles::at_once(oracles::old_or_new()),
          oracles::at_once(oracles::acknowledged()),
          oracles::old_or_new(),
          oracles::acknowledged(),
          oracles::no_litter(std::move(allowed)),
          oracles::untouched({{"d/notes", foreign}, {"d/.hidden.perdure-tmp", foreign}}),
          oracles::nothing_open(),
          oracles::recovery_idempotent(std::move(clean_up_all)),
          oracles::still_works([](Session& session) -> std::string {
            const auto done = write_file("/d/t", "works", {}, session.system());
            if (!done) return done.error().message();
            return session.disk().content("d/t") == "works" ? "" : "the new commit is not there";
          })};
}

std::string content_of(char letter, std::size_t size) {
  std::string content(size, letter);
  for (std::size_t at = 0; at < size; at += 64) content[at] = static_cast<char>('0' + at / 64 % 10);
  return content;
}

Proof replace_proof(const std::string& name, const WriteOptions& options, AnyPipeline pipeline,
                    bool strict) {
  const auto commit = [=](Session& session, const std::string& content) -> Result<Receipt> {
    BOOST_OUTCOME_TRY(const auto writer,
                      AtomicWriter::bind("/d", pipeline, options, session.system()));
    return writer.commit("t", content);
  };
  Proof proof = in_a_row(name, options.durability, commit, strict);
  if (options.durability != Durability::none) proof.oracles.push_back(target_metadata());
  return proof;
}

Proof replace_proof(const std::string& name, const WriteOptions& options, bool strict) {
  const auto commit = [=](Session& session, const std::string& content) -> Result<Receipt> {
    BOOST_OUTCOME_TRY(const auto writer, AtomicWriter::bind("/d", options, session.system()));
    return writer.commit("t", content);
  };
  Proof proof = in_a_row(name, options.durability, commit, strict);
  if (options.durability != Durability::none) proof.oracles.push_back(target_metadata());
  return proof;
}

std::vector<Proof> file_proofs() {
  WriteOptions ordered;
  ordered.durability = Durability::ordered;
  WriteOptions none;
  none.durability = Durability::none;
  WriteOptions verified;
  verified.verify = true;
  std::vector<Proof> proofs{replace_proof("replace_durable", {}),
                            replace_proof("replace_verified", verified),
                            replace_proof("replace_ordered", ordered),
                            replace_proof("replace_none", none),
                            create_proof(),
                            streamed_proof("streamed", {}),
                            large_proof(),
                            backup_proof("backup", {}),
                            keep_proof(),
                            swap_proof(),
                            remove_proof(),
                            stale_proof(),
                            link_proof(),
                            two_writers_proof(),
                            two_counters_proof(),
                            two_keepers_proof(),
                            cleaner_proof(),
                            sequences_proof()};
  // By the protocol `fast` where it is allowed, by `portable` where it is refused.
  WriteOptions automatic;
  automatic.protocol = ProtocolChoice::automatic;
  proofs.push_back(replace_proof("automatic_durable", automatic));
  proofs.push_back(backup_proof("automatic_backup", automatic));
  proofs.push_back(streamed_proof("automatic_streamed", automatic));
  verified.protocol = ProtocolChoice::automatic;
  proofs.push_back(replace_proof("automatic_verified", verified));
  automatic.durability = Durability::ordered;
  proofs.push_back(replace_proof("automatic_ordered", automatic));
  for (const auto protocol : {ProtocolChoice::portable, ProtocolChoice::automatic}) {
    proofs.push_back(batch_proof("batch", protocol, false));
    proofs.push_back(batch_proof("group", protocol, true));
  }
  proofs.push_back(
      whole_proof(batch_proof("batch", ProtocolChoice::automatic, false), "whole_batch"));
  const Sizes two{{"d/t", 600}, {"e/t", 100}};
  for (Proof faulty :
       {replace_proof("replace_with_faults", {}, false),
        batch_proof("batch_with_faults", ProtocolChoice::portable, false, two, false),
        batch_proof("group_with_faults", ProtocolChoice::automatic, true, two, false)}) {
    faulty.fault_stride = 1;
    const bool one = faulty.workload.name == "replace_with_faults";
    faulty.bound = [one](ExploreOptions& options) {
      options.depth = 1;
      options.tears_max = 8;
      if (!one) options.states_max = 20'000;
    };
    proofs.push_back(std::move(faulty));
  }
  for (Proof& proof : identity_proofs()) proofs.push_back(std::move(proof));
  for (Proof& proof : tracker_proofs()) proofs.push_back(std::move(proof));
  return proofs;
}

}  // namespace perdure::test
