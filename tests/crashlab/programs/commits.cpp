// SPDX-License-Identifier: BSL-1.0
// perdure's own commits as workloads, and what each promises as checkers.
//
//   perdure_commits setup WORKLOAD
//   perdure_commits write WORKLOAD COUNT [BARRIERS]    versions 1 to COUNT, each acknowledged
//   perdure_commits serve WORKLOAD                     a check server
//
// WORKLOAD: durable (AtomicWriter; an acknowledged version or a later one), ordered (AtomicWriter;
// any intact version), none (AtomicWriter; whatever is there can be committed over), tracker
// (StateTracker; opens, and is no older than acknowledged), transaction (after recovery all files
// are of one version, no older than acknowledged), recovered (the same, with commits that are
// killed and recovered before they are acknowledged), logged (the same through a Root, which is
// open all the time and settles every few commits), logged_direct (its log goes past the page
// cache), logged_later (files get their content when it settles), batch (write_files; each file is
// of an acknowledged version or a later one), group (the same by four threads and one GroupCommit).
// With `automatic_` before it: by the protocol `fast` where that is allowed. trees.hpp and
// streams.hpp have more.
//
// With BARRIERS (barriers.hpp; separated by commas) transactions, copies, batches and AtomicFile
// leave those out: mutants, which the laboratory has to catch.
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include <perdure/clean.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "streams.hpp"
#include "trees.hpp"

namespace {

using namespace commits;

template <Durability durability, ProtocolChoice protocol>
void commit_file(int version) {
  perdure::WriteOptions options;
  options.durability = durability;
  options.protocol = protocol;
  static const auto writer = perdure::AtomicWriter::bind(root(), options);
  must(writer, "bind");
  must(writer.value().commit("file", versions::content(version, size)), "commit");
}

std::string judge_ordered() {
  return judge_at_least(0);
}

/// Nothing was promised about the file: it may hold anything, or be gone.
std::string judge_none() {
  perdure::testing::ManualEnvironment nobody_is_about;  // a second look need not be waited for
  const auto cleaned =
      perdure::clean(root(), {}, {&perdure::native_file_system(), &nobody_is_about});
  return cleaned ? try_commit() : "clean: " + cleaned.error().message();
}

struct Counter {
  int version = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (version, text))

using Tracker = perdure::StateTracker<Counter>;

void set(Counter& counter, int version) {
  counter.version = version;
  counter.text = versions::content(version, 2000);
}

template <ProtocolChoice protocol>
void commit_state(int version) {
  perdure::TrackerOptions options;
  options.file.protocol = protocol;
  static auto tracker = Tracker::open(root() + "/state.json", options);
  must(tracker, "open the state");
  must(tracker.value().update([&](Counter& counter) { set(counter, version); }), "update");
}

std::string judge_state() {
  auto tracker = Tracker::open(root() + "/state.json");
  if (!tracker) return "open: " + tracker.error().message();
  const auto state = tracker.value().state();
  const int acked = versions::last_acknowledged();
  if (state->version < acked) {
    return "version " + std::to_string(acked) + " was acknowledged, and " +
           std::to_string(state->version) + " is there: " + tracker.value().report().reason;
  }
  if (state->version > 0 && state->text != versions::content(state->version, 2000)) {
    return "the state is torn";
  }
  const auto generation = tracker.value().generation();
  const auto saved = tracker.value().update([](Counter& counter) { set(counter, 999); });
  if (!saved) return "a new save: " + saved.error().message();
  return tracker.value().generation() > generation ? "" : "the generation didn't grow";
}

// Two files in two directories are put, one comes and goes, as does a directory with all that is in
// it, one moves to and fro, and one is removed by somebody else afterwards. A symbolic link leads
// to another place each time.
template <ProtocolChoice protocol>
void commit_files(int version) {
  auto begun = begin(protocol);
  must(begun, "begin");
  auto& transaction = begun.value();
  if (version == 0) {
    for (const char* directory : {"left", "right"}) {
      must(transaction.make_directory(directory), "make a directory");
    }
    must(transaction.put("here", "it"), "put");
  } else {
    must(transaction.move(version % 2 == 1 ? "here" : "there", version % 2 == 1 ? "there" : "here"),
         "move");
  }
  must(transaction.put("left/file", versions::content(version, size)), "put");
  must(transaction.put("right/file", versions::content(version, size)), "put");
  if (version % 2 == 1) {
    must(transaction.put("odd", "odd"), "put");
    for (const char* directory : {"tree", "tree/deep"}) {
      must(transaction.make_directory(directory), "make a directory");
    }
    for (const char* leaf : {"tree/a", "tree/deep/b"}) must(transaction.put(leaf, "it"), "put");
  } else if (version > 0) {
    must(transaction.remove("odd"), "remove");
    must(transaction.remove_all("tree"), "remove all");
  }
  must(transaction.put_symlink("current", text_of(version)), "put a link");
  must(transaction.put("fleeting", "it"), "put");
  must(transaction.commit(), "commit");
}

/// Somebody else removes a file that the transaction made, durably.
void remove_fleeting(int /*version*/) {
  const int directory = versions::must(::open(root().c_str(), O_RDONLY | O_DIRECTORY), "open");
  versions::must(::unlinkat(directory, "fleeting", 0), "unlink");
  versions::must(::fsync(directory), "fsync");
  ::close(directory);
}

/// Where to be killed: at each barrier in turn. `fast` has fewer.
barriers::Barrier moment_of(int version, ProtocolChoice protocol) {
  using enum barriers::Barrier;
  static const std::vector<barriers::Barrier> portable{journal,      journal_name, directories,
                                                       journal_gone, staged,       staged_names};
  static const std::vector<barriers::Barrier> fast{journal_name, journal_end, staged, journal};
  const auto& moments = protocol == ProtocolChoice::portable ? portable : fast;
  return moments[static_cast<std::size_t>(version) % moments.size()];
}

/// Each commit is killed before one of its barriers, and the next `begin` recovers what it left.
template <ProtocolChoice protocol>
void commit_killed(int version) {
  if (version == 0) return commit_files<protocol>(version);
  const pid_t child = versions::must(::fork(), "fork");
  if (child == 0) {
    files().kill_before(moment_of(version, protocol));
    commit_files<protocol>(version);
    ::_exit(0);
  }
  int status = 0;
  versions::must(::waitpid(child, &status, 0), "waitpid");
  if (!WIFSIGNALED(status)) std::exit(3);
  must(begin(protocol), "recover");
  if (version_of(root() + "/left/file") != version) commit_files<protocol>(version);
}

/// Both files are of one version, no older than acknowledged.
std::string judge_sides() {
  const int acked = versions::last_acknowledged();
  for (const char* side : {"/left/file", "/right/file"}) {
    const std::string reason = versions::judge_file(root() + side, size, acked);
    if (!reason.empty()) return side + (": " + reason);
  }
  const int version = version_of(root() + "/left/file");
  const int other = version_of(root() + "/right/file");
  if (version == other) return "";
  return "versions " + std::to_string(version) + " and " + std::to_string(other) + " are mixed";
}

std::string judge_files() {
  {
    const auto recovered = begin(ProtocolChoice::portable);
    if (!recovered) return "recovery: " + recovered.error().message();
  }
  const std::string reason = judge_sides();
  if (!reason.empty()) return reason;
  const int version = version_of(root() + "/left/file");
  const bool odd = version % 2 == 1;
  if (there(root() + "/odd") != odd) return "the file that comes and goes is wrong";
  for (const char* path : {"tree", "tree/a", "tree/deep", "tree/deep/b"}) {
    if (there(root() + "/" + path) != odd)
      return std::string(path) + ", which comes and goes, is wrong";
  }
  const std::string current = link_of(root() + "/current");
  if (current != text_of(version)) return "the link says '" + current + "'";
  const bool removed = versions::last_line() == std::to_string(version) + " afterwards";
  if (removed && there(root() + "/fleeting")) return "a file that was removed is there again";
  if (there(root() + "/there") != odd || there(root() + "/here") == odd)
    return "the file that moves is wrong";
  return "";
}

using perdure::LogWrites;

/// Past the page cache only where that can be.
perdure::Result<perdure::Root> open_logged(perdure::Publish publish, LogWrites writes) {
  perdure::RootOptions options;
  options.publish = publish;
  options.writes = writes;
  options.segment_size = 64 << 10;  // two commits
  options.system.files = &files();
  auto opened = perdure::Root::open(root(), options);
  const bool refused = !opened && opened.error().kind == perdure::ErrorKind::unsupported;
  if (!refused || writes != LogWrites::direct) return opened;
  return open_logged(publish, LogWrites::measured);
}

/// Two files in two directories are put, and one comes and goes.
template <perdure::Publish publish, LogWrites writes = LogWrites::cached>
void commit_logged(int version) {
  static auto opened = open_logged(publish, writes);
  must(opened, "open the root");
  auto begun = opened.value().begin();
  must(begun, "begin");
  auto& transaction = begun.value();
  for (const char* directory : {"left", "right"}) {
    must(transaction.make_directory(directory), "make a directory");
  }
  must(transaction.put("left/file", versions::content(version, size)), "put");
  must(transaction.put("right/file", versions::content(version, size)), "put");
  if (version % 2 == 1) must(transaction.put("odd", "odd"), "put");
  if (version % 2 == 0 && version > 0) must(transaction.remove("odd"), "remove");
  must(transaction.commit(), "commit");
}

std::string judge_logged() {
  auto opened = open_logged(perdure::Publish::at_once, LogWrites::measured);
  if (!opened) return "recovery: " + opened.error().message();
  const std::string reason = judge_sides();
  if (!reason.empty()) return reason;
  const int version = version_of(root() + "/left/file");
  if (there(root() + "/odd") != (version % 2 == 1)) return "the file that comes and goes is wrong";
  const auto again = opened.value().put("left/file", versions::content(999, size));
  if (!again) return "a new commit: " + again.error().message();
  const auto closed = opened.value().close();
  if (!closed) return "close: " + closed.error().message();
  return versions::judge_file(root() + "/left/file", size, 999);
}

/// Four files in two directories.
std::vector<perdure::Path> batch_targets() {
  std::vector<perdure::Path> targets;
  for (const char* name : {"left/a", "left/b", "right/a", "right/b"}) {
    targets.push_back(perdure::Path(root()) / name);
  }
  return targets;
}

template <ProtocolChoice protocol>
void commit_batch(int version) {
  perdure::WriteOptions options;
  options.protocol = protocol;
  options.make_parents = true;
  const std::string content = versions::content(version, size);
  std::vector<perdure::NewFile> images;
  for (const auto& target : batch_targets()) images.push_back({target, perdure::as_bytes(content)});
  const perdure::System system{.files = &files(), .environment = &perdure::native_environment()};
  for (const auto& written : perdure::write_files(images, options, system)) must(written, "write");
}

void commit_group(int version) {
  perdure::WriteOptions options;
  options.protocol = ProtocolChoice::automatic;
  options.make_parents = true;
  static const auto group = std::make_shared<perdure::GroupCommit>();
  options.group = group;
  const std::string content = versions::content(version, size);
  std::vector<std::thread> committers;
  for (const auto& target : batch_targets()) {
    committers.emplace_back(
        [&, target] { must(perdure::write_file(target, content, options), "write"); });
  }
  for (std::thread& committer : committers) committer.join();
}

std::string judge_batch() {
  const int acked = versions::last_acknowledged();
  for (const auto& target : batch_targets()) {
    const std::string reason = versions::judge_file(target.native(), size, acked);
    if (!reason.empty()) return target.native() + ": " + reason;
  }
  return "";
}

const Workloads& workloads() {
  static const Workloads all = [] {
    Workloads found = {
        {"durable", {commit_file<Durability::durable, ProtocolChoice::portable>, judge_durable}},
        {"ordered", {commit_file<Durability::ordered, ProtocolChoice::portable>, judge_ordered}},
        {"none", {commit_file<Durability::none, ProtocolChoice::portable>, judge_none}},
        {"tracker", {commit_state<ProtocolChoice::portable>, judge_state}},
        {"automatic_durable",
         {commit_file<Durability::durable, ProtocolChoice::automatic>, judge_durable}},
        {"automatic_ordered",
         {commit_file<Durability::ordered, ProtocolChoice::automatic>, judge_ordered}},
        {"automatic_tracker", {commit_state<ProtocolChoice::automatic>, judge_state}},
        {"transaction", {commit_files<ProtocolChoice::portable>, judge_files, remove_fleeting}},
        {"recovered", {commit_killed<ProtocolChoice::portable>, judge_files, remove_fleeting}},
        {"automatic_transaction",
         {commit_files<ProtocolChoice::automatic>, judge_files, remove_fleeting}},
        {"automatic_recovered",
         {commit_killed<ProtocolChoice::automatic>, judge_files, remove_fleeting}},
        {"logged", {commit_logged<perdure::Publish::at_once>, judge_logged}},
        {"logged_direct",
         {commit_logged<perdure::Publish::at_once, LogWrites::direct>, judge_logged}},
        {"logged_later",
         {commit_logged<perdure::Publish::later, LogWrites::measured>, judge_logged}},
        {"batch", {commit_batch<ProtocolChoice::portable>, judge_batch}},
        {"automatic_batch", {commit_batch<ProtocolChoice::automatic>, judge_batch}},
        {"automatic_group", {commit_group, judge_batch}},
    };
    for (const Workloads& more : {tree_workloads(), stream_workloads()}) {
      found.insert(more.begin(), more.end());
    }
    return found;
  }();
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const auto found = workloads().find(argc > 2 ? argv[2] : "");
  if (found == workloads().end()) return 3;
  const Workload& workload = found->second;
  if (command == "serve") return versions::serve(workload.judge);
  if (argc > 4) {
    const auto left_out = barriers::parse(argv[4]);
    if (left_out.empty()) return 3;
    files(left_out);
  }
  const int last = command == "write" && argc > 3 ? std::atoi(argv[3]) : 0;
  for (int version = last == 0 ? 0 : 1; version <= last; ++version) {
    workload.commit(version);
    if (last > 0) versions::acknowledge(version);
    if (workload.afterwards == nullptr) continue;
    workload.afterwards(version);
    if (last > 0) versions::acknowledge(std::to_string(version) + " afterwards");
  }
  return 0;
}
