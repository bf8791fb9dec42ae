// SPDX-License-Identifier: BSL-1.0
// A wrong command line is status 2 and touches nothing; help is there for every subcommand.
#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::command;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;

namespace {

const std::vector<std::vector<std::string>> wrong = {
    {},
    {"frob"},
    {"--frob"},
    {"write"},
    {"write", "f", "g"},
    {"write", "--frob", "f"},
    {"write", "--durability", "most", "f"},
    {"write", "--durability", "f"},
    {"write", "--symlink", "maybe", "f"},
    {"write", "--mode", "9", "f"},
    {"write", "--mode", "10000", "f"},
    {"write", "--mode", "-1", "f"},
    {"write", "--mode", "u=rw", "f"},
    {"write", "--mode", "", "f"},
    {"write", "--fixed", "f"},
    {"write", "--owner", "no such user", "f"},
    {"write", "--owner", "-1", "f"},
    {"write", "--owner", "4294967295", "f"},
    {"write", "--owner", "", "f"},
    {"write", "--group", "no such group", "f"},
    {"write", "--group", "", "f"},
    {"write", "--expect", "yesterday", "f"},
    {"write", "--expect", "", "f"},
    {"write", "--keep", "--backup", "f"},
    {"write", "--backup=/elsewhere", "f"},
    {"write", "--verify", "--durability", "none", "f"},
    {"write", ""},
    {"write", "."},
    {"write", "--lock-timeout", "soon", "f"},
    {"write", "--lock-timeout", "-1", "f"},
    {"version"},
    {"version", "f"},
    {"version-of"},
    {"version-of", "f", "g"},
    {"remove"},
    {"remove", "--expect", "yesterday", "f"},
    {"help", "nothing"},
    {"help", "state", "nothing"},
    {"state", "unset", "s"},
    {"state", "set", "--expect", "-1", "s", "/a", "1"},
    {"probe"},
    {"bench"},
    {"bench", "--seconds", "-1", "."},
    {"bench", "--size", "big", "."},
    {"clean"},
    {"clean", "--frob", "."},
    {"backup", "."},
    {"apply", ".", "--from", ""},
    {"apply", ".", "--symlinks"},
    {"apply", ".", "--put-symlink", "a"},
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += "'" + word + "' ";
  return text;
}

}  // namespace

TEST_CASE("a wrong command line is status 2, a sentence on standard error, and touches nothing") {
  const TempDirectory at;
  at.put("f", "old");
  for (const auto& arguments : wrong) {
    INFO(joined(arguments));
    const auto refused = command(at, arguments, "new");
    CHECK(refused.status == 2);
    CHECK(refused.out.empty());
    CHECK_FALSE(refused.err.empty());
    CHECK(at.names() == Names{"f"});
    CHECK(at.get("f") == "old");
  }
}

TEST_CASE("with --json a wrong command line is an object too") {
  const TempDirectory at;
  for (auto arguments : wrong) {
    if (arguments.empty()) continue;
    arguments.insert(arguments.begin() + 1, "--json");
    INFO(joined(arguments));
    const auto refused = command(at, arguments, "new");
    CHECK(refused.status == 2);
    CHECK(json_of(refused).at("fate").as_string() == "unchanged");
    CHECK(json_of(refused).at("kind").as_string() == "invalid_argument");
    CHECK(at.names().empty());
  }
}

TEST_CASE("after -- a file may be called like an option") {
  const TempDirectory at;
  CHECK(command(at, {"write", "--", "--json"}, "1").status == 0);
  CHECK(at.get("--json") == "1");
}

TEST_CASE("help goes to standard output, with examples and the table of statuses") {
  const TempDirectory at;
  for (const std::vector<std::string>& name :
       {std::vector<std::string>{}, {"write"}, {"version-of"}, {"probe"}, {"bench"}, {"clean"}}) {
    auto arguments = name;
    arguments.emplace_back("--help");
    INFO(joined(arguments));
    const auto help = command(at, arguments);
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK_THAT(help.out, perdure::test::Contains("Examples:\n") &&
                             perdure::test::Contains("Exit status:\n  0 "));
  }
  // Nor does it speak as its parser does.
  for (const std::vector<std::string>& name : {std::vector<std::string>{},
                                               {"write"},
                                               {"remove"},
                                               {"version-of"},
                                               {"probe"},
                                               {"clean"},
                                               {"apply"},
                                               {"backup"},
                                               {"recover"},
                                               {"inspect"},
                                               {"bench"},
                                               {"help"},
                                               {"state"},
                                               {"state", "show"},
                                               {"state", "get"},
                                               {"state", "set"},
                                               {"state", "unset"},
                                               {"state", "verify"},
                                               {"state", "accept"},
                                               {"state", "history"},
                                               {"state", "restore"}}) {
    auto arguments = name;
    arguments.emplace_back("--help");
    INFO(joined(arguments));
    const std::string help = command(at, arguments).out;
    for (const char* jargon : {"REQUIRED", "Excludes", "Needs", "TEXT:", "UINT", "INT:", "FLOAT"}) {
      CHECK_THAT(help, !perdure::test::Contains(jargon));
    }
  }
  const std::string write = command(at, {"write", "--help"}).out;
  for (const char* option : {"--from PATH", "--durability none|ordered|durable", "--keep",
                             "--backup[=SUFFIX]", "--symlink follow|replace|refuse", "--mode OCTAL",
                             "--owner USER", "--group GROUP", "--keep-special", "--fixed",
                             "--expect VERSION", "--verify", "--parents", "--json", "--quiet"}) {
    CHECK_THAT(write, perdure::test::Contains(option));
  }
  for (const std::vector<std::string>& name :
       {std::vector<std::string>{}, {"write"}, {"state"}, {"state", "set"}}) {
    auto asked = name;
    asked.insert(asked.begin(), "help");
    auto option = name;
    option.emplace_back("--help");
    INFO(joined(asked));
    CHECK(command(at, asked).out == command(at, option).out);
    CHECK(command(at, asked).status == 0);
  }
  CHECK_THAT(command(at, {"version"}).err, perdure::test::Contains("version-of FILE"));
  CHECK_THAT(command(at, {"clean", "--help"}).out, perdure::test::Contains("--dry-run"));
  const auto version = command(at, {"--version"});
  CHECK(version.status == 0);
  CHECK_THAT(version.out, Catch::Matchers::StartsWith("perdure "));
}
