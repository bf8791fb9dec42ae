// SPDX-License-Identifier: BSL-1.0
#include "program.hpp"

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <boost/json/parse.hpp>

#include "support/trace.hpp"

namespace perdure::test {

Start in_surroundings(Start start) {
  if (start.arguments.front() == "perdure") start.arguments.front() = PERDURE_PROGRAM;
  const std::string path = fs::path(PERDURE_PROGRAM).parent_path().native();
  start.environment = {"PATH=" + path + ":" + std::getenv("PATH"), "LC_ALL=C", "HOME=/nonexistent"};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"}) {
    if (const char* value = std::getenv(name)) {
      start.environment.push_back(std::string(name) + "=" + value);
    }
  }
  return start;
}

Outcome command(const TempDirectory& directory, std::vector<std::string> arguments,
                std::string input) {
  arguments.insert(arguments.begin(), "perdure");
  return run(in_surroundings({.arguments = std::move(arguments),
                              .input = std::move(input),
                              .directory = directory.path().native()}));
}

Outcome bash(const TempDirectory& directory, const std::string& script) {
  return run(in_surroundings(
      {.arguments = {"bash", "-c", script}, .directory = directory.path().native()}));
}

Outcome traced(const TempDirectory& directory, const std::vector<std::string>& strace_options,
               const std::vector<std::string>& arguments, std::string input) {
  std::vector<std::string> options = {"-o", "/dev/null"};
  options.insert(options.end(), strace_options.begin(), strace_options.end());
  std::vector<std::string> program = {PERDURE_PROGRAM};
  program.insert(program.end(), arguments.begin(), arguments.end());
  return run(in_surroundings({.arguments = traced(options, program),
                              .input = std::move(input),
                              .directory = directory.path().native()}));
}

boost::json::object json_of(const Outcome& outcome) {
  const std::string& out = outcome.out;
  if (out.empty() || out.back() != '\n' || out.find('\n') != out.size() - 1) {
    throw std::runtime_error("not one line: " + out);
  }
  return boost::json::parse(out.substr(0, out.size() - 1)).as_object();
}

std::string nature_of(const Outcome& outcome) {
  const boost::json::object told = json_of(outcome);
  std::string nature;
  for (const char* field : {"kind", "fate", "step"}) {
    nature += (nature.empty() ? "" : ", ") + std::string(told.at(field).as_string());
  }
  return nature;
}

}  // namespace perdure::test
