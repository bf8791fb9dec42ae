// SPDX-License-Identifier: BSL-1.0
// Each state that power cuts leave on a real file system must be possible under that file system's
// preset in the simulator: the same scripts run through both, and each outcome seen there must be
// one that is allowed here, after the same operation returned.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <unistd.h>

#include <perdure/testing/explore.hpp>

#include "host/child.hpp"
#include "host/posix.hpp"
#include "scripts.hpp"
#include "support/catch.hpp"

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// By script and how often it had called note(): "rename_sync 2".
using Outcomes = std::map<std::string, std::set<std::string>>;

std::string look(const SimulatedFileSystem& disk) {
  std::map<std::string, std::string> tree;
  for (const std::string& path : disk.paths()) {
    tree[path.substr(path.find_first_not_of('/'))] = disk.content(path).value_or("");
  }
  return scripts::describe(tree);
}

std::string key(std::string_view script, std::ptrdiff_t notes) {
  return std::string(script) + " " + std::to_string(notes);
}

enum class Crash { power_cut, kill };

/// All that the preset allows.
Outcomes simulated(const Preset& preset, Crash crash = Crash::power_cut) {
  Outcomes outcomes;
  for (const scripts::Script& script : scripts::all()) {
    Workload workload;
    workload.name = script.name;
    workload.prepare = [](Session& session) {
      for (const auto& [path, content] : scripts::prepared()) {
        if (path.ends_with('/')) {
          session.disk().make_directories(path);
        } else {
          session.disk().put(path, content);
        }
      }
    };
    workload.actors = {[&](Session& session) {
      const auto note = [&] { session.acknowledge(session.attempt("note", std::nullopt)); };
      perdure::FileSystem& files = session.files();
      const perdure::OwnedHandle root(
          files, files.open_directory(perdure::Handle::working_directory, "/").value());
      note();
      script.run(files, root.get(), note);
    }};
    const Oracle oracle{"look", [&](Session& session) -> std::string {
                          const auto notes = std::ranges::count(
                              session.history(), Event::Kind::acknowledged, &Event::kind);
                          if (notes > 0) {
                            outcomes[key(script.name, notes - 1)].insert(look(session.disk()));
                          }
                          return {};
                        }};
    ExploreOptions options;
    options.preset = &preset;
    options.depth = 0;
    options.kills = crash == Crash::kill;
    options.power_cuts = crash == Crash::power_cut;
    options.threads = 1;
    options.tears_max = 100'000;  // each outcome must be there, and a script has few
    options.pairs_max = 100'000;
    (void)explore(workload, {oracle}, options);
  }
  return outcomes;
}

/// One file system, as it is mounted for real.
struct System {
  std::string fs;
  std::string mount_options;
};

std::string obstacle(const System& system) {
  crashlab::Command probe;
  probe.arguments = {CRASHLAB_PROGRAM, "probe"};
  const crashlab::Outcome outcome = crashlab::run(probe);
  if (!outcome.good()) return outcome.output;
  (void)crashlab::run(crashlab::Command::shell("modprobe -q " + system.fs));
  std::ifstream known("/proc/filesystems");
  const std::string names((std::istreambuf_iterator<char>(known)), {});
  const bool can_make = ::access(("/usr/sbin/mkfs." + system.fs).c_str(), X_OK) == 0;
  if (can_make && names.find("\t" + system.fs + "\n") != std::string::npos) return "";
  return "mkfs." + system.fs + " is not installed, or the kernel does not know it";
}

crashlab::Command laboratory(const System& system, const std::string& noise,
                             const std::string& directory) {
  const std::string scripted = CRASHLAB_SCRIPTED;
  const char* wanted = std::getenv("CRASHLAB_DIFFERENTIAL_STATES");  // for a longer look
  crashlab::Command command;
  command.timeout_s = wanted == nullptr ? 500 : 5000;
  command.arguments = {CRASHLAB_PROGRAM,
                       "run",
                       "--quiet",
                       "--fs",
                       system.fs,
                       "--noise",
                       noise,
                       "--sector",  // the simulator tears what is overwritten block by block
                       "4096",
                       "--states-max",
                       wanted == nullptr ? "250" : wanted,
                       "--keep",
                       directory + "/kept",
                       "--setup",
                       scripted + " setup",
                       "--workload",
                       scripted + " write",
                       "--check-server",
                       scripted + " serve " + directory + "/outcomes-" + noise};
  if (wanted == nullptr) {  // a busy machine sees less, and doesn't fail for it
    command.arguments.insert(command.arguments.end(), {"--time-max", "60"});
  }
  if (!system.mount_options.empty()) {
    command.arguments.insert(command.arguments.end(), {"--mount-options", system.mount_options});
  }
  return command;
}

struct Observed {
  Outcomes outcomes;
  bool hurried = false;  ///< The time ended a run before its states did.
};

/// The findings of the laboratory, quiet and with each noise. The runs go on at the same time: they
/// mostly wait.
Observed observed(const System& system) {
  const std::string directory = "/tmp/crashlab-differential-" + crashlab::random_name();
  std::filesystem::create_directory(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  const std::vector<std::string> noises = {"none", "log", "commit", "mixed"};
  std::vector<std::future<crashlab::Outcome>> runs;
  runs.reserve(noises.size());
  for (const std::string& noise : noises) {
    runs.push_back(std::async(std::launch::async, [&, noise] {
      return crashlab::run(laboratory(system, noise, directory));
    }));
  }
  Observed all;
  for (std::size_t i = 0; i < noises.size(); ++i) {
    const crashlab::Outcome outcome = runs[i].get();
    INFO(noises[i] << ": " << outcome.story());
    CHECK(outcome.good());
    all.hurried = all.hurried || outcome.output.find("ended by time-max") != std::string::npos;
    std::ifstream lines(directory + "/outcomes-" + noises[i]);
    for (std::string script, notes, words; lines >> script >> notes >> words;) {
      all.outcomes[script + " " + notes].insert(words);
    }
  }
  std::filesystem::remove_all(directory);
  return all;
}

/// One line for each outcome that was seen and isn't allowed.
std::string excess(const Outcomes& seen, const Outcomes& allowed) {
  std::string lines;
  for (const auto& [place, outcomes] : seen) {
    const auto found = allowed.find(place);
    for (const std::string& words : outcomes) {
      if (found != allowed.end() && found->second.contains(words)) continue;
      lines += place + ": " + words + "\n";
    }
  }
  return lines;
}

/// Compares, and makes sure that the comparison can object: to `other`, the preset of a file system
/// that promises more, or to a disk that loses nothing.
void compare(const System& system, const Preset& preset, const Preset* other) {
  if (const std::string reason = obstacle(system); !reason.empty()) {
    perdure::test::skip(reason);
    return;
  }
  const auto [seen, hurried] = observed(system);
  CHECK(excess(seen, simulated(preset)) == "");
  // Few states show little, on a machine that is busy: then nothing can be said of the comparison.
  if (hurried) {
    std::printf("no control: the machine was too busy for all states\n");
    return;
  }
  CHECK_FALSE(excess(seen, simulated(preset, Crash::kill)).empty());
  if (other != nullptr) CHECK_FALSE(excess(seen, simulated(*other)).empty());
}

}  // namespace

TEST_CASE("What ext4 leaves, the simulator's ext4 may leave", "[P2]") {
  compare({"ext4", ""}, presets::ext4, &presets::ext4_journal);
}

TEST_CASE("What ext4 with data=journal leaves, its preset may leave", "[P2]") {
  compare({"ext4", "data=journal"}, presets::ext4_journal, nullptr);
}

TEST_CASE("What xfs leaves, the simulator's xfs may leave", "[P2]") {
  compare({"xfs", ""}, presets::xfs, &presets::ext4_journal);
}

TEST_CASE("What btrfs leaves, the simulator's btrfs may leave", "[P2]") {
  compare({"btrfs", ""}, presets::btrfs, &presets::xfs);
}
