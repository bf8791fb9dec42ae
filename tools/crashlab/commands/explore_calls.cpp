// SPDX-License-Identifier: BSL-1.0
// Divides the scripts among processes, runs them, and reports the differences.
#include "commands/explore_calls.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

#include <boost/json.hpp>

#include "calls/comparison.hpp"
#include "calls/player.hpp"
#include "commands/run.hpp"
#include "common/json_text.hpp"
#include "host/guard.hpp"
#include "host/parts.hpp"

namespace crashlab {
namespace {

using calls::Comparison;
using calls::Difference;
using calls::Tally;

/// So many scripts share a disk, a mount and a recording.
constexpr std::size_t batch_size = 40;

using Names = std::vector<std::string>;

/// The scripts of a part: every n-th, so that parts take equally long.
Names scripts_of(const CallsOptions& options) {
  if (!options.only.empty()) return options.only;
  Names names;
  if (options.set == "orders") {
    for (const calls::Script& script : calls::orders()) names.push_back(script.name);
  } else {
    names = calls::sequences(options.set == "one" ? 1 : 2);
  }
  if (options.scripts_max == 0 || names.size() <= options.scripts_max) return names;
  std::uint64_t random = options.run.seed;
  for (std::size_t i = 0; i < options.scripts_max; ++i) {
    std::swap(names[i], names[i + next_random(random) % (names.size() - i)]);
  }
  names.resize(options.scripts_max);
  return names;
}

void record_and_explore(const CallsOptions& options, const Names& names, const std::string& noise,
                        Comparison& comparison, const Guarded& guard, int& status) {
  const std::string file = guard.run_dir().file("scripts");
  std::string lines;
  for (const std::string& name : names) lines += name + "\n";
  write_file(file, lines);
  RunOptions run = options.run;
  run.noise = noise;
  const std::string play = "'" + own_program() + "' play-calls '" + file + "'";
  run.setup = play + " --prepare";
  run.workload = play;
  run.states_max = options.states_max * names.size();
  run.complete();
  calls::Onlooker onlooker(comparison, names, noise);
  status = run_command(run, guard, &onlooker);
  clear(guard.run_dir());
  ::unlink(file.c_str());
}

Tally explore_part(const CallsOptions& options, const Names& names, const Guarded& guard) {
  Comparison comparison(calls::rules_named(options.preset));
  for (std::size_t at = 0; at < names.size(); at += batch_size) {
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(at);
    const Names batch(first,
                      first + static_cast<std::ptrdiff_t>(std::min(batch_size, names.size() - at)));
    for (const std::string& noise : options.noises) {
      int status = 0;
      record_and_explore(options, batch, noise, comparison, guard, status);
      if (status != 0) throw Failure("interrupted");
    }
  }
  return comparison.tally();
}

// --- A part's findings on their way to the process that reports them.

boost::json::object to_json(const Tally& tally) {
  boost::json::array differences;
  for (const Difference& found : tally.differences) {
    differences.push_back({{"script", found.script},
                           {"noise", found.noise},
                           {"words", found.words},
                           {"id", found.id}});
  }
  boost::json::object refused;
  for (const auto& [script, reason] : tally.refused) refused[script] = reason;
  return {{"scripts", tally.scripts},
          {"recordings", tally.recordings},
          {"states", tally.states},
          {"seconds_exploring", tally.seconds_exploring},
          {"outcomes_seen", tally.outcomes_seen},
          {"outcomes_allowed", tally.outcomes_allowed},
          {"refused", std::move(refused)},
          {"differences", std::move(differences)}};
}

Tally from_json(const boost::json::value& json) {
  const auto number = [&](const char* name) { return json.at(name).to_number<std::uint64_t>(); };
  Tally tally;
  tally.scripts = number("scripts");
  tally.recordings = number("recordings");
  tally.states = number("states");
  tally.seconds_exploring = json.at("seconds_exploring").to_number<double>();
  tally.outcomes_seen = number("outcomes_seen");
  tally.outcomes_allowed = number("outcomes_allowed");
  for (const auto& [script, reason] : json.at("refused").as_object()) {
    tally.refused[script] = reason.as_string().c_str();
  }
  for (const boost::json::value& found : json.at("differences").as_array()) {
    const auto text = [&](const char* name) { return std::string(found.at(name).as_string()); };
    tally.differences.push_back({text("script"), text("noise"), text("words"), text("id")});
  }
  return tally;
}

std::string again(const CallsOptions& options, const Difference& found) {
  std::string words = "crashlab explore-calls --fs " + options.run.fs;
  if (!options.run.mount_options.empty()) words += " --mount-options " + options.run.mount_options;
  if (!options.run.mkfs_options.empty())
    words += " --mkfs-options '" + options.run.mkfs_options + "'";
  return words + " --preset " + options.preset + " --noise " + found.noise + " --only '" +
         found.script + "'";
}

void print(const CallsOptions& options, const Tally& tally, double seconds) {
  std::printf(
      "%s%s%s on Linux %s, preset %s: %llu scripts in %llu recordings, %llu crash states, "
      "%.0f s\n",
      options.run.fs.c_str(), options.run.mount_options.empty() ? "" : " with ",
      options.run.mount_options.c_str(), kernel_release().c_str(), options.preset.c_str(),
      static_cast<unsigned long long>(tally.scripts),
      static_cast<unsigned long long>(tally.recordings),
      static_cast<unsigned long long>(tally.states), seconds);
  std::printf("%llu outcomes were seen, %llu are allowed\n",
              static_cast<unsigned long long>(tally.outcomes_seen),
              static_cast<unsigned long long>(tally.outcomes_allowed));
  for (const auto& [script, reason] : tally.refused) {
    std::printf("refused here: %s: %s\n", script.c_str(), reason.c_str());
  }
  if (tally.differences.empty()) std::printf("no difference\n");
  for (const Difference& found : tally.differences) {
    std::printf("%s\n  noise %s", found.words.c_str(), found.noise.c_str());
    if (!found.id.empty()) {
      std::printf("; crashlab mount %s; again: %s", found.id.c_str(),
                  again(options, found).c_str());
    }
    std::printf("\n");
  }
}

}  // namespace

int explore_calls(CallsOptions options) {
  if (options.preset.empty()) {
    options.preset = calls::rules_for(options.run.fs, options.run.mount_options);
  }
  (void)calls::rules_named(options.preset);
  const Names names = scripts_of(options);
  for (const std::string& name : names) (void)calls::script_named(name);
  const std::size_t part_count = std::min<std::size_t>(options.jobs, names.size());
  const auto start = Clock::now();
  const Parts parts = run_parts(part_count, [&](std::size_t part, const UniqueFd& out) {
    Names own;
    for (std::size_t i = part; i < names.size(); i += part_count) own.push_back(names[i]);
    CallsOptions mine = options;
    mine.run.quiet = mine.run.quiet || part > 0;
    return guarded(options.run.state_dir, Mounts::private_ones, options.run.stall_max_s,
                   [&](const Guarded& guard) {
                     const Tally tally = explore_part(mine, own, guard);
                     write_all(out.get(), perdure::cli::json_text(to_json(tally)), "report");
                     return 0;
                   });
  });
  if (parts.status != 0) return parts.status;
  Tally sum;
  for (const std::string& text : parts.reports) sum.add(from_json(boost::json::parse(text)));
  const double seconds = seconds_since(start);
  print(options, sum, seconds);
  if (!options.run.json.empty()) {
    boost::json::object report = to_json(sum);
    report["version"] = 1;
    report["kernel"] = kernel_release();
    report["fs"] = options.run.fs;
    report["mount_options"] = options.run.mount_options;
    report["mkfs_options"] = options.run.mkfs_options;
    report["preset"] = options.preset;
    report["set"] = options.set;
    report["noises"] = boost::json::value_from(options.noises);
    report["seed"] = options.run.seed;
    report["seconds"] = seconds;
    write_file(options.run.json, perdure::cli::json_text(report) + "\n");
  }
  return sum.differences.empty() ? 0 : 1;
}

int play_calls(const std::string& file, bool prepare) {
  const char* const mount = std::getenv("CRASHLAB_MOUNT");
  const char* const acks = std::getenv("CRASHLAB_ACK");
  if (mount == nullptr || (acks == nullptr && !prepare)) {
    throw Failure("only `crashlab explore-calls` starts this");
  }
  ::umask(022);
  Names names;
  std::string text = read_file(file);
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
       at = end + 1) {
    names.push_back(text.substr(at, end - at));
  }
  if (prepare) {
    calls::prepare_trees(mount, names.size());
  } else {
    calls::play(mount, acks, names);
  }
  return 0;
}

}  // namespace crashlab
