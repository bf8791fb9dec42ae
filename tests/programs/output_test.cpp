// SPDX-License-Identifier: BSL-1.0
// Exit statuses, and reports that nobody can or wants to read.
#include "terminal/output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "common/json_text.hpp"
#include "program.hpp"
#include "support/catch.hpp"

using perdure::Error;
using perdure::ErrorKind;
using perdure::Fate;
using perdure::cli::exit_status;
using perdure::cli::ExitStatus;
using perdure::test::bash;
using perdure::test::command;
using perdure::test::Pipe;
using perdure::test::TempDirectory;

TEST_CASE("the exit status follows from fate and kind", "[P19]") {
  const auto status = [](ErrorKind kind, Fate fate) {
    Error error;
    error.kind = kind;
    error.fate = fate;
    return exit_status(error);
  };
  CHECK(status(ErrorKind::system, Fate::unchanged) == ExitStatus::failed);
  CHECK(status(ErrorKind::verify, Fate::unchanged) == ExitStatus::failed);
  CHECK(status(ErrorKind::lock_timeout, Fate::unchanged) == ExitStatus::failed);
  CHECK(status(ErrorKind::invalid_argument, Fate::unchanged) == ExitStatus::usage);
  for (const auto kind : {ErrorKind::exists, ErrorKind::conflict, ErrorKind::symlink_refused}) {
    CHECK(status(kind, Fate::unchanged) == ExitStatus::refused);
    CHECK(status(kind, Fate::unknown) == ExitStatus::not_durable);
  }
  CHECK(status(ErrorKind::system, Fate::visible) == ExitStatus::not_durable);
  CHECK(status(ErrorKind::system, Fate::unknown) == ExitStatus::not_durable);
  CHECK(status(ErrorKind::system, Fate::committed) == ExitStatus::recover);
  CHECK(status(ErrorKind::system, Fate::durable) == ExitStatus::failed_after);
  CHECK(status(ErrorKind::invalid_argument, Fate::durable) == ExitStatus::failed_after);
}

TEST_CASE("what is printed is valid UTF-8 and commands no terminal", "[P17]") {
  using perdure::cli::printable;
  CHECK(printable("plain") == "plain");
  CHECK(printable("sch\xc3\xb6n") == "sch\xc3\xb6n");
  CHECK(printable("a\033[2Jb\nc\x7f") == "a?[2Jb?c?");
  CHECK(printable("a\xc2\x9b"
                  "2J") == "a?2J");
  CHECK(printable("\xff\xfe") == "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("sizes for people") {
  using perdure::cli::human_size;
  CHECK(human_size(0) == "0 bytes");
  CHECK(human_size(1) == "1 byte");
  CHECK(human_size(4096) == "4096 bytes");
  CHECK(human_size(10'240) == "10.0 KiB");
  CHECK(human_size(std::uint64_t{64} << 20U) == "64.0 MiB");
  CHECK(human_size(std::uint64_t{3} << 29U) == "1.5 GiB");
}

TEST_CASE("a commit whose report can't be written is committed, and a word says so") {
  const TempDirectory at;
  const auto full = bash(at, "echo 1 | perdure write --json f >/dev/full");
  CHECK(full.status == 0);
  CHECK(full.err == "perdure: the report could not be written to standard output\n");
  CHECK(at.get("f") == "1\n");
}

TEST_CASE("a reader of the report that went away does not kill the commit") {
  const TempDirectory at;
  at.put("f", "old");
  // The reader is gone before the writer starts to read: it opens the pipe and closes it.
  const auto gone = bash(at,
                         "mkfifo p; : <p & exec 3>p; wait; echo 1 | perdure write f >&3; "
                         "exit $?");
  CHECK(gone.status == 0);
  CHECK(gone.err == "perdure: the report could not be written to standard output\n");
  CHECK(at.get("f") == "1\n");
}

TEST_CASE("a failure keeps its status when the report can't be written") {
  const TempDirectory at;
  at.put("f", "old");
  CHECK(bash(at, "echo 1 | perdure write --keep --json f >/dev/full").status == 4);
}

TEST_CASE("a result that can't be written is a failure: it was all there was to do") {
  const TempDirectory at;
  CHECK(bash(at, "perdure version-of f >/dev/full").status == 1);
  CHECK(bash(at, "perdure probe . >/dev/full").status == 1);
  CHECK(bash(at, "perdure --help >/dev/full").status == 1);
  CHECK(bash(at, "perdure inspect . >/dev/full").status == 1);
  CHECK(bash(at, "perdure clean --dry-run --json . >/dev/full").status == 1);
}

// It said that the target is unchanged.
TEST_CASE("a recovery or a cleaning whose report can't be written is done, and a word says so") {
  const TempDirectory at;
  REQUIRE(
      bash(at, "echo 1 >s && mkdir r && perdure apply r --put a=s && rm -r r/.perdure").status ==
      0);
  for (const char* call :
       {"recover r", "recover --json r", "recover --abandon r", "clean --json r"}) {
    CAPTURE(call);
    const auto full = bash(at, "perdure " + std::string(call) + " >/dev/full");
    CHECK(full.status == 0);
    CHECK(full.err == "perdure: the report could not be written to standard output\n");
  }
  CHECK(bash(at, "test -d r/.perdure").status == 0);
}

TEST_CASE("the report never ends up in the file, though standard output is closed") {
  const TempDirectory at;
  const auto closed = bash(at, "echo 1 | perdure write --json f >&-");
  CHECK(closed.status == 0);
  CHECK(at.get("f") == "1\n");
  CHECK(bash(at, "echo 1 | perdure write --keep f >&- 2>&-").status == 4);
  CHECK(at.get("f") == "1\n");
}

TEST_CASE("numbers in JSON are as people write them, and read back as they were") {
  const boost::json::value value{
      {"quarter", 0.25}, {"whole", 1200.0},
      {"small", 2.5e-9}, {"third", 1 / 3.},
      {"minus", -0.5},   {"large", 1e30},
      {"count", 7},      {"rest", {true, nullptr, "a\n", boost::json::array()}}};
  CHECK(perdure::cli::json_text(value) ==
        R"({"quarter":0.25,"whole":1200,"small":2.5e-09,"third":0.3333333333333333,"minus":-0.5,)"
        R"("large":1e+30,"count":7,"rest":[true,null,"a\n",[]]})");
  for (const double number : {0.1, 1e-7, 123456.789, 5e-324, 1.7976931348623157e308}) {
    const auto read = boost::json::parse(perdure::cli::json_text(number));
    CHECK(read.to_number<double>() == number);
  }
}
