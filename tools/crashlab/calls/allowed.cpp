// SPDX-License-Identifier: BSL-1.0
// Runs scripts in the simulator.
#include "calls/allowed.hpp"

#include <algorithm>
#include <sstream>

#include <perdure/testing/explore.hpp>

#include "calls/tree.hpp"
#include "host/posix.hpp"

namespace crashlab::calls {

namespace sim = perdure::testing;

Rules rules_named(const std::string& name) {
  if (name == "kill") return {&sim::presets::worst, Crash::kill};
  if (const sim::Preset* const preset = sim::find_preset(name)) {
    return {preset, Crash::power_cut};
  }
  std::string known = "kill";
  for (const sim::Preset* const preset : sim::all_presets()) {
    known += ", " + std::string(preset->name);
  }
  throw Failure("\"" + name + "\" is not a preset: " + known);
}

std::string rules_for(const std::string& fs, const std::string& mount_options) {
  std::string found(sim::presets::worst.name);
  for (const sim::Preset* const preset : sim::all_presets()) {
    if (preset->file_system != fs) continue;
    // A preset for the default options comes first; one for an option counts where it is there.
    std::istringstream words(mount_options);
    bool has_option = preset->mount_option.empty() || preset->mount_option == "data=ordered";
    for (std::string word; std::getline(words, word, ',');) {
      has_option = has_option || word == preset->mount_option;
    }
    if (has_option) found = preset->name;
  }
  return found;
}

Outcomes allowed(const Script& script, const Rules& rules) {
  Outcomes outcomes;
  sim::Workload workload;
  workload.name = script.name;
  workload.prepare = [](sim::Session& session) {
    for (const auto& [path, content] : prepared()) {
      if (path.ends_with('/')) {
        session.disk().make_directories(path);
      } else {
        session.disk().put(path, content);
      }
    }
  };
  workload.actors = {[&](sim::Session& session) {
    const auto note = [&] { session.acknowledge(session.attempt("note", std::nullopt)); };
    perdure::FileSystem& files = session.files();
    const perdure::OwnedHandle root(
        files, files.open_directory(perdure::Handle::working_directory, "/").value());
    note();
    script.run(files, root.get(), note);
  }};
  const auto look_at = [&](sim::Session& session) -> std::string {
    const auto notes = static_cast<std::size_t>(
        std::ranges::count(session.history(), sim::Event::Kind::acknowledged, &sim::Event::kind));
    if (notes == 0) return {};
    if (outcomes.size() < notes) outcomes.resize(notes);
    perdure::FileSystem& disk = session.disk();
    const perdure::OwnedHandle root(
        disk, disk.open_directory(perdure::Handle::working_directory, "/").value());
    outcomes[notes - 1].insert(look(disk, root.get()));
    return {};
  };
  sim::ExploreOptions options;
  options.preset = rules.preset;
  options.depth = 0;
  options.kills = rules.crash == Crash::kill;
  options.power_cuts = rules.crash == Crash::power_cut;
  options.threads = 1;
  options.tears_max = 100'000;  // each outcome must be there, and a script has few
  options.pairs_max = 100'000;
  options.progress = false;
  (void)sim::explore(workload, {sim::Oracle{"look", look_at}}, options);
  return outcomes;
}

}  // namespace crashlab::calls
