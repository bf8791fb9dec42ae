// SPDX-License-Identifier: BSL-1.0
// The explorer itself: that it finds, says and repeats what it should.
#include <cerrno>

#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/testing/explore.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/oracle.hpp>

#include "support/catch.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string fresh(5000, 'n');

/// Renames without having synced: every file system but one that journals content may tear it.
Workload careless() {
  Workload workload;
  workload.name = "careless";
  workload.prepare = [](Session& session) {
    session.disk().put("f", "old");
    session.acknowledge(session.attempt("f", "old"));
  };
  workload.actors = {[](Session& session) {
    FileSystem& files = session.files();
    const std::size_t attempt = session.attempt("f", fresh);
    const OwnedHandle root(files, files.open_directory(Handle::working_directory, "/").value());
    const auto made = files.create(root.get(), "t", 0600);
    if (!made) return session.fail(attempt, Fate::unchanged);
    const OwnedHandle file(files, made.value());
    const auto put = files.write_at(file.get(), 0, as_bytes(fresh));
    const auto renamed = files.rename(root.get(), "t", root.get(), "f", RenameMode::replace);
    const auto synced = files.sync_directory(root.get());
    if (put && renamed && synced) session.acknowledge(attempt);
  }};
  workload.recover = [](Session& session) {
    FileSystem& files = session.files();
    const OwnedHandle root(files, files.open_directory(Handle::working_directory, "/").value());
    (void)files.unlink(root.get(), "t");
  };
  return workload;
}

std::vector<Oracle> both() {
  return {oracles::old_or_new(), oracles::acknowledged()};
}

}  // namespace

TEST_CASE("what a program finds is held against what it was told") {
  SimulatedFileSystem disk;
  ManualEnvironment environment;
  Session session({&disk, &environment}, disk);
  std::optional<std::string> now;
  const Oracle oracle = oracles::found("it", [&](Session&) { return now; });
  CHECK(oracle.check(session).empty());  // nobody attempted anything
  session.acknowledge(session.attempt("it", "one"));
  CHECK_FALSE(oracle.check(session).empty());
  now = "one";
  CHECK(oracle.check(session).empty());
  const std::size_t second = session.attempt("it", "two");
  CHECK(oracle.check(session).empty());
  session.fail(second, Fate::committed);  // recovery finishes it
  CHECK(oracle.check(session) == "found one; allowed: two");
  now = "two";
  CHECK(oracle.check(session).empty());
  session.fail(session.attempt("it", "three"), Fate::unchanged);
  now = "three";
  CHECK_FALSE(oracle.check(session).empty());
}

TEST_CASE("a violation comes with a reproducer that people read and a test replays") {
  ExploreOptions options;
  options.preset = &presets::ext4;
  const Report report = explore(careless(), both(), options);
  REQUIRE(report.violation);
  CHECK(report.violation->oracle == "old_or_new");
  const std::string& text = report.violation->reproducer;
  INFO(text);
  CHECK(std::count(text.begin(), text.end(), '\n') < 20);
  CHECK(text.find("power cut") != std::string::npos);
  CHECK(text.find("torn") != std::string::npos);
  const auto again = replay(careless(), both(), text);
  REQUIRE(again);
  CHECK(again->words == report.violation->words);
  CHECK_THROWS_AS(replay(careless(), both(), "preset: ext4, seed: 1\ncrash 1: kill at point 999,"),
                  std::invalid_argument);
  CHECK_THROWS_AS(replay(careless(), both(), "crash 1: nonsense"), std::invalid_argument);
}

TEST_CASE("the report does not depend on the number of threads") {
  ExploreOptions options;
  options.preset = &presets::worst;
  options.states_max = 3000;
  std::vector<Report> reports;
  for (const unsigned threads : {1U, 2U, 5U}) {
    options.threads = threads;
    reports.push_back(explore(careless(), {}, options));
  }
  for (const Report& report : reports) {
    CHECK(report.distinct == reports[0].distinct);
    CHECK(report.states == reports[0].states);
    CHECK(report.points_by_operation == reports[0].points_by_operation);
  }
  CHECK(reports[0].depth >= 2);
  options.threads = 1;
  const Report one = explore(careless(), both(), options);
  options.threads = 4;
  const Report four = explore(careless(), both(), options);
  REQUIRE((one.violation && four.violation));
  CHECK(one.violation->reproducer == four.violation->reproducer);
}

TEST_CASE("the same content is allowed where the journal keeps it") {
  ExploreOptions options;
  options.preset = &presets::ext4_journal;
  const Report report = explore(careless(), both(), options);
  if (report.violation) FAIL_CHECK(report.violation->reproducer);
  CHECK(report.points_by_operation[static_cast<std::size_t>(Operation::rename)] > 0);
}

TEST_CASE("faults combine with crashes, and the reproducer names them") {
  Workload workload = careless();
  workload.name = "trusts_writes";
  workload.actors = {[](Session& session) {  // what write returns is not looked at
    FileSystem& files = session.files();
    const OwnedHandle root(files, files.open_directory(Handle::working_directory, "/").value());
    const OwnedHandle file(files, files.create(root.get(), "t", 0600).value());
    const std::size_t attempt = session.attempt("f", fresh);
    (void)files.write_at(file.get(), 0, as_bytes(fresh));
    if (!files.sync_file(file.get())) return session.fail(attempt, Fate::unchanged);
    (void)files.rename(root.get(), "t", root.get(), "f", RenameMode::replace);
    if (files.sync_directory(root.get())) session.acknowledge(attempt);
  }};
  ExploreOptions options;
  options.preset = &presets::xfs;
  CHECK_FALSE(explore(workload, both(), options).violation);
  options.faults = {{{.operation = Operation::write_at, .error = ENOSPC}}};
  const Report report = explore(workload, both(), options);
  REQUIRE(report.violation);
  CHECK(report.runs == 2);
  CHECK(report.violation->reproducer.find("write_at 1") != std::string::npos);
  CHECK(replay(workload, both(), report.violation->reproducer, options));
}

TEST_CASE("a lost update needs a schedule, and the explorer finds it") {
  Workload workload;
  workload.name = "lost_update";
  workload.prepare = [](Session& session) { session.disk().put("f", "0"); };
  const auto add_one = [](Session& session) {  // reads and writes, and nothing in between
    const auto read = read_file("/f", 100, session.system());
    const std::string next = std::string(as_text(read.value().bytes)) + "+";
    if (write_file("/f", next, {}, session.system())) {
      session.acknowledge(session.attempt("count", next));
    }
  };
  workload.actors = {add_one, add_one};
  const Oracle counted{
      "counted", [](Session& session) -> std::string {
        const auto told =
            std::count_if(session.history().begin(), session.history().end(),
                          [](const Event& e) { return e.kind == Event::Kind::acknowledged; });
        return session.disk().content("f")->size() <= static_cast<std::size_t>(told)
                   ? "an increment is lost"
                   : "";
      }};
  ExploreOptions options;
  options.depth = 0;
  const Report report = explore(workload, {counted}, options);
  REQUIRE(report.violation);
  CHECK(report.violation->reproducer.find("schedule:") != std::string::npos);
  CHECK(replay(workload, {counted}, report.violation->reproducer, options));
}

TEST_CASE("steps are intact, generations go up, and the oracles say when not") {
  SimulatedFileSystem disk;
  disk.put("a", "1");
  disk.put("b", "2");
  std::vector<Event> history;
  Session session({&disk, &native_environment()}, disk);
  session.acknowledge(session.attempt("a", "1", Durability::durable, 1));
  session.acknowledge(session.attempt("b", "1", Durability::durable, 1));
  session.attempt("a", "2", Durability::durable, 2);
  session.attempt("b", "2", Durability::durable, 2);
  CHECK_FALSE(oracles::steps_whole().check(session).empty());
  disk.put("a", "2");
  CHECK(oracles::steps_whole().check(session).empty());
  const auto number = [](const std::string& text) {
    return std::optional<std::uint64_t>(text[0] - '0');
  };
  CHECK(oracles::generations("a", number).check(session).empty());
  disk.put("a", "0");
  CHECK_FALSE(oracles::generations("a", number).check(session).empty());
  CHECK_FALSE(oracles::no_litter({"a"}).check(session).size() > 100);
}

TEST_CASE("a collection that meets a committer at work reports no error") {
  // It opened the temp while the committer had it, and judged it when the committer had published
  // and closed it: the unlink found no such name, and `clean` failed.
  Workload workload;
  workload.name = "writer_and_cleaner";
  workload.prepare = [](Session& session) { session.disk().put("d/t", "old"); };
  workload.actors = {
      [](Session& session) { (void)write_file("/d/t", "new", {}, session.system()); },
      [](Session& session) {
        const auto cleaned = clean("/d", {}, session.system());
        if (!cleaned) session.wrong(cleaned.error().message());
      }};
  ExploreOptions options;
  options.depth = 0;
  const Report report = explore(workload, {}, options);
  if (report.violation) FAIL_CHECK(report.violation->reproducer);
  CHECK(report.runs > 50);
}

}  // namespace perdure::test
