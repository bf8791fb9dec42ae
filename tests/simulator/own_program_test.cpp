// SPDX-License-Identifier: BSL-1.0
// The example of docs/crash-testing.md, compiled and run; the page is compared with this file.
#include <fstream>
#include <sstream>

#include "support/catch.hpp"

// [page
#include <perdure/atomic_writer.hpp>
#include <perdure/clean.hpp>
#include <perdure/testing/explore.hpp>
#include <perdure/testing/oracle.hpp>

namespace pt = perdure::testing;

// The program: keeps its settings in /app/settings.
perdure::Result<perdure::Receipt> save(perdure::System system, const std::string& text) {
  BOOST_OUTCOME_TRY(const auto writer, perdure::AtomicWriter::bind("/app", {}, system));
  return writer.commit("settings", text);
}

// How it is used: two saves, and what it does when it starts again.
pt::Workload settings_program() {
  pt::Workload program;
  program.name = "settings";
  program.prepare = [](pt::Session& session) { session.disk().make_directories("app"); };
  program.actors = {[](pt::Session& session) {
    for (const std::string text : {"volume = 3", "volume = 11"}) {
      (void)session.commit("app/settings", text, perdure::Durability::durable,
                           [&] { return save(session.system(), text); });
    }
  }};
  program.recover = [](pt::Session& session) {
    if (!perdure::clean("/app", {}, session.system())) session.wrong("can't clean up");
  };
  return program;
}

// The promise wherever the power goes: intact, not lost once save returned, nothing left over.
pt::Report crash_it(const pt::Preset& file_system) {
  pt::ExploreOptions options;
  options.preset = &file_system;
  return pt::explore(
      settings_program(),
      {pt::oracles::old_or_new(), pt::oracles::acknowledged(), pt::oracles::no_litter({"app/"})},
      options);
}
// page]

namespace perdure::test {

TEST_CASE("the program of the page survives every crash", "[P2]") {
  for (const pt::Preset* preset : pt::all_presets()) {
    const auto report = crash_it(*preset);
    INFO(preset->name);
    if (report.violation) FAIL_CHECK(report.violation->reproducer);
    CHECK(report.distinct > 10);
  }
}

TEST_CASE("the page shows this file, in fewer than 40 lines") {
  const auto read = [](const std::string& path) {
    std::ifstream file(std::string(PERDURE_SOURCE_DIR) + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const std::string source = read("/tests/simulator/own_program_test.cpp");
  const auto begin = source.find("// [page\n") + 9;
  const std::string shown = source.substr(begin, source.find("// page]") - begin);
  CHECK(read("/docs/crash-testing.md").find("```cpp\n" + shown + "```\n") != std::string::npos);
  CHECK(std::count(shown.begin(), shown.end(), '\n') < 45);
  std::istringstream lines(shown);
  std::size_t code = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !line.starts_with("//")) ++code;
  }
  CHECK(code < 40);
}

}  // namespace perdure::test
