// SPDX-License-Identifier: BSL-1.0
// The laboratory's help.
#include <string>
#include <vector>

#include "host/child.hpp"
#include "support/catch.hpp"

using crashlab::Outcome;

namespace {

Outcome crashlab_says(std::vector<std::string> words) {
  words.insert(words.begin(), CRASHLAB_PROGRAM);
  crashlab::Command command;
  command.arguments = std::move(words);
  return crashlab::run(command);
}

}  // namespace

TEST_CASE("help of a command prints what its --help does, without its parser's jargon") {
  for (const char* name :
       {"run", "judge", "explore-calls", "disk", "show", "mount", "ack", "probe", "help"}) {
    const Outcome option = crashlab_says({name, "--help"});
    INFO(option.output);
    CHECK(option.exit_code == 0);
    const Outcome help = crashlab_says({"help", name});
    CHECK(help.exit_code == 0);
    CHECK(help.output == option.output);
    for (const char* jargon : {"REQUIRED", "TEXT:", "UINT", "INT:", "FLOAT", "{"}) {
      CHECK(help.output.find(jargon) == std::string::npos);
    }
  }
  CHECK(crashlab_says({"help"}).output == crashlab_says({"--help"}).output);
  CHECK(crashlab_says({"--version"}).output.starts_with("crashlab "));
  CHECK(crashlab_says({"run", "--help"}).output.find("(default: ext4)") != std::string::npos);
}

TEST_CASE("help refuses a word that names no command, with status 2") {
  for (const char* name : {"nothing", "play-calls"}) {  // nobody is told of the second
    const Outcome help = crashlab_says({"help", name});
    CHECK(help.exit_code == 2);
    CHECK(help.output == "crashlab help: '" + std::string(name) +
                             "' is not a subcommand of 'crashlab'; run `crashlab --help`\n");
  }
}
