// SPDX-License-Identifier: BSL-1.0
// Interrupted and killed writers. Nothing here waits by the clock: a pipe holds less than a test
// feeds into it, so that a feed that returned means that the program has made its temp and reads.
#include <csignal>

#include <boost/json/array.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

using perdure::test::bash;
using perdure::test::command;
using perdure::test::Pipe;
using perdure::test::Program;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;

namespace {

constexpr std::size_t more_than_a_pipe_holds = 2'000'000;

perdure::test::Start writer(const TempDirectory& at, const Pipe& pipe) {
  return perdure::test::in_surroundings({.arguments = {"perdure", "write", "f"},
                                         .input_descriptor = pipe.reader(),
                                         .directory = at.path().native()});
}

}  // namespace

TEST_CASE("a signal before the end of the input leaves the target unchanged and no temp",
          "[P1][P16]") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempDirectory at;
    at.put("f", "old");
    Pipe pipe;
    Program program(writer(at, pipe));
    pipe.feed(more_than_a_pipe_holds);
    CHECK(at.names().size() == 2);
    program.send(signal);
    const auto outcome = program.wait();
    CHECK(outcome.signal == signal);  // as a shell that runs it wants to know
    CHECK(at.get("f") == "old");
    CHECK(at.names() == Names{"f"});
  }
}

TEST_CASE("the end of the input does not outrun the signal that caused it", "[P1]") {
  // Ctrl-C ends the producer too: its half of the content must not be committed.
  const TempDirectory at;
  at.put("f", "old");
  Pipe pipe;
  Program program(writer(at, pipe));
  pipe.feed(more_than_a_pipe_holds);
  program.send(SIGSTOP);
  program.wait_stopped();
  pipe.close_writer();
  program.send(SIGINT);
  program.send(SIGCONT);
  CHECK(program.wait().signal == SIGINT);
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("a signal that comes with the very end of the input is not too late", "[P1]") {
  // After the last look for signals and before the commit: strace sends it when the end is read.
  const TempDirectory at;
  at.put("f", "old");
  at.put("source", "half of the content");
  if (!perdure::test::strace_works()) return;
  const auto outcome = perdure::test::traced(
      at, {"-P", at.file("source"), "-e", "inject=pread64:signal=SIGINT:when=1"},
      {"write", "f", "--from", at.file("source")});
  CHECK(outcome.signal == SIGINT);  // strace ends as the program ended
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f", "source"});
}

TEST_CASE("a signal that was ignored from the start stays ignored") {
  const TempDirectory at;
  at.put("f", "old");
  const auto done = bash(at,
                         "trap '' HUP; mkfifo p; perdure write f --from p & exec 3>p; printf "
                         "'%0200000d' 1 >&3; kill -HUP $!; exec 3>&-; wait $!");
  CHECK(done.status == 0);
  CHECK(at.get("f").size() == 200'000);
}

TEST_CASE("clean leaves the temp of a running writer alone, and removes it after a kill", "[P15]") {
  const TempDirectory at;
  at.put("f", "old");
  Pipe pipe;
  Program program(writer(at, pipe));
  pipe.feed(more_than_a_pipe_holds);
  const auto live = json_of(command(at, {"clean", "--json", "."}));
  CHECK(live.at("live").as_array().size() == 1);
  CHECK(live.at("removed").as_array().empty());
  program.send(SIGKILL);
  CHECK(program.wait().signal == SIGKILL);
  CHECK(at.get("f") == "old");
  CHECK(at.names().size() == 2);
  CHECK(json_of(command(at, {"clean", "--json", "."})).at("removed").as_array().size() == 1);
  CHECK(at.names() == Names{"f"});
}
