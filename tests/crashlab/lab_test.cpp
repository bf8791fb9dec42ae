// SPDX-License-Identifier: BSL-1.0
// The whole laboratory on a real ext4: it finds what is broken, passes what is good, keeps what it
// found, and leaves nothing behind, however it ends.
#include "lab.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

#include <boost/json.hpp>

using namespace crashlab;

namespace {

const std::string protocol = CRASHLAB_PROTOCOL;

pid_t child_of(pid_t parent) {
  for (int i = 0; i < 600; ++i) {
    std::ifstream children("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) +
                           "/children");
    pid_t child = 0;
    if (children >> child) return child;
    ::usleep(50000);
  }
  return -1;
}

/// Starts a long run and returns once this file is in its directory; the guard's pid.
pid_t start_long_run(Lab& lab, const std::string& awaited) {
  std::vector<std::string> words = lab.run_words("good", "30");
  words.insert(words.end(), {"--noise", "log"});
  const Command command = lab.command(words);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::execv(program.c_str(), pointers(command.arguments).data());
    ::_exit(127);
  }
  for (int i = 0; i < 600; ++i) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(lab.state_dir, error)) {
      if (!std::filesystem::exists(entry.path() / awaited)) continue;
      lab.names_seen = {entry.path().filename().string()};
      return pid;
    }
    ::usleep(50000);
  }
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code_of(status);
}

}  // namespace

TEST_CASE("The good protocol holds, and the report says what was done", "[P2][P3]") {
  NEEDS_LAB();
  const Lab lab;
  auto words = lab.run_words("good");
  const std::string report = "/tmp/crashlab-report-" + random_name();
  words.insert(words.end(), {"--json", report, "--fsck-every", "20"});
  const Outcome outcome = lab(words);
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 0);
  const auto json = boost::json::parse(read_file(report));
  std::filesystem::remove(report);
  CHECK(json.at("states").to_number<int>() > 20);
  CHECK(json.at("acknowledgements").to_number<int>() == 2);
  CHECK(json.at("fsck_runs").to_number<int>() > 0);
  CHECK(json.at("ended_by").as_string() == "completion");
  CHECK(json.at("violations").at("check").to_number<int>() == 0);
  CHECK(lab.left_behind().empty());
}

TEST_CASE("A missing parent sync is found, kept, told and mounted again", "[P2][P3]") {
  NEEDS_LAB();
  const Lab lab;
  auto words = lab.run_words("no_parent_sync");
  words.insert(words.end(), {"--violations-max", "1"});
  const Outcome outcome = lab(words);
  INFO(one_line(outcome.output));
  REQUIRE(outcome.exit_code == 1);
  CHECK(outcome.output.find("was acknowledged, and version") != std::string::npos);

  const Outcome list = lab({"show"});
  REQUIRE(list.output.size() == 9);
  const std::string id = list.output.substr(0, 8);
  const Outcome story = lab({"show", id});
  CHECK(story.output.find("acknowledged before the crash") != std::string::npos);
  CHECK(story.output.find("the checker said: version") != std::string::npos);

  const std::string acked = "/tmp/crashlab-acked-" + random_name();
  write_file(acked, "1\n");
  Command look = lab.command({"mount", id});
  look.arguments.insert(look.arguments.end(), {"--", protocol, "check"});
  look.environment["CRASHLAB_ACKED"] = acked;
  const Outcome again = run(look);
  std::filesystem::remove(acked);
  INFO(one_line(again.output));
  CHECK(again.exit_code == 1);
  CHECK(again.output.find("version 1 was acknowledged") != std::string::npos);
  CHECK(lab.left_behind().empty());
}

/// In how many runs, with the disk dying before each call in turn, an acknowledged version is gone.
int lost_over_dead_journals(const Lab& lab, const std::vector<std::string>& words) {
  int lost = 0;
  for (int call = 1;; ++call) {
    auto dying = words;
    dying.insert(dying.end(), {"--dies-at", std::to_string(call), "--states-max", "30"});
    const Outcome outcome = lab(dying);
    if (outcome.output.find("did not die") != std::string::npos) return lost;
    INFO(one_line(outcome.output));
    REQUIRE((outcome.exit_code == 0 || outcome.exit_code == 1));
    lost += outcome.exit_code;
  }
}

// The journal's failure is told to another program's sync; the next fsync returns success.
TEST_CASE("A journal that dies before our sync: plain calls lose a version, perdure none", "[P4]") {
  NEEDS_LAB();
  const Lab lab;
  CHECK(lost_over_dead_journals(lab, lab.run_words("good", "1")) > 0);
  const std::string commits = CRASHLAB_COMMITS;
  CHECK(lost_over_dead_journals(lab, {"run", "--setup", commits + " setup durable", "--workload",
                                      commits + " write durable 1", "--check-server",
                                      commits + " serve durable"}) == 0);
}

// Without noise this order looks perfect: nothing else makes ext4 commit the rename before the
// data.
TEST_CASE("A rename that comes before the sync is found with noise", "[P2]") {
  NEEDS_LAB();
  const Lab lab;
  auto words = lab.run_words("rename_before_sync", "8");
  words.insert(words.end(), {"--noise", "log", "--violations-max", "1"});
  const Outcome outcome = lab(words);
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 1);
  CHECK(lab.left_behind().empty());
}

// The ptrace stops follow whatever the workload starts, and pass over files that lie elsewhere.
TEST_CASE("Noise comes at the calls of all descendants, on this file system alone") {
  NEEDS_LAB();
  const Lab lab;
  const auto flushes = [&](const std::string& workload) {
    const std::string report = "/tmp/crashlab-report-" + random_name();
    const Outcome outcome = lab({"run", "--noise", "log", "--workload", workload, "--check", "true",
                                 "--states-max", "1", "--json", report});
    INFO(one_line(outcome.output));
    REQUIRE(outcome.exit_code == 0);
    const auto json = boost::json::parse(read_file(report));
    std::filesystem::remove(report);
    return json.at("flushes").to_number<int>();
  };
  const std::string once = "sh -c 'echo x > $CRASHLAB_MOUNT/x'";
  const int one = flushes(once);
  CHECK(one >= 2);  // an open that creates, and a write
  CHECK(flushes("(" + once + "; " + once + ") & wait") > one);
  CHECK(flushes(once + "; for i in 1 2 3 4 5 6 7 8; do echo x; done") <= one + 2);
}

TEST_CASE("Any program can be workload and checker") {
  NEEDS_LAB();
  const Lab lab;
  const std::string workload = "cd $CRASHLAB_MOUNT && echo one > a && sync . a && " + program +
                               " ack one && echo two > b && sync b . && " + program + " ack two";
  const std::string check =
      "for w in $(cat $CRASHLAB_ACKED); do grep -qx $w $CRASHLAB_MOUNT/* || exit 1; done";
  const Outcome outcome = lab({"run", "--workload", workload, "--check", check});
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.find("2 acknowledgements") != std::string::npos);
}

TEST_CASE("a run that can't find anything fails with its reason") {
  NEEDS_LAB();
  const Lab lab;
  const auto fails = [&](const std::vector<std::string>& words, const std::string& reason) {
    const Outcome outcome = lab(words);
    INFO(one_line(outcome.output));
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.output.find(reason) != std::string::npos);
  };
  fails({"run", "--workload", "exit 7", "--check", "true"}, "the workload failed: status 7");
  fails({"run", "--workload", "true", "--check", "true"}, "wrote nothing");
  const std::string writes = "echo x > $CRASHLAB_MOUNT/x && sync $CRASHLAB_MOUNT/x";
  fails({"run", "--workload", writes, "--check", "echo never; false"}, "without any crash");
  fails({"run", "--workload", writes, "--check", "/no/such/checker"}, "can't be run");
  fails({"run", "--workload", writes, "--check", "true", "--mount-options", "no_such"},
        "mount ext4");
  fails({"run", "--workload", writes}, "one of --check and --check-server");
  fails({"run", "--workload", "sleep 60", "--check", "true", "--workload-timeout", "1"},
        "didn't end in time");
  fails({"run", "--workload", writes, "--check-server", "while read l; do echo what; done"},
        "neither \"good\" nor \"bad\"");
  CHECK(lab.left_behind().empty());
}

TEST_CASE("A checker that dies or hangs makes a violation, not a hang") {
  NEEDS_LAB();
  const Lab lab;
  const std::string writes = "echo x > $CRASHLAB_MOUNT/x && sync $CRASHLAB_MOUNT/x";
  SECTION("the server dies at the second state") {
    const Outcome outcome =
        lab({"run", "--workload", writes, "--check-server", "read l; echo good; read l; exit 9"});
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.output.find("the check server ended: status 9") != std::string::npos);
  }
  SECTION("the command hangs in a crash state") {
    const std::string check = "ls $CRASHLAB_MOUNT | grep -q x || sleep 100";
    // Longer where it is known that everything takes longer: a check that works must end in time.
    const char* const seconds = std::getenv("PERDURE_TIMEOUT_FACTOR") == nullptr ? "2" : "30";
    const Outcome outcome = lab({"run", "--workload", writes, "--check", check, "--check-timeout",
                                 seconds, "--violations-max", "1"});
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.output.find("didn't end in time") != std::string::npos);
  }
  CHECK(lab.left_behind().empty());
}

// A process that serves a FUSE disk and is the last in the disk's mount namespace unmounts it while
// it dies, before its descriptors close, and waits for itself forever. Killing the guard did that.
TEST_CASE("Whatever part is killed, nothing is left mounted, attached or running") {
  NEEDS_LAB();
  Lab lab;
  enum class Victim { guard, work, disk, all };
  // Early, before mkfs, and late, while states are explored.
  const std::string awaited = GENERATE("mnt", "acked");
  for (const Victim victim : {Victim::guard, Victim::work, Victim::disk, Victim::all}) {
    const pid_t guard = start_long_run(lab, awaited);
    const pid_t work = child_of(guard);
    REQUIRE(work > 0);
    const pid_t disk = child_of(work);
    REQUIRE(disk > 0);
    INFO("victim " << static_cast<int>(victim));
    if (victim == Victim::guard || victim == Victim::all) ::kill(guard, SIGKILL);
    if (victim == Victim::work || victim == Victim::all) ::kill(work, SIGKILL);
    if (victim == Victim::disk || victim == Victim::all) ::kill(disk, SIGKILL);
    const int status = wait_for(guard);
    if (victim == Victim::work || victim == Victim::disk) CHECK(status == 2);
    CHECK(lab.left_behind().empty());
  }
}

TEST_CASE("Ctrl-C ends a run in order") {
  NEEDS_LAB();
  Lab lab;
  const pid_t guard = start_long_run(lab, "acked");
  ::kill(guard, SIGINT);
  CHECK(wait_for(guard) == 2);
  CHECK(lab.left_behind().empty());
}

TEST_CASE("A next start cleans up what a killed run left") {
  NEEDS_LAB();
  Lab lab;
  CHECK(lab({"show"}).exit_code == 0);
  std::filesystem::create_directories(lab.state_dir + "/run-dead/mnt");
  std::filesystem::permissions(lab.state_dir, std::filesystem::perms::owner_all);
  write_file(lab.state_dir + "/run-dead/lock", "");
  write_file(lab.state_dir + "/run-dead/acked", "");
  lab({"run", "--workload", "exit 1", "--check", "true"});
  CHECK(lab.left_behind().empty());
}

TEST_CASE("A state directory that others can write to is refused") {
  NEEDS_LAB();
  Lab lab;
  std::filesystem::create_directory(lab.state_dir);
  std::filesystem::permissions(lab.state_dir, std::filesystem::perms::all);
  const Outcome outcome = lab({"run", "--workload", "true", "--check", "true"});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.output.find("mode 0700") != std::string::npos);
}

TEST_CASE("A slow disk serves a file system and takes its time for a flush") {
  NEEDS_LAB();
  const Lab lab;
  const std::string script =
      "coproc " + program + " disk --size 64M --flush-latency 50000 --state-dir " + lab.state_dir +
      "\nread -r device <&${COPROC[0]}; pid=$COPROC_PID; dir=$(mktemp -d)"
      "\nmkfs.ext4 -q $device && mount $device $dir && "
      "dd if=/dev/zero of=$dir/x bs=4k count=4 oflag=sync && umount $dir; status=$?"
      "\nrmdir $dir; kill $pid; wait $pid || exit 1; exit $status";
  Command command;
  command.arguments = {"bash", "-c", script};
  const Outcome outcome = run(command);
  INFO(one_line(outcome.output));
  CHECK(outcome.exit_code == 0);
  CHECK(lab.left_behind().empty());
}
