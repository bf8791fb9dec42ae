// SPDX-License-Identifier: BSL-1.0
// crashlab: power cuts on real file systems, for any program.
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "command_line.hpp"
#include "commands/disk.hpp"
#include "commands/elsewhere.hpp"
#include "commands/explore_calls.hpp"
#include "commands/faults.hpp"
#include "commands/judge.hpp"
#include "commands/mount.hpp"
#include "commands/run.hpp"
#include "common/help_command.hpp"
#include "common/usage_words.hpp"
#include "disk/acks.hpp"
#include "host/guard.hpp"
#include "host/posix.hpp"
#include "judging/violation.hpp"

namespace crashlab {
namespace {

constexpr int usage_status = 2;

int show(const KeptOptions& options) {
  if (!options.id.empty()) {
    std::fputs(story(load_violation(options.keep, options.id)).c_str(), stdout);
    return 0;
  }
  for (const std::string& id : kept_ids(options.keep)) std::printf("%s\n", id.c_str());
  return 0;
}

int print_help(const CLI::App& app, const std::vector<std::string>& words) {
  const tools::Help help = tools::help_of(app, words);
  std::fputs(help.fault.c_str(), stderr);
  std::fputs(help.text.c_str(), stdout);
  return help.fault.empty() ? 0 : usage_status;
}

int acknowledge(const std::string& text) {
  const char* socket_path = std::getenv("CRASHLAB_ACK");
  if (socket_path == nullptr)
    throw Failure("CRASHLAB_ACK isn't set: run this within a workload of `crashlab run`");
  send_ack(socket_path, text);
  return 0;
}

int dispatch(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  JudgeOptions& judge = options.judge;
  DiskOptions& disk = options.disk;
  KeptOptions& kept = options.kept;
  if (!options.signs.empty()) {
    give_signs_in(options.signs);
    for (RunOptions* emulated : {&run, &judge.run, &options.calls.run}) emulated->lengthen();
  }
  constexpr double no_stall = std::numeric_limits<double>::infinity();
  if (app.got_subcommand("help")) return print_help(app, options.help);
  if (app.got_subcommand("ack")) return acknowledge(options.ack);
  if (app.got_subcommand("run")) {
    run.complete();
    if (!run.guest.empty()) return run_elsewhere(run, options.words);
    return guarded(run.state_dir, Mounts::private_ones, run.stall_max_s,
                   [&](const Guarded& guard) { return faults_command(run, guard); });
  }
  if (app.got_subcommand("judge")) {
    judge.complete();
    if (!judge.run.guest.empty()) return run_elsewhere(judge.run, options.words);
    return guarded(judge.run.state_dir, Mounts::private_ones, judge.run.stall_max_s,
                   [&](const Guarded& guard) { return judge_command(judge, guard); });
  }
  if (app.got_subcommand("play-calls")) {
    return play_calls(options.calls.script_file, options.calls.prepare);
  }
  if (app.got_subcommand("explore-calls")) {
    options.calls.complete();
    if (options.calls.run.guest.empty()) return explore_calls(options.calls);
    return run_elsewhere(options.calls.run, options.words);
  }
  if (app.got_subcommand("disk")) {
    if (disk.state_dir.empty()) disk.state_dir = default_state_dir();
    return guarded(disk.state_dir, Mounts::private_ones, no_stall,
                   [&](const Guarded& guard) { return disk_command(disk, guard); });
  }
  if (app.got_subcommand("probe")) {
    if (!options.probe_guest.empty()) {
      return probe_elsewhere(options.probe_guest, options.words);
    }
    return guarded(default_state_dir(), Mounts::private_ones, no_stall, probe_command);
  }
  if (kept.state_dir.empty()) kept.state_dir = default_state_dir();
  if (kept.keep.empty()) kept.keep = default_keep(kept.state_dir);
  if (app.got_subcommand("show")) return show(kept);
  if (!kept.guest.empty()) return mount_elsewhere(kept, options.words);
  return guarded(kept.state_dir, Mounts::ours, no_stall,
                 [&](const Guarded& guard) { return mount_command(kept, guard); });
}

}  // namespace
}  // namespace crashlab

int main(int argc, char** argv) {
  try {
    (void)crashlab::own_program();      // before any name space is made
  } catch (const crashlab::Failure&) {  // NOLINT(bugprone-empty-catch): reported where it is needed
  }
  CLI::App app;
  crashlab::Options options;
  options.words.assign(argv + 1, argv + argc);
  crashlab::add_all(app, options);
  try {
    app.parse(argc, argv);
    return crashlab::dispatch(app, options);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help or --version
    const auto fault = perdure::cli::usage_fault(app, error, "crashlab", options.words);
    std::fprintf(stderr, "%s: %s; run `%s --help`\n", fault.command.c_str(), fault.words.c_str(),
                 fault.command.c_str());
    return crashlab::usage_status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crashlab: %s\n", error.what());
    return crashlab::usage_status;
  }
}
