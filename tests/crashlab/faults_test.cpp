// SPDX-License-Identifier: BSL-1.0
// A disk that fails on a real ext4: programs that don't listen are found, and good ones are not.
#include <filesystem>

#include <boost/json.hpp>

#include "lab.hpp"

using namespace crashlab;

namespace {

const std::string commits = CRASHLAB_COMMITS;

std::vector<std::string> perdure_words(const std::string& workload) {
  return {"run",
          "--setup",
          commits + " setup " + workload,
          "--workload",
          commits + " write " + workload + " 1",
          "--check-server",
          commits + " serve " + workload};
}

/// A run under these faults, with few states. ext4 that meets an error writes its superblock in
/// place, 1024 bytes with one checksum: no program holds where a smaller sector tears that.
Outcome faulty(const Lab& lab, std::vector<std::string> words,
               const std::vector<std::string>& more) {
  words.insert(words.end(), {"--states-max", "40", "--fsck-every", "0", "--sector", "4096"});
  words.insert(words.end(), more.begin(), more.end());
  return lab(words);
}

}  // namespace

TEST_CASE("Each write and each flush fails in turn: good calls acknowledge nothing that is lost",
          "[P4]") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string fault : {"write-error@each", "flush-error@each", "write-error@each+"}) {
    const std::string report = "/tmp/crashlab-report-" + random_name();
    const Outcome outcome =
        faulty(lab, lab.run_words("good", "1"), {"--fault", fault, "--json", report});
    INFO(one_line(outcome.output));
    CHECK(outcome.exit_code == 0);
    const auto json = boost::json::parse(read_file(report));
    std::filesystem::remove(report);
    const auto& runs = json.at("runs").as_array();
    CHECK(runs.size() >= 3);
    for (const auto& run : runs) CHECK(run.at("strikes").to_number<int>() > 0);
    // A program that is told stops; else the fault would not have been one.
    CHECK(runs.front().at("workload_status").to_number<int>() == 3);
  }
  CHECK(lab.left_behind().empty());
}

TEST_CASE("Who does not listen to fsync, or asks it again, loses what was acknowledged") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string protocol : {"deaf", "again"}) {
    const Outcome outcome =
        faulty(lab, lab.run_words(protocol, "1"), {"--fault", "write-error@each"});
    INFO(one_line(outcome.output));
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.output.find("check: ") != std::string::npos);
  }
}

TEST_CASE("perdure acknowledges nothing over a failed write or flush that a crash then takes",
          "[P4]") {
  NEEDS_LAB();
  const Lab lab;
  const std::string workload = GENERATE("durable", "transaction", "batch", "tracker");
  const std::string fault = GENERATE("write-error@each", "flush-error@each");
  const Outcome outcome = faulty(lab, perdure_words(workload), {"--fault", fault});
  INFO(workload << " " << fault << ": " << one_line(outcome.output));
  CHECK(outcome.exit_code == 0);
}

TEST_CASE("A disk that loses or misdirects a write is one that no program can hold on") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string fault : {"lost@each", "misdirect@each"}) {
    const Outcome outcome = faulty(lab, lab.run_words("good", "1"), {"--fault", fault});
    INFO(one_line(outcome.output));
    CHECK(outcome.exit_code == 1);
  }
}

TEST_CASE("What rots or can't be read is so after the crash, and in the kept state") {
  NEEDS_LAB();
  const Lab lab;
  const auto words = [&](const std::string& fault) {
    // A write elsewhere: the file of the setup is what the states show.
    return std::vector<std::string>{"run",
                                    "--setup",
                                    CRASHLAB_PROTOCOL " setup",
                                    "--workload",
                                    "echo x >$CRASHLAB_MOUNT/y && sync $CRASHLAB_MOUNT/y",
                                    "--check-server",
                                    CRASHLAB_PROTOCOL " serve",
                                    "--fault",
                                    fault,
                                    "--violations-max",
                                    "1"};
  };
  const auto kept_shows = [&](const std::string& fault, const std::string& reason) {
    const Lab own;
    const Outcome outcome = own(words(fault));
    INFO(one_line(outcome.output));
    REQUIRE(outcome.exit_code == 1);
    CHECK(outcome.output.find(reason) != std::string::npos);
    const std::string id = own({"show"}).output.substr(0, 8);
    CHECK(own({"show", id}).output.find("the disk's faults: " + fault.substr(0, 3)) !=
          std::string::npos);
    const std::string acked = "/tmp/crashlab-acked-" + random_name();
    write_file(acked, "0\n");
    Command look = own.command({"mount", id});
    look.arguments.insert(look.arguments.end(), {"--", CRASHLAB_PROTOCOL, "check"});
    look.environment["CRASHLAB_ACKED"] = acked;
    const Outcome again = run(look);
    std::filesystem::remove(acked);
    INFO(one_line(again.output));
    CHECK(again.output.find(reason) != std::string::npos);
    CHECK(own.left_behind().empty());
  };
  kept_shows("rot:file", "the file is torn");
  kept_shows("read-error:file", "the file can't be read");
}

TEST_CASE("The workload meets what can't be read, too") {
  NEEDS_LAB();
  const Lab lab;
  const Outcome outcome =
      lab({"run", "--setup", CRASHLAB_PROTOCOL " setup", "--workload",
           "cat $CRASHLAB_MOUNT/file >/dev/null", "--check", "true", "--fault", "read-error:file"});
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.find("Input/output error") != std::string::npos);
}

TEST_CASE("An error of the disk may be told to another program's sync alone") {
  NEEDS_LAB();
  const Lab lab;
  const Outcome outcome =
      faulty(lab, lab.run_words("good", "1"), {"--fault", "write-error@each+", "--noise", "log"});
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 1);  // plain calls lose a version: docs/failed-journals.md
  auto words = perdure_words("durable");
  const Outcome ours = faulty(lab, words, {"--fault", "write-error@each+", "--noise", "log"});
  INFO(one_line(ours.output));
  CHECK(ours.exit_code == 0);
}

TEST_CASE("A fault that can't strike, or that is none, is refused with its reason") {
  NEEDS_LAB();
  const Lab lab;
  const auto fails = [&](const std::vector<std::string>& faults, const std::string& reason) {
    auto words = lab.run_words("good", "1");
    for (const std::string& fault : faults) words.insert(words.end(), {"--fault", fault});
    const Outcome outcome = lab(words);
    INFO(one_line(outcome.output));
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.output.find(reason) != std::string::npos);
  };
  fails({"write-error@5000"}, "did not strike: the workload asked for");
  fails({"slow@5"}, "a fault is one of");
  fails({"rot:no_such"}, "no_such");
  fails({"write-error@each", "flush-error@each"}, "only one");
  CHECK(lab.left_behind().empty());
}
