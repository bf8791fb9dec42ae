// SPDX-License-Identifier: BSL-1.0
// The laboratory's help: each option says its default, and each command shows how it is called.
#include <algorithm>
#include <functional>

#include <CLI/CLI.hpp>

#include "command_line.hpp"
#include "host/child.hpp"
#include "pages/command_tree.hpp"
#include "support/catch.hpp"

using crashlab::Outcome;

namespace {

/// Of the tree that the manual pages are made from: the program, and each command of it.
void for_each_command(const std::function<void(const tools::Command&)>& look) {
  CLI::App app;
  crashlab::Options options;
  crashlab::add_all(app, options);
  const tools::Command program = tools::command_tree(app);
  look(program);
  for (const tools::Command& command : program.commands) look(command);
}

bool says_default(const tools::OptionEntry& option) {
  return std::any_of(option.notes.begin(), option.notes.end(), [](const std::string& note) {
    return note == "required" || note.starts_with("default: ");
  });
}

Outcome crashlab_says(std::vector<std::string> words) {
  words.insert(words.begin(), CRASHLAB_PROGRAM);
  crashlab::Command command;
  command.arguments = std::move(words);
  return crashlab::run(command);
}

}  // namespace

TEST_CASE("each option of the laboratory that takes a value says its default") {
  int looked_at = 0;
  for_each_command([&looked_at](const tools::Command& command) {
    for (const tools::OptionEntry& option : command.options) {
      if (!option.value) continue;
      INFO(command.name(" ") << " " << option.names.back());
      CHECK(says_default(option));
      ++looked_at;
    }
  });
  CHECK(looked_at > 50);
}

TEST_CASE("each command of the laboratory has an example that begins with its name") {
  int looked_at = 0;
  for_each_command([&looked_at](const tools::Command& command) {
    INFO(command.name(" "));
    const auto examples = command.footer.find("Examples:\n");
    REQUIRE(examples != std::string::npos);
    CHECK(command.footer.find("\n  " + command.name(" "), examples) != std::string::npos);
    ++looked_at;
  });
  CHECK(looked_at == 10);
}

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
