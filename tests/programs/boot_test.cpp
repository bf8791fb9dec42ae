// SPDX-License-Identifier: BSL-1.0
// The example unit that recovers roots at boot: its command is one that perdure knows.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::command;
using perdure::test::TempDirectory;
using Words = std::vector<std::string>;

namespace {

const std::string unit_path =
    std::string(PERDURE_SOURCE_DIR) + "/examples/systemd/perdure-recover@.service";

/// The words of the unit's ExecStart, specifiers as they stand.
Words command_of(const std::string& unit) {
  std::istringstream lines(unit);
  Words words;
  for (std::string line; std::getline(lines, line);) {
    const std::string key = "ExecStart=";
    if (line.rfind(key, 0) != 0) continue;
    std::istringstream rest(line.substr(key.size()));
    for (std::string word; rest >> word;) words.push_back(word);
  }
  return words;
}

}  // namespace

TEST_CASE("the example unit recovers a root, by options that recover has") {
  const Words words = command_of(perdure::test::slurp(unit_path));
  REQUIRE(words.size() >= 3);
  CHECK(words[0] == "/usr/bin/perdure");
  CHECK(words[1] == "recover");
  const TempDirectory at;
  const std::string help = command(at, {"recover", "--help"}).out;
  for (const std::string& word : words) {
    if (word.rfind("--", 0) != 0 || word == "--") continue;
    CHECK_THAT(help, perdure::test::Contains(word));
  }
  std::filesystem::create_directory(at.file("root with a space"));
  REQUIRE(command(at, {"apply", "root with a space", "--put", "f=-"}, "new").status == 0);
  Words arguments(words.begin() + 1, words.end());
  CHECK(std::count(arguments.begin(), arguments.end(), "%f") == 1);
  std::replace(arguments.begin(), arguments.end(), std::string("%f"), at.file("root with a space"));
  const auto recovered = command(at, arguments);
  CHECK(recovered.status == 0);
  CHECK(recovered.said().empty());
}

TEST_CASE("systemd finds nothing wrong with the example unit") {
  if (perdure::test::run({"systemd-analyze", "--version"}).status != 0) {
    return perdure::test::skip("systemd-analyze is not installed");
  }
  const TempDirectory at;
  std::string unit = perdure::test::slurp(unit_path);
  const std::string installed = "/usr/bin/perdure";
  unit.replace(unit.find(installed), installed.size(), PERDURE_PROGRAM);
  at.put("perdure-recover@.service", unit);
  const auto verified = perdure::test::run(
      {"systemd-analyze", "verify", at.file("perdure-recover@var-lib-app.service")});
  CHECK(verified.status == 0);
  CHECK(verified.said().empty());
}
