// SPDX-License-Identifier: BSL-1.0
// Defines the options of the laboratory.
#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include <perdure/version.hpp>

#include "common/help_command.hpp"
#include "common/help_formatter.hpp"
#include "common/usage_words.hpp"

namespace crashlab {
namespace {

/// If an option is given twice, the last one counts. A laboratory in a guest gets the caller's
/// words, and words of the laboratory that started it.
void last(CLI::Option* option) {
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_guest(CLI::App& command, std::string& guest, std::string& signs) {
  command
      .add_option("--guest", guest,
                  "Do it on this kernel, in an emulator: 6.1, 6.12, or the\n"
                  "file of a Debian package of a kernel")
      ->type_name("KERNEL")
      ->default_str("host, this machine's")
      ->transform([](const std::string& name) { return name == "host" ? std::string() : name; });
  command.add_option("--signs", signs)->group("");
}

void add_state_dir(CLI::App& command, std::string& state_dir) {
  last(command
           .add_option("--state-dir", state_dir,
                       "Where runs keep mount points and sockets;\n"
                       "CRASHLAB_STATE_DIR names another default")
           ->type_name("DIR")
           ->default_str("/run/crashlab, or in $XDG_RUNTIME_DIR"));
}

void add_keep(CLI::App& command, std::string& keep, const char* words) {
  last(command.add_option("--keep", keep, words)
           ->type_name("DIR")
           ->default_str("kept, in the state directory"));
}

void add_size(CLI::App& command, std::uint64_t& size, const char* by_default) {
  command.add_option("--size", size, "Of the disk: bytes, or 1GiB")
      ->transform(perdure::cli::size_in_bytes())
      ->type_name("SIZE")
      ->default_str(by_default);
}

template <class Number>
CLI::Option* add_latency(CLI::App& command, const char* name, Number& latency_us,
                         const char* words) {
  return command.add_option(name, latency_us, words)
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{60'000'000}))
      ->type_name("US")
      ->default_str("0 us");
}

/// Scripts are the laboratory's own, and have limits of their own.
enum class Explored : std::uint8_t { workload, scripts };

/// How slow the disk is, and how it fails; defaults are those of `run`.
void add_disk_options(CLI::App& run, RunOptions& options) {
  add_size(run, options.size, "what the file system needs");
  add_latency(run, "--write-latency", options.write_latency_us,
              "From a write to its answer, microseconds")
      ->default_str("0 us; with noise 200");
  add_latency(run, "--flush-latency", options.flush_latency_us,
              "From a flush to its answer, microseconds");
  run.add_option("--sector", options.sector_size, "What the disk never tears, 512 or 4096 bytes")
      ->default_str("512; btrfs: 4096");
  run.add_flag("--ignore-flushes", options.ignore_flushes,
               "A disk that answers flushes and does nothing");
}

/// The options of a recording and its exploration, for a checker and a witness alike.
void add_exploring(CLI::App* run, RunOptions& options, std::string& signs, Explored explored) {
  run->add_option("--fs", options.fs, "The file system")
      ->check(perdure::cli::one_of(fs_names()))
      ->type_name(perdure::cli::alternatives(fs_names()));
  run->add_option("--layer", options.layer, "What lies upon it")
      ->check(perdure::cli::one_of(layer_names()))
      ->type_name(perdure::cli::alternatives(layer_names()));
  add_guest(*run, options.guest, signs);
  run->add_option("--mount-options", options.mount_options, "As mount -o takes them")
      ->type_name("OPTIONS")
      ->default_str("none");
  run->add_option("--mkfs-options", options.mkfs_options, "Words for mkfs")
      ->type_name("WORDS")
      ->default_str("none");
  add_disk_options(*run, options);
  run->add_option("--seed", options.seed, "Of all that is drawn");
  if (explored == Explored::workload) {
    run->add_option("--states-max", options.states_max, "Explore at most so many states");
    run->add_option("--setup", options.setup, "Shell command before recording starts")
        ->type_name("SHELL")
        ->default_str("none");
    run->add_option("--check-timeout", options.check_timeout_s, "Seconds for each state");
  }
  run->add_option("--time-max", options.time_max_s, "Explore for at most so many seconds")
      ->default_str("no limit");
  run->add_option("--workload-timeout", options.workload_timeout_s, "Seconds");
  run->add_option("--stall-max", options.stall_max_s,
                  "End everything after so many seconds without progress");
  add_keep(*run, options.keep, "Where to keep states that show something");
  run->add_option("--keep-max", options.keep_max, "Keep at most so many");
  add_state_dir(*run, options.state_dir);
  last(run->add_option("--json", options.json, "Write a report to this file")
           ->type_name("FILE")
           ->default_str("none is written"));
  run->add_flag("--quiet", options.quiet, "No progress line");
}

void add_noises(CLI::App* command, std::vector<std::string>& noises) {
  command->add_option("--noise", noises, "Unrelated journal commits: a recording for each of these")
      ->delimiter(',')
      ->check(perdure::cli::one_of({"none", "log", "commit", "mixed"}))
      ->type_name("none|log|commit|mixed")
      ->default_str("none,log; btrfs: none,log,commit");
}

void add_run(CLI::App& app, RunOptions& options, std::string& signs) {
  CLI::App* run = app.add_subcommand("run", "Record a workload and explore what power cuts leave");
  add_exploring(run, options, signs, Explored::workload);
  run->add_option("--violations-max", options.violations_max, "Stop after so many violations")
      ->default_str("no limit");
  run->add_option("--noise", options.noise,
                  "Unrelated journal commits at each file-changing call of\n"
                  "the workload")
      ->check(perdure::cli::one_of({"none", "log", "commit", "mixed"}))
      ->type_name("none|log|commit|mixed");
  run->add_option("--dies-at", options.dies_at,
                  "Before this file-changing call of the workload the disk\n"
                  "begins to answer every write with EIO, and another\n"
                  "program's sync is the one that is told")
      ->default_str("never");
  run->add_option("--fault", options.faults,
                  "The disk fails while the workload runs; see below. Can be\n"
                  "given several times")
      ->type_name("FAULT")
      ->default_str("none")
      ->allow_extra_args(false)
      ->take_all();
  run->footer("FAULT is one of\n" + std::string(fault_help) +
              "The workload may end with an error then; what it acknowledged has to be there.\n"
              "\n"
              "Examples:\n"
              "  crashlab run --workload \"$PWD/save.sh\" --check \"$PWD/check.sh\"\n"
              "  crashlab run --fs xfs --noise log --states-max 500 --workload ... --check ...\n"
              "  crashlab run --fault write-error@each --workload ... --check ...\n"
              "  crashlab show; crashlab mount ID      a violation's story, and its disk");
  run->add_option("--fsck-every", options.fsck_every, "fsck every so many states; 0: never");
  run->add_option("--workload", options.workload, "Shell command to record")
      ->type_name("SHELL")
      ->required();
  run->add_option("--check", options.check,
                  "Shell command that judges one state: 0 is good. This or\n"
                  "--check-server has to be there")
      ->type_name("SHELL")
      ->default_str("none");
  run->add_option("--check-server", options.check_server,
                  "Shell command that judges a state for each line it reads")
      ->type_name("SHELL")
      ->default_str("none");
}

constexpr const char* judge_help =
    "The program runs in an empty directory of a new file system, where all that --setup\n"
    "left is durable. Its calls are watched; then every power cut is tried that could have\n"
    "come between them. Let --setup make an old version, so that there is one to lose.\n\n"
    "torn: a name holds what was never there as a whole. missing: neither old nor new is there.\n"
    "lost: a sync promised what is gone.\n"
    "rolled back: after the program's end, what it left is not there. It is a fault only where\n"
    "--durable says that the end promises it. in place: a file is between two contents that\n"
    "were written under its own name, as databases do; --recover asks their own recovery.\n"
    "crashlab mount ID shows a state. Status: 0 no fault, 1 torn, missing or lost, 2 it failed.\n\n"
    "Examples:\n"
    "  crashlab judge -- python3 \"$PWD/save.py\"\n"
    "  crashlab judge --setup 'echo old >config' -- python3 \"$PWD/save.py\"\n"
    "  crashlab judge --guest 6.1 --setup 'echo old >config' -- python3 \"$PWD/save.py\"\n"
    "  crashlab judge --recover 'sqlite3 db .dump' --setup ... -- sqlite3 db ...";

void add_judge(CLI::App& app, JudgeOptions& options, std::string& signs) {
  CLI::App* judge = app.add_subcommand(
      "judge", "Find out what power cuts leave of a program's files, without a checker");
  judge->footer(judge_help);
  options.run.states_max = 1500;
  options.run.keep_max = 30;
  add_exploring(judge, options.run, signs, Explored::workload);
  judge->get_option("--write-latency")->default_str("4000 us");
  add_noises(judge, options.noises);
  judge
      ->add_option("--recover", options.recover,
                   "Shell command that recovers and prints what the files\n"
                   "hold: it must print after a power cut what it prints\n"
                   "after a kill")
      ->type_name("SHELL")
      ->default_str("none");
  judge->add_option("--ignore", options.ignored, "Pattern of paths that don't count, as *.lock")
      ->type_name("PATTERN")
      ->default_str("none")
      ->take_all();
  judge->add_flag("--durable", options.durable, "The program's end promises all that it left");
  judge->add_option("COMMAND", options.command, "The program; put -- before it");
}

constexpr const char* calls_help =
    "Each call that can be made in a small tree, followed by each sync: every state that a power\n"
    "cut leaves of it is held against what the simulator of perdure::testing allows this file\n"
    "system. A difference is a bug of the preset or of the kernel. Each says how to see it again.\n"
    "Status: 0 no difference, 1 there are some, 2 it failed.\n\n"
    "Examples:\n"
    "  crashlab explore-calls --fs ext4\n"
    "  crashlab explore-calls --fs f2fs --guest 6.1 --scripts-max 50\n"
    "  crashlab explore-calls --fs xfs --only 'overwrite file; sync everything'";

void add_calls(CLI::App& app, CallsOptions& options, std::string& signs) {
  CLI::App* calls = app.add_subcommand(
      "explore-calls", "Compare what power cuts leave of single calls with the simulator");
  calls->footer(calls_help);
  options.run.keep_max = 30;
  add_exploring(calls, options.run, signs, Explored::scripts);
  calls->get_option("--sector")->default_str("4096");
  calls
      ->add_option("--calls", options.set,
                   "one, two (one after the other), or orders: those that\n"
                   "protocols are made of")
      ->check(perdure::cli::one_of({"one", "two", "orders"}))
      ->type_name("one|two|orders");
  calls->add_option("--only", options.only, "This script alone, as a difference names it")
      ->type_name("SCRIPT")
      ->default_str("all scripts")
      ->take_all();
  calls
      ->add_option("--preset", options.preset,
                   "The losses that are allowed: those of a preset, or kill:\n"
                   "none at all")
      ->type_name("PRESET")
      ->default_str("the file system's own");
  calls->add_option("--scripts-max", options.scripts_max, "Draw so many of the scripts")
      ->default_str("all");
  calls
      ->add_option("--states-max", options.states_max,
                   "Of a recording at most so many states for each of its\n"
                   "scripts")
      ->default_str("20; with --only 500");
  calls->add_option("--jobs", options.jobs, "So many at a time, each on a disk of its own")
      ->default_str("one for each processor");
  add_noises(calls, options.noises);
  CLI::App* play = app.add_subcommand("play-calls", "")->group("");
  play->add_option("FILE", options.script_file)->required();
  play->add_flag("--prepare", options.prepare);
}

void add_disk(CLI::App& app, DiskOptions& options) {
  CLI::App* disk = app.add_subcommand("disk", "Serve a slow disk until told to end");
  disk->footer(
      "It prints the path of a loop device, and serves it until SIGINT or SIGTERM.\n\n"
      "Examples:\n"
      "  crashlab disk --size 1GiB --flush-latency 5000\n"
      "  crashlab disk --write-latency 100 --flush-latency 5000");
  add_size(*disk, options.size, "256MiB");
  add_latency(*disk, "--write-latency", options.write_latency_us,
              "From a write to its answer, microseconds");
  add_latency(*disk, "--flush-latency", options.flush_latency_us,
              "From a flush to its answer, microseconds");
  add_state_dir(*disk, options.state_dir);
}

void add_kept(CLI::App& app, KeptOptions& options, std::string& signs) {
  CLI::App* show = app.add_subcommand("show", "Tell a violation's story, or list those kept");
  show->add_option("ID", options.id, "Which one; without it all are listed");
  show->footer(
      "Examples:\n"
      "  crashlab show\n"
      "  crashlab show eb0eb097");
  CLI::App* mount = app.add_subcommand("mount", "Mount a violation's disk for a look");
  mount->add_option("ID", options.id, "Which one")->required();
  mount->add_option("--at", options.at, "Where to mount it")
      ->type_name("DIR")
      ->default_str("a new directory, which is printed");
  mount->add_option("COMMAND", options.command,
                    "Run this while it is mounted; put -- before it. Without it\n"
                    "the disk stays mounted until Ctrl-C");
  mount->footer(
      "Examples:\n"
      "  crashlab mount eb0eb097\n"
      "  crashlab mount eb0eb097 -- ls -l\n"
      "  crashlab mount --guest 6.1 eb0eb097 -- ls -l      found on that kernel");
  for (CLI::App* command : {show, mount}) {
    add_keep(*command, options.keep, "Where violations are kept");
    add_state_dir(*command, options.state_dir);
  }
  add_guest(*mount, options.guest, signs);
}

void add_others(CLI::App& app, Options& options) {
  CLI::App* ack = app.add_subcommand("ack", "Within a workload: this must survive from now on");
  ack->add_option("TEXT", options.ack, "One line")->required();
  ack->footer(
      "It returns once that is recorded. CRASHLAB_ACK, which the workload has, leads to the "
      "run.\n\n"
      "Examples:\n"
      "  crashlab ack \"version 3\"");
  CLI::App* probe =
      app.add_subcommand("probe", "Say whether the laboratory can run here, and if not, why");
  add_guest(*probe, options.probe_guest, options.signs);
  probe->footer(
      "Examples:\n"
      "  crashlab probe\n"
      "  crashlab probe --guest 6.1");
  tools::add_help_command(app, options.help, "judge");
}

}  // namespace

void add_all(CLI::App& app, Options& options) {
  app.name("crashlab");
  app.description("Power cuts on real file systems, for any workload and any checker");
  tools::set_help_formatter(app);
  app.option_defaults()->always_capture_default();
  app.set_version_flag("--version", "crashlab " PERDURE_VERSION);
  app.require_subcommand(1);
  add_run(app, options.run, options.signs);
  add_judge(app, options.judge, options.signs);
  add_calls(app, options.calls, options.signs);
  add_disk(app, options.disk);
  add_kept(app, options.kept, options.signs);
  add_others(app, options);
  // Set after the subcommands, which would inherit it.
  app.footer(
      "Examples:\n"
      "  crashlab judge -- python3 \"$PWD/save.py\"                as root\n"
      "  crashlab judge --guest 6.1 -- python3 \"$PWD/save.py\"    as another user\n"
      "  crashlab run --workload \"$PWD/save.sh\" --check \"$PWD/check.sh\"\n"
      "  crashlab help judge                                     more of them");
}

}  // namespace crashlab
