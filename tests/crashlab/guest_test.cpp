// SPDX-License-Identifier: BSL-1.0
// The laboratory on another kernel: it finds and keeps what is broken there, shows it again, needs
// no root here, and leaves no guest behind.
#include "host/guest.hpp"

#include <csignal>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "host/child.hpp"
#include "host/posix.hpp"
#include "host/signs.hpp"
#include "lab.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"

using namespace crashlab;
using perdure::test::TempDirectory;

namespace {

const std::string scripts = CRASHLAB_SCRIPTS;

/// Says why no guest can run here; empty if one can.
std::string guest_obstacle() {
  static const std::string reason = [] {
    // Its first program lies there (scripts/guest). An emulator in an emulator takes days.
    if (::access("/run/guest/main", F_OK) == 0) return std::string("this is a guest itself");
    Command known =
        Command::shell(scripts + "/setup --list guest && " + scripts + "/guest --fetch 6.1");
    known.timeout_s = within(300);
    return run(known).good() ? std::string()
                             : "no guest: scripts/setup guest installs what it takes";
  }();
  return reason;
}

#define NEEDS_GUEST()                      \
  if (!guest_obstacle().empty()) {         \
    perdure::test::skip(guest_obstacle()); \
    return;                                \
  }

Outcome in_guest(std::vector<std::string> words, const std::string& state_dir) {
  Command command;
  words.insert(words.begin(), program);
  const auto end = std::find(words.begin(), words.end(), "--");
  words.insert(end, {"--guest", "6.1", "--state-dir", state_dir});
  command.arguments = std::move(words);
  command.timeout_s = within(280);
  return run(command);
}

/// The guests of this user that have `path` among their words.
std::string guests_of(const std::string& path) {
  return run(Command::shell("pgrep -af 'qemu-system.*" + path + "' | grep -v pgrep")).output;
}

}  // namespace

TEST_CASE("the words for a guest are the caller's without the guest's name") {
  using Words = std::vector<std::string>;
  CHECK(without_guest({"run", "--guest", "6.1", "--fs", "f2fs"}) == Words{"run", "--fs", "f2fs"});
  CHECK(without_guest({"run", "--guest=6.1"}) == Words{"run"});
  CHECK(without_guest({"run", "--guest"}) == Words{"run"});
  CHECK(without_guest({"mount", "x", "--", "see", "--guest", "y"}) ==
        Words{"mount", "x", "--", "see", "--guest", "y"});
}

TEST_CASE("signs of life and the order to stop pass through a directory") {
  const TempDirectory directory;
  SignsOfGuest here(directory.path().native());
  CHECK_FALSE(here.has_begun());
  Signs there(directory.path().native());
  CHECK_FALSE(there.is_stop_wanted());
  there.give("mkfs");
  CHECK(here.look() == "mkfs");
  CHECK(here.has_begun());
  here.stop();
  Signs later(directory.path().native());
  CHECK(later.is_stop_wanted());
  Signs nobody{std::string()};
  nobody.give("mkfs");
  CHECK_FALSE(nobody.is_stop_wanted());
}

TEST_CASE("what is broken is found on another kernel, kept here, and shown there again", "[P3]") {
  NEEDS_GUEST();
  const TempDirectory directory;
  const std::string state_dir = directory.file("state");
  const std::string report = directory.file("report");
  auto words = Lab().run_words("no_parent_sync");
  words.insert(words.end(), {"--violations-max", "1", "--json", report});
  const Outcome outcome = in_guest(words, state_dir);
  INFO(outcome.output);
  REQUIRE(outcome.exit_code == 1);
  const auto json = boost::json::parse(read_file(report));
  CHECK(json.at("kernel").as_string().starts_with("6.1."));
  const std::string id(json.at("kept").at(0).at("id").as_string());

  Command show;
  show.arguments = {program, "show", id, "--state-dir", state_dir};
  CHECK(run(show).output.find("on Linux 6.1.") != std::string::npos);
  const Outcome again =
      in_guest({"mount", id, "--", "sh", "-c", "uname -r; ls $CRASHLAB_MOUNT"}, state_dir);
  INFO(again.output);
  CHECK(again.exit_code == 0);
  CHECK(again.output.starts_with("6.1."));
  CHECK(guests_of(state_dir).empty());
}

// jfs sends no flush: what it acknowledges is in the disk's cache at best.
TEST_CASE("a user who is not root finds what a file system loses that this kernel lacks", "[P3]") {
  NEEDS_GUEST();
  if (!perdure::test::is_root()) return perdure::test::skip("needs root to be another user");
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
  // The kernel where that user can read it.
  const std::string kernels = directory.file("kernels");
  const Outcome copied =
      run(Command::shell("kernel=$(" + scripts + "/guest --fetch 6.1) && mkdir -m 755 " + kernels +
                         " && { cp -al \"$kernel\" " + kernels +
                         " 2>/dev/null || cp -a \"$kernel\" " + kernels + "; }"));
  INFO(copied.output);
  REQUIRE(copied.good());
  const std::string said = perdure::test::as_user(perdure::test::nobody, [&] {
    const std::string home = directory.file("home");
    ::mkdir(home.c_str(), 0700);
    ::setenv("PERDURE_KERNELS", kernels.c_str(), 1);
    auto words = Lab().run_words("good");
    words.insert(words.end(), {"--fs", "jfs", "--violations-max", "1"});
    const Outcome outcome = in_guest(words, home + "/state");
    return std::to_string(outcome.exit_code) + outcome.output;
  });
  INFO(said);
  CHECK(said.starts_with("1jfs"));
  CHECK(said.find(" 0 flushes,") != std::string::npos);
  CHECK(said.find("check: version 1 was acknowledged, and version 0 is there") !=
        std::string::npos);
}

TEST_CASE("whoever is killed, no guest is left, and Ctrl-C ends a run with its report") {
  NEEDS_GUEST();
  const TempDirectory directory;
  const std::string state_dir = directory.file("state");
  const int number = GENERATE(SIGKILL, SIGINT);
  Command command;
  command.arguments = Lab().run_words("good");
  command.arguments.insert(command.arguments.begin(), program);
  command.arguments.insert(command.arguments.end(),
                           {"--guest", "6.1", "--state-dir", state_dir, "--noise", "log", "--json",
                            directory.file("report")});
  perdure::test::Child child([&] {
    ::execv(program.c_str(), pointers(command.arguments).data());
    return std::string();
  });
  const auto begun = [&] {
    return run(Command::shell("grep -q states " + state_dir + "/run-*/signs/alive")).good();
  };
  for (int i = 0; i < 1200 && !begun(); ++i) ::usleep(100000);
  REQUIRE(begun());
  child.kill(number);
  const int status = child.wait();
  if (number == SIGINT) {
    CHECK(status == 2);
    CHECK(read_file(directory.file("report")).find("\"interrupted\"") != std::string::npos);
  }
  for (int i = 0; i < 300 && !guests_of(state_dir).empty(); ++i) ::usleep(100000);
  CHECK(guests_of(state_dir).empty());
}
