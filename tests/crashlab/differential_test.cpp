// SPDX-License-Identifier: BSL-1.0
// Each state that power cuts leave on a real file system must be possible under that file system's
// preset in the simulator: the same scripts run through both, and each outcome seen there must be
// one that is allowed here, after the same operation returned.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <boost/json.hpp>

#include "lab.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace crashlab;
using perdure::test::TempDirectory;

namespace {

/// One file system, as it is mounted for real.
struct System {
  std::string fs;
  std::string mount_options;
};

std::string obstacle(const System& system) {
  if (!crashlab::obstacle().empty()) return crashlab::obstacle();
  (void)run(Command::shell("modprobe -q " + system.fs));
  std::ifstream known("/proc/filesystems");
  const std::string names((std::istreambuf_iterator<char>(known)), {});
  const bool can_make = ::access(("/usr/sbin/mkfs." + system.fs).c_str(), X_OK) == 0;
  if (can_make && names.find("\t" + system.fs + "\n") != std::string::npos) return "";
  return "mkfs." + system.fs + " is not installed, or the kernel does not know it";
}

struct Report {
  Outcome outcome;
  boost::json::value json;

  std::size_t differences() const { return json.at("differences").as_array().size(); }
};

/// With the presets' names: a file system's own, or a control.
Report explored(const System& system, std::vector<std::string> words) {
  const TempDirectory directory;
  const std::string file = directory.file("report");
  Lab lab;
  words.insert(words.begin(), {"explore-calls", "--quiet", "--fs", system.fs, "--json", file});
  if (!system.mount_options.empty()) {
    words.insert(words.end(), {"--mount-options", system.mount_options});
  }
  Command command = lab.command(words);
  command.timeout_s = within(500);
  Report report{run(command), {}};
  INFO(report.outcome.story());
  REQUIRE_FALSE(report.outcome.timed_out);
  REQUIRE((report.outcome.exit_code == 0 || report.outcome.exit_code == 1));
  report.json = boost::json::parse(read_file(file));
  CHECK(lab.left_behind().empty());
  return report;
}

/// Compares, and makes sure that the comparison can object: to `other`, the preset of a file system
/// that promises more, and to a disk that loses nothing.
void compare(const System& system, const char* other) {
  if (const std::string reason = obstacle(system); !reason.empty()) {
    perdure::test::skip(reason);
    return;
  }
  const std::vector<std::string> orders{"--calls", "orders", "--noise", "none,log,commit,mixed"};
  const Report own = explored(system, orders);
  INFO(own.outcome.output);
  CHECK(own.differences() == 0);
  CHECK(own.json.at("refused").as_object().empty());
  for (const char* const control : {other, "kill"}) {
    if (control == nullptr) continue;
    auto words = orders;
    words.insert(words.end(), {"--preset", control});
    const Report objects = explored(system, words);
    INFO(control << ": " << objects.outcome.output);
    CHECK(objects.differences() > 0);
  }
}

Outcome explored_once(const Lab& lab, std::vector<std::string> words) {
  words.insert(words.begin(), "explore-calls");
  return lab(words);
}

}  // namespace

TEST_CASE("ext4 leaves of orders of calls what the simulator's ext4 may leave", "[P2]") {
  compare({"ext4", ""}, "ext4_journal");
}

TEST_CASE("ext4 with data=journal leaves of orders what its preset may leave", "[P2]") {
  compare({"ext4", "data=journal"}, nullptr);
}

TEST_CASE("xfs leaves of orders of calls what the simulator's xfs may leave", "[P2]") {
  compare({"xfs", ""}, "ext4_journal");
}

TEST_CASE("btrfs leaves of orders of calls what the simulator's btrfs may leave", "[P2]") {
  compare({"btrfs", ""}, "xfs");
}

TEST_CASE("ext4 leaves of single calls and their syncs what its preset may leave", "[P2]") {
  if (const std::string reason = obstacle({"ext4", ""}); !reason.empty()) {
    perdure::test::skip(reason);
    return;
  }
  const Report own = explored({"ext4", ""}, {"--scripts-max", "60", "--seed", "7"});
  INFO(own.outcome.output);
  CHECK(own.differences() == 0);
  CHECK(own.json.at("scripts").to_number<int>() == 60);
  CHECK(own.json.at("states").to_number<int>() > 600);
}

// The difference was found by all rows of one call: lib/testing/simulator/preset.cpp, of xfs.
TEST_CASE("xfs loses after syncfs(2) what was written over, and its preset says so", "[P2]") {
  if (const std::string reason = obstacle({"xfs", ""}); !reason.empty()) {
    perdure::test::skip(reason);
    return;
  }
  const std::string script = "overwrite file; sync everything";
  const std::vector<std::string> words{"--only", script, "--noise", "log,commit"};
  CHECK(explored({"xfs", ""}, words).differences() == 0);
}

TEST_CASE("a difference says how to see it again, and it is seen again", "[P3]") {
  NEEDS_LAB();
  Lab lab;
  const Outcome found =
      explored_once(lab, {"--quiet", "--preset", "kill", "--only", "put new; sync file", "--noise",
                          "none", "--keep", lab.kept});
  INFO(found.output);
  REQUIRE(found.exit_code == 1);
  CHECK(found.output.find("1 calls returned: file=o10000;left/;left/file=o10000;right/ is left, "
                          "which a kill does not allow") != std::string::npos);
  CHECK(found.output.find("crashlab explore-calls --fs ext4 --preset kill --noise none "
                          "--only 'put new; sync file'") != std::string::npos);
  const std::string mark = "crashlab mount ";
  const std::string id = found.output.substr(found.output.find(mark) + mark.size(), 8);
  const Outcome seen = lab(
      {"mount", id, "--keep", lab.kept, "--", "sh", "-c", "ls $CRASHLAB_MOUNT/0 | tr '\\n' ' '"});
  INFO(seen.output);
  CHECK(seen.output == "file left right ");
}

TEST_CASE("explore-calls ends with 2 for what it does not know, and leaves nothing behind") {
  NEEDS_LAB();
  Lab lab;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--only", "sink file"}, {"--preset", "ext5"}, {"--calls", "three"}}) {
    const Outcome outcome = explored_once(lab, words);
    INFO(outcome.output);
    CHECK(outcome.exit_code == 2);
  }
  // Each part has a laboratory of its own: a kill of what started them ends them, too.
  Command command = lab.command({"explore-calls", "--jobs", "2", "--calls", "two"});
  command.arguments.insert(command.arguments.begin(), {"timeout", "-s", "KILL", "4"});
  CHECK_FALSE(run(command).good());
  CHECK(lab.left_behind().empty());
}
