// SPDX-License-Identifier: BSL-1.0
// Completes the options of a run.
#include "options.hpp"

#include <algorithm>
#include <thread>

#include "disk/pages.hpp"
#include "host/run_dir.hpp"

namespace crashlab {
namespace {

/// How much longer things may take in an emulator.
constexpr double emulated = 10;
constexpr std::int64_t noisy_write_latency_us = 200;

// A program commits once where a workload of ours commits often, and each stop of the program takes
// time. Only on a slow disk can the journal still get ahead of the data.
constexpr std::int64_t judged_write_latency_us = 4000;

// btrfs writes its superblock, 4096 bytes with one checksum, in place. If a smaller sector tears
// it, btrfs has no copy to use, and no program could keep a promise.
std::uint32_t default_sector(FsKind kind) {
  return kind == FsKind::btrfs ? 4096 : 512;
}

/// The kinds of noise that show most.
std::vector<std::string> default_noises(FsKind kind) {
  std::vector<std::string> noises{"none", "log"};
  // On btrfs a log commit leaves out most of the writes under way.
  if (kind == FsKind::btrfs) noises.emplace_back("commit");
  return noises;
}

constexpr std::uint64_t states_of_a_script = 20;
constexpr std::uint64_t states_of_a_script_alone = 500;

}  // namespace

void RunOptions::lengthen() {
  for (double* limit : {&workload_timeout_s, &check_timeout_s, &stall_max_s}) *limit *= emulated;
}

std::vector<Fault> RunOptions::disk_faults() const {
  std::vector<Fault> parsed;
  for (const std::string& text : faults) parsed.push_back(Fault::parse(text));
  return parsed;
}

void RunOptions::complete() {
  const FsKind kind = fs_kind();
  const bool noisy = noise_kind() != NoiseKind::none;
  if (size == 0) size = default_size(kind);
  if (size % page_size != 0) throw Failure("--size is a multiple of 4096 bytes");
  if (sector_size == 0) sector_size = default_sector(kind);
  if (sector_size != 512 && sector_size != 4096) throw Failure("--sector is 512 or 4096");
  if (write_latency_us < 0) write_latency_us = noisy ? noisy_write_latency_us : 0;
  if (flush_latency_us < 0) flush_latency_us = 0;
  if (check.empty() == check_server.empty()) {
    throw Failure("name one of --check and --check-server");
  }
  const std::vector<Fault> parsed = disk_faults();
  if (std::count_if(parsed.begin(), parsed.end(), [](const Fault& it) { return it.each; }) > 1) {
    throw Failure("--fault: only one can go through each number");
  }
  if (state_dir.empty()) state_dir = default_state_dir();
  if (keep.empty()) keep = default_keep(state_dir);
}

void JudgeOptions::complete() {
  if (command.empty()) {
    throw Failure("name the program: crashlab judge -- python3 \"$PWD/save.py\"");
  }
  std::string words;
  for (const std::string& word : command) {
    words += " '";
    for (const char letter : word)
      words += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    words += "'";
  }
  const std::string enter = "cd \"$CRASHLAB_MOUNT\" && ";
  run.workload = enter + "exec" + words;
  if (!run.setup.empty()) run.setup = enter + run.setup;
  if (!recover.empty()) recover = enter + recover;
  if (noises.empty()) noises = default_noises(run.fs_kind());
  run.check = "crashlab judge";
  run.fsck_every = 0;
  if (run.write_latency_us < 0) run.write_latency_us = judged_write_latency_us;
  run.complete();
}

void CallsOptions::complete() {
  if (noises.empty()) noises = default_noises(run.fs_kind());
  run.check = "crashlab explore-calls";
  run.fsck_every = 0;
  // The simulator tears content that is overwritten in place block by block.
  if (run.sector_size == 0) run.sector_size = page_size;
  // A script alone gets more states: a difference that was found among others must be found again.
  if (states_max == 0) states_max = only.empty() ? states_of_a_script : states_of_a_script_alone;
  if (jobs == 0) jobs = std::max(1U, std::thread::hardware_concurrency());
  run.complete();
}

std::string default_keep(const std::string& state_dir) {
  return state_dir + "/kept";
}

}  // namespace crashlab
