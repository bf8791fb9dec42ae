// SPDX-License-Identifier: BSL-1.0
// The laboratory as its tests start it: a program with a state directory of its own.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "host/child.hpp"
#include "host/posix.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

namespace crashlab {

inline const std::string program = CRASHLAB_PROGRAM;

using perdure::test::within;

/// Says why the laboratory can't run here; empty when it can.
inline std::string obstacle() {
  static const std::string reason = [] {
    Command probe;
    probe.arguments = {program, "probe"};
    const Outcome outcome = run(probe);
    if (!outcome.good()) return outcome.output;
    return ::access("/usr/sbin/mkfs.ext4", X_OK) == 0 ? std::string()
                                                      : "mkfs.ext4 is not installed";
  }();
  return reason;
}

/// A state directory of its own, so that tests can look for what is left.
struct Lab {
  std::string state_dir = "/run/crashlab-test-" + random_name();
  std::string kept = state_dir + "/kept";

  Lab() = default;
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab() {
    std::error_code somebody_removes_it;  // a command that was ended cleans up behind itself
    std::filesystem::remove_all(state_dir, somebody_removes_it);
  }

  Command command(std::vector<std::string> words) const {
    words.insert(words.begin(), program);
    words.insert(words.end(), {"--state-dir", state_dir});
    Command command;
    command.arguments = std::move(words);
    command.timeout_s = within(250);
    return command;
  }
  Outcome operator()(const std::vector<std::string>& words) const { return run(command(words)); }

  std::vector<std::string> run_words(const std::string& name,
                                     const std::string& count = "2") const {
    return {"run",
            "--setup",
            CRASHLAB_PROTOCOL " setup",
            "--workload",
            CRASHLAB_PROTOCOL " write " + name + " " + count,
            "--check-server",
            CRASHLAB_PROTOCOL " serve"};
  }

  /// Run directories and loop devices that are there; dying namespaces take a moment.
  std::string left_behind() const {
    std::string left;
    for (int i = 0; i < 200; ++i) {
      left.clear();
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(state_dir, error)) {
        if (entry.path() != kept) left += entry.path().string() + " ";
      }
      for (const std::string& name : names_seen) {
        const Outcome loops = run(Command::shell("losetup --list --noheadings --output BACK-FILE"));
        if (loops.output.find(name) != std::string::npos) left += name + " ";
      }
      if (left.empty()) break;
      ::usleep(100000);
    }
    return left;
  }
  std::vector<std::string> names_seen;
};

inline std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace crashlab

#define NEEDS_LAB()                            \
  if (!crashlab::obstacle().empty()) {         \
    perdure::test::skip(crashlab::obstacle()); \
    return;                                    \
  }
