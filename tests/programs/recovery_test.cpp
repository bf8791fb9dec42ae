// SPDX-License-Identifier: BSL-1.0
// The program tells what a crash has left in a root.
#include "terminal/recovery.hpp"

#include <filesystem>

#include "program.hpp"
#include "support/catch.hpp"

using perdure::RecoveredPath;
using perdure::RecoveryReport;
using perdure::RecoveryStep;
using perdure::cli::ExitStatus;
using perdure::cli::RecoveryMode;
using perdure::cli::status_of_inspected;
using perdure::cli::to_json;
using perdure::cli::to_text;
using perdure::test::command;
using perdure::test::Contains;
using perdure::test::TempDirectory;

namespace {

RecoveryReport report_of(std::size_t done, std::size_t foreign) {
  RecoveryReport report;
  report.journal = true;
  report.id = "1234";
  for (std::size_t i = 0; i < done + foreign; ++i) {
    RecoveredPath path;
    path.path = "f" + std::to_string(i);
    path.action = "put";
    path.step = i < done ? RecoveryStep::redo : RecoveryStep::foreign;
    report.paths.push_back(path);
  }
  return report;
}

std::ptrdiff_t lines_of(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

// Five thousand lines scrolled away, and with them the two that mattered.
TEST_CASE("a report of many paths names those that somebody has to look at, and counts the rest") {
  const RecoveryReport report = report_of(5'000, 30);
  const std::string recovered = to_text("r", report, RecoveryMode::recovered);
  CHECK(lines_of(recovered) == 1 + 20 + 30 + 1);
  CHECK_THAT(recovered, Contains("transaction 1234, 5030 paths\n"));
  CHECK_THAT(recovered, Contains("  changed by others   f5029 (put)\n"));
  CHECK_THAT(recovered, Contains("  put in place        4980 more (--json names all)\n"));
  CHECK_THAT(to_text("r", report, RecoveryMode::inspected),
             Contains("  to be put in place  4980 more (--json names all)\n"));
  // It can't be asked again.
  CHECK(lines_of(to_text("r", report, RecoveryMode::abandoned)) == 1 + 5'030);
}

TEST_CASE("a report of few paths names all") {
  CHECK(to_text("r", report_of(1, 1), RecoveryMode::recovered) ==
        "r: transaction 1234, 2 paths\n"
        "  put in place        f0 (put)\n"
        "  changed by others   f1 (put)\n");
}

TEST_CASE("damage is told in UTF-8, whatever the path that it names") {
  RecoveryReport report;
  report.damage = "'a\xff' is missing";
  CHECK(to_json(report).at("damage").as_string() == "'a\xEF\xBF\xBD' is missing");
}

TEST_CASE("inspect ends with the status that recover would end with") {
  CHECK(status_of_inspected({}) == ExitStatus::success);
  CHECK(status_of_inspected(report_of(1, 1)) == ExitStatus::success);
  for (const auto step : {RecoveryStep::lost, RecoveryStep::unclear}) {
    RecoveryReport report = report_of(2, 0);
    report.paths[1].step = step;
    CHECK(status_of_inspected(report) == ExitStatus::recover);
  }
  const TempDirectory at;
  at.put("s", "1");
  std::filesystem::create_directory(at.file("r"));
  REQUIRE(command(at, {"apply", "r", "--put", "a=s"}).status == 0);
  CHECK(command(at, {"inspect", "r"}).status == 0);
  at.put("r/.perdure/j", "not one");
  for (const char* name : {"inspect", "recover"}) {
    CAPTURE(name);
    const auto damaged = command(at, {name, "r"});
    CHECK(damaged.status == 5);
    CHECK_THAT(damaged.out + damaged.err, Contains("it does not begin as a journal does"));
  }
  CHECK(at.get("r/.perdure/j") == "not one");
}
