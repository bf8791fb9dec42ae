// SPDX-License-Identifier: BSL-1.0
// Runs the workload, explores its states, and reports.
#include "commands/run.hpp"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/device.hpp"
#include "disk/loop_device.hpp"
#include "disk/places.hpp"
#include "host/mounted_disk.hpp"
#include "judging/checker.hpp"
#include "judging/explorer.hpp"
#include "judging/report.hpp"
#include "recording/noise.hpp"
#include "recording/tracer.hpp"
#include "witness/effects.hpp"

namespace crashlab {
namespace {

DeviceOptions device_options(const RunOptions& options, const RunDir& run_dir) {
  DeviceOptions device;
  device.directory = run_dir.file("disk");
  device.file_name = run_dir.name();
  device.ack_socket = run_dir.file("ack");
  device.write_latency_us = static_cast<std::uint32_t>(options.write_latency_us);
  device.flush_latency_us = static_cast<std::uint32_t>(options.flush_latency_us);
  device.faults = options.disk_faults();
  device.fault_seed = options.seed;
  must(::mkdir(device.directory.c_str(), 0700), "make " + device.directory);
  return device;
}

std::string new_directory(const RunDir& run_dir, const char* name) {
  std::string path = run_dir.file(name);
  must(::mkdir(path.c_str(), 0700), "make " + path);
  return path;
}

/// Reports the findings of a run, to the user and in the file that was asked for.
int told(const Findings& findings) {
  std::fputs(summary_text(findings).c_str(), stdout);
  if (!findings.options.json.empty()) write_json(findings.options.json, findings);
  if (findings.summary.violation_count() > 0) return 1;
  return findings.summary.cut == "interrupted" ? 2 : 0;
}

/// Makes noise as soon as a call has returned, while its writes are under way. A promise is noted
/// first: the noise must not help to keep it.
class NoisyWatcher : public CallWatcher {
 public:
  NoisyWatcher(CallWatcher& watcher, const std::function<void()>& step)
      : watcher_(watcher), step_(step) {}
  void before(const Call& call) override { watcher_.before(call); }
  void after(const Call& call, std::int64_t result) override {
    const Effect effect = effect_of(call.number);
    const bool changes = effect == Effect::content || effect == Effect::names;
    if (changes) step_();
    watcher_.after(call, result);
    if (!changes) step_();
  }

 private:
  CallWatcher& watcher_;
  const std::function<void()>& step_;
};

/// One run, from mkfs to the report. Members end in the reverse order of their making: the checker,
/// the mount, the loop device, the disk.
class Run {
 public:
  Run(const RunOptions& options, const Guarded& guarded, Witness* witness, Report report,
      const DiskContent& base = {})
      : options_(options),
        kept_options_(options),
        witness_(witness),
        report_(std::move(report)),
        base_(base),
        tick_(guarded.tick()),
        run_dir_(guarded.run_dir()),
        progress_(!options.quiet),
        pages_(options.size, Pages::Sharing::shared),
        device_(pages_, device_options(options, run_dir_)),
        loop_(std::in_place, (guarded.name_connection(device_.path()), device_.path()),
              run_dir_.name()),
        file_system_(options.fs_kind(), layer_named(options.layer), loop_->path(),
                     new_directory(run_dir_, "mnt"), options.mount_options),
        noise_(options.noise_kind(), options.fs_kind(), file_system_.below() + "/.crashlab-noise",
               options.seed) {}

  int operator()() {
    prepare();
    record();
    make_checker();
    check_uncrashed();
    return explore();
  }

 private:
  std::string work_dir() const { return file_system_.mount_point() + "/work"; }

  Command command(const std::string& line, double timeout_s) const {
    Command command = Command::shell(line);
    command.environment["CRASHLAB_MOUNT"] = work_dir();
    command.timeout_s = timeout_s;
    return command;
  }

  void prepare() {
    if (base_.empty()) {
      progress_.show(options_.fs + ": mkfs");
      file_system_.make(options_.mkfs_options, tick_);
      mount();
      fill();
    } else {
      for (const auto& [page, bytes] : base_) pages_.write(page * page_size, bytes);
      if (const Outcome repaired = file_system_.repair(tick_); !repaired.good()) {
        throw Failure("repair the disk of the first run: " + repaired.story());
      }
      mount();
    }
    sync();
    place_faults();
    device_.begin_recording();
  }

  void mount() {
    if (const Outcome mounted = file_system_.mount(); !mounted.good()) {
      throw Failure(std::string("mount ") + options_.fs +
                    (options_.mount_options.empty() ? "" : " with " + options_.mount_options) +
                    ": " + mounted.output);
    }
  }

  /// Makes everything that the workload finds.
  void fill() {
    must(::mkdir(work_dir().c_str(), 0755), "make " + work_dir());
    noise_.prepare();
    if (!options_.setup.empty()) {
      const Outcome outcome = run(command(options_.setup, options_.workload_timeout_s), tick_);
      if (!outcome.good()) throw Failure("the setup failed: " + outcome.story());
    }
  }

  /// A FUSE file system does not pass syncfs(2) on, so the file system below it is synced, too.
  void sync() const {
    for (const std::string& path : {file_system_.mount_point(), file_system_.below()}) {
      const UniqueFd root(must(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open " + path));
      must(::syncfs(root.get()), "sync the file system");
    }
  }

  /// Finds the places of the files of faults. A fault of the medium strikes only reads from it, so
  /// the cache must be empty.
  void place_faults() {
    std::vector<Fault> faults = options_.disk_faults();
    bool lasting = false;
    for (std::size_t i = 0; i < faults.size(); ++i) {
      lasting = lasting || faults[i].lasting();
      if (faults[i].file.empty()) continue;
      faults[i].ranges = places_of(pages_, read_file(work_dir() + "/" + faults[i].file));
      device_.place(i, faults[i].ranges);
      kept_options_.faults[i] = faults[i].text();
    }
    if (!lasting) return;
    file_system_.unmount();
    if (const Outcome mounted = file_system_.mount(); !mounted.good()) {
      throw Failure("mount it again before the faults: " + mounted.output);
    }
    sync();
  }

  void record() {
    progress_.show(options_.fs + ": the workload runs");
    Command workload = command(options_.workload, options_.workload_timeout_s);
    workload.environment["CRASHLAB_ACK"] = run_dir_.file("ack");
    const auto start = Clock::now();
    outcome_ = run_workload(workload);
    workload_seconds_ = seconds_since(start);
    recording_ = device_.end_recording();
    if (options_.dies_at > steps_) {
      throw Failure("the disk did not die: the workload made " + std::to_string(steps_) +
                    " file-changing calls");
    }
    const bool struck = options_.dies_at != 0 || !recording_.strikes.empty();
    // A workload on a disk that fails may end with an error; its earlier acknowledgements count.
    if (!outcome_.good() && !struck) throw Failure("the workload failed: " + outcome_.story());
    must_be_struck();
    if (recording_.writes.empty() && !options_.failing() && witness_ == nullptr) {
      throw Failure("the workload wrote nothing to the disk; does it use CRASHLAB_MOUNT?");
    }
  }

  void must_be_struck() const {
    if (!recording_.strikes.empty()) return;
    for (const Fault& fault : options_.disk_faults()) {
      if (fault.number == 0) continue;
      throw NotStruck(fault.text() + " did not strike: the workload asked for " +
                      std::to_string(recording_.writes.size()) + " writes and " +
                      std::to_string(recording_.flushes.size()) + " flushes");
    }
  }

  Outcome run_workload(const Command& workload) {
    const std::function<void()> step = [this] { this->step(); };
    if (witness_ != nullptr) witness_->begin(work_dir(), run_dir_.file("ack"));
    if (witness_ != nullptr && witness_->watches()) {
      NoisyWatcher watcher(*witness_, step);
      Outcome outcome = run_watched(workload, file_system_.mount_point(), watcher, tick_);
      if (outcome.good()) witness_->end();
      return outcome;
    }
    if (options_.noise_kind() == NoiseKind::none && options_.dies_at == 0) {
      return run(workload, tick_);
    }
    return run_traced(workload, file_system_.mount_point(), step, tick_);
  }

  /// Before each file-changing call of the workload.
  void step() {
    if (++steps_ != options_.dies_at) {
      if (options_.dies_at == 0 || steps_ < options_.dies_at) make_noise();
      return;
    }
    device_.die();
    if (!noise_.is_told()) throw Failure("no sync was told that the disk died");
  }

  /// The disk's error may be reported to this sync alone.
  void make_noise() {
    if (noise_told_) return;
    try {
      noise_.step();
    } catch (const Failure&) {
      if (options_.faults.empty()) throw;
      noise_told_ = true;
    }
  }

  void make_checker() {
    if (witness_ != nullptr) {
      checker_ = witness_->checker(acked_path(), [this] { tick_unless_stopping(); });
      return;
    }
    const bool server = !options_.check_server.empty();
    Command check =
        command(server ? options_.check_server : options_.check, options_.check_timeout_s);
    check.environment["CRASHLAB_ACKED"] = acked_path();
    // Ctrl-C ends the exploration between two states, with a report of the findings so far.
    const Tick tick = [this] { tick_unless_stopping(); };
    checker_ = server ? server_checker(check, tick) : command_checker(check, tick);
  }

  /// A checker that rejects the state without a crash would report false violations.
  void check_uncrashed() {
    if (witness_ != nullptr) {
      witness_->check_uncrashed();
      file_system_.unmount();
      return;
    }
    if (options_.failing()) {  // the cache of a dead file system is not a state to judge
      file_system_.unmount();
      return;
    }
    std::string acked;
    for (const Ack& ack : recording_.acks) acked += ack.text + "\n";
    write_file(acked_path(), acked);
    const Verdict verdict = checker_->check();
    if (!verdict.good) {
      throw Failure("the checker rejects what the workload left, without any crash: " +
                    verdict.reason);
    }
    file_system_.unmount();
  }

  int explore() {
    const auto found = [this](const Violation& violation) {
      if (kept_.size() >= options_.keep_max) return;
      keep_violation(options_.keep, kept_options_, violation, recording_);
      kept_.push_back(violation);
    };
    const UniqueFd cached = mount_through_cache();
    Explorer explorer({options_, recording_, pages_, file_system_, *checker_, acked_path(),
                       [this] { tick_unless_stopping(); }, [this] { device_.must_live(); }, found,
                       [this](const Summary& summary) { progress_.show(summary, options_); },
                       Guarded::stopping, cached.get()});
    const Summary summary = explorer.explore();
    const Findings findings{options_, recording_,  summary,          kept_,
                            outcome_, noise_told_, workload_seconds_};
    progress_.clear();
    return witness_ != nullptr ? witness_->report(findings) : report_(findings);
  }

  /// A mount reads some hundred blocks, one after the other, most of them the same in each state:
  /// so the page cache serves them. A medium that fails has to be asked each time.
  UniqueFd mount_through_cache() {
    if (!options_.disk_faults().empty()) return UniqueFd();
    loop_.reset();
    loop_.emplace(device_.cached_path(), run_dir_.name(), LoopDevice::Through::page_cache);
    file_system_.move_to(loop_->path());
    const std::string path = device_.cached_path();
    return UniqueFd(must(::open(path.c_str(), O_RDWR | O_CLOEXEC), "open " + path));
  }

  void tick_unless_stopping() const {
    if (!Guarded::stopping()) tick_();
  }

  std::string acked_path() const { return run_dir_.file("acked"); }

  const RunOptions& options_;
  RunOptions kept_options_;  // with the places of files
  Witness* witness_;
  Report report_;
  const DiskContent& base_;  // empty: the disk is to be made
  Tick tick_;
  const RunDir& run_dir_;
  Progress progress_;
  Pages pages_;
  Device device_;
  std::optional<LoopDevice> loop_;
  FileSystem file_system_;
  Noise noise_;
  std::unique_ptr<Checker> checker_;
  Recording recording_;
  std::vector<Violation> kept_;
  Outcome outcome_;  // of the workload
  bool noise_told_ = false;
  double workload_seconds_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace

int run_command(const RunOptions& options, const Guarded& guarded, Witness* witness) {
  return Run(options, guarded, witness, told)();
}

int run_command(const RunOptions& options, const Guarded& guarded, const Report& report,
                const DiskContent& base) {
  return Run(options, guarded, nullptr, report, base)();
}

void clear(const RunDir& run_dir) {
  for (const char* const name : {"disk", "mnt", "mnt-below"}) ::rmdir(run_dir.file(name).c_str());
  for (const char* const name : {"ack", "acked"}) ::unlink(run_dir.file(name).c_str());
}

}  // namespace crashlab
