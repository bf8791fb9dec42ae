// SPDX-License-Identifier: BSL-1.0
// A journal whose commit fails tells those who waited for it. When that was another program, our
// own sync returns success over a journal that is dead, and a power cut brings the old file back.
// Each program here runs with the journal dying before each of its calls; whatever it acknowledged
// must be there after the cut. A mutant that leaves the question out must lose something.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>
#include <perdure/transaction.hpp>

#include "support/catch.hpp"

namespace perdure::test {
namespace {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

/// Lets the journal die before the n-th call that changes or syncs something.
class DyingJournal final : public ForwardingFileSystem {
 public:
  DyingJournal(SimulatedFileSystem& disk, std::uint64_t dies_at, bool asks)
      : ForwardingFileSystem(disk), disk_(disk), dies_at_(dies_at), asks_(asks) {}

  [[nodiscard]] bool died() const { return calls_ >= dies_at_; }

  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    step();
    return ForwardingFileSystem::create(directory, name, mode);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    step();
    return ForwardingFileSystem::write_at(file, offset, bytes);
  }
  SysResult<void> await_writeback(Handle file) override {
    step();
    return ForwardingFileSystem::await_writeback(file);
  }
  SysResult<void> sync_file(Handle file) override {
    step();
    return ForwardingFileSystem::sync_file(file);
  }
  SysResult<void> sync_directory(Handle directory) override {
    step();
    return ForwardingFileSystem::sync_directory(directory);
  }
  SysResult<void> check_alive(Handle handle) override {
    step();
    return asks_ ? ForwardingFileSystem::check_alive(handle) : SysResult<void>(success());
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    step();
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    step();
    return ForwardingFileSystem::link(from_directory, from, to_directory, to);
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    step();
    return ForwardingFileSystem::unlink(directory, name);
  }

 private:
  void step() {
    if (++calls_ == dies_at_) disk_.fail_journal();
  }

  SimulatedFileSystem& disk_;
  std::uint64_t calls_ = 0;
  std::uint64_t dies_at_;
  bool asks_;
};

struct Program {
  std::string name;
  std::function<void(SimulatedFileSystem&)> prepare;
  /// Runs; true for what must be there after a power cut from now on.
  std::function<bool(System)> run;
  /// After the cut, with power back: whether it is there.
  std::function<bool(SimulatedFileSystem&, System)> holds;
};

std::string text_of(const SimulatedFileSystem& disk, const std::string& path) {
  return disk.content(path).value_or("(none)");
}

Program commit_of(const std::string& name, const WriteOptions& options) {
  return {
      name, [](SimulatedFileSystem& disk) { disk.put("d/a", "old"); },
      [options](System system) { return !!write_file("/d/a", as_bytes("new"), options, system); },
      [](SimulatedFileSystem& disk, System) { return text_of(disk, "d/a") == "new"; }};
}

TransactionOptions by(System system, ProtocolChoice protocol) {
  TransactionOptions options;
  options.protocol = protocol;
  options.system = system;
  return options;
}

Result<void> transact(const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/d", options));
  BOOST_OUTCOME_TRY(transaction.put("a", "new"));
  BOOST_OUTCOME_TRY(transaction.put("sub/b", "new"));
  BOOST_OUTCOME_TRY(transaction.commit());
  return success();
}

bool is_all_new(SimulatedFileSystem& disk, System system) {
  if (!recover("/d", by(system, ProtocolChoice::portable))) return false;
  return text_of(disk, "d/a") == "new" && text_of(disk, "d/sub/b") == "new";
}

void prepare_root(SimulatedFileSystem& disk) {
  disk.put("d/a", "old");
  disk.put("d/sub/b", "old");
}

Program transaction_by(const std::string& name, ProtocolChoice protocol,
                       Durability durability = Durability::durable) {
  return {name, &prepare_root,
          [protocol, durability](System system) {
            TransactionOptions options = by(system, protocol);
            options.durability = durability;
            const auto done = transact(options);
            return done || done.error().fate == Fate::committed;
          },
          &is_all_new};
}

/// Kills its program once the journal has its name, which no sync has made durable yet.
struct KilledAtJournal final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    if (to == "j") throw KilledAtJournal::Killed();
    return renamed;
  }
  struct Killed {};
};

Program recovery() {
  return {"recovery",
          [](SimulatedFileSystem& disk) {
            prepare_root(disk);
            ManualEnvironment environment(7);
            KilledAtJournal killed(disk);
            try {
              (void)transact(by({&killed, &environment}, ProtocolChoice::portable));
              FAIL("the transaction was not killed");
            } catch (const KilledAtJournal::Killed&) {
              disk.kill();
            }
          },
          [](System system) {
            const auto done = recover("/d", by(system, ProtocolChoice::portable));
            return done && done.value().journal;
          },
          &is_all_new};
}

Program removal() {
  return {"removal", [](SimulatedFileSystem& disk) { disk.put("d/a", "old"); },
          [](System system) { return !!remove_file("/d/a", {}, system); },
          [](SimulatedFileSystem& disk, System) { return !disk.content("d/a"); }};
}

/// Two directories on one device: the first one's sync may be the one that is told.
Program batch() {
  return {"batch",
          [](SimulatedFileSystem& disk) {
            disk.put("d/a", "old");
            disk.put("e/a", "old");
          },
          [](System system) {
            const std::vector<NewFile> files{{"/d/a", as_bytes("new"), {}},
                                             {"/e/a", as_bytes("new"), {}}};
            const auto done = write_files(files, {}, system);
            return done[0].has_value() && done[1].has_value();
          },
          [](SimulatedFileSystem& disk, System) {
            return text_of(disk, "d/a") == "new" && text_of(disk, "e/a") == "new";
          }};
}

using Number = StateTracker<std::string, Json<std::string>>;

Result<void> save(System system) {
  TrackerOptions options;
  options.system = system;
  BOOST_OUTCOME_TRY(auto tracker, Number::open("/d/state", options));
  return tracker.update([](std::string& state) { state = "new"; });
}

Program tracker() {
  return {"tracker",
          [](SimulatedFileSystem& disk) {
            disk.make_directories("d");
            ManualEnvironment environment(3);
            (void)save({&disk, &environment}).value();
          },
          [](System system) { return !!save(system); },
          [](SimulatedFileSystem& disk, System) {
            return text_of(disk, "d/state").find("\"generation\": 2") != std::string::npos ||
                   text_of(disk, "d/state").find("\"generation\":2") != std::string::npos;
          }};
}

/// The state of a killed save: found in the cache, it is durable once `open` returned.
Program loading() {
  return {"loading",
          [](SimulatedFileSystem& disk) {
            disk.make_directories("d");
            disk.sync_all();
            ManualEnvironment environment(3);
            SimulatedFileSystem other;
            other.make_directories("d");
            (void)save({&other, &environment}).value();
            disk.put("d/state", *other.content("d/state"));
          },
          [](System system) {
            TrackerOptions options;
            options.system = system;
            const auto opened = Number::open("/d/state", options);
            return opened && opened.value().report().origin == Origin::current;
          },
          [](SimulatedFileSystem& disk, System) { return disk.content("d/state").has_value(); }};
}

Program setting_aside() {
  return {"setting aside", [](SimulatedFileSystem& disk) { disk.put("d/state", "{\"damaged"); },
          [](System system) {
            TrackerOptions options;
            options.system = system;
            const auto opened = Number::open("/d/state", options);
            return opened && !opened.value().report().set_aside.empty();
          },
          [](SimulatedFileSystem& disk, System) { return !disk.content("d/state"); }};
}

std::vector<Program> all_programs() {
  WriteOptions portable;
  WriteOptions fast;
  fast.protocol = ProtocolChoice::automatic;
  WriteOptions backup;
  backup.existing = ExistingPolicy::backup;
  WriteOptions grouped;
  grouped.group = std::make_shared<GroupCommit>();
  WriteOptions grouped_fast = fast;
  grouped_fast.group = grouped.group;
  return {commit_of("portable", portable),
          commit_of("fast", fast),
          commit_of("backup", backup),
          commit_of("group", grouped),
          commit_of("fast group", grouped_fast),
          batch(),
          transaction_by("transaction", ProtocolChoice::portable),
          transaction_by("fast transaction", ProtocolChoice::automatic),
          transaction_by("ordered transaction", ProtocolChoice::portable, Durability::ordered),
          recovery(),
          removal(),
          tracker(),
          loading(),
          setting_aside()};
}

/// How often something acknowledged was gone after the cut.
int losses(const Program& program, const Preset& preset, bool asks) {
  int lost = 0;
  for (std::uint64_t dies_at = 1;; ++dies_at) {
    bool died = true;
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      SimulatedFileSystem disk(preset);
      program.prepare(disk);
      if (program.name != "recovery" && program.name != "loading") disk.sync_all();
      ManualEnvironment environment(11);
      DyingJournal files(disk, dies_at, asks);
      const bool acknowledged = program.run({&files, &environment});
      died = files.died();
      if (!died || !acknowledged) break;
      disk.cut_power(seed == 0   ? Survivors::none
                     : seed == 1 ? Survivors::all
                                 : Survivors::random,
                     seed);
      ManualEnvironment after(12);
      lost += program.holds(disk, {&disk, &after}) ? 0 : 1;
    }
    if (!died) return lost;
  }
}

}  // namespace

TEST_CASE("what is acknowledged over a journal that dies at any call is there", "[P4]") {
  for (const Preset* preset : {&presets::ext4, &presets::ext4_journal, &presets::xfs}) {
    for (const Program& program : all_programs()) {
      CAPTURE(preset->name, program.name);
      CHECK(losses(program, *preset, true) == 0);
    }
  }
}

TEST_CASE("a program that does not ask whether the journal lives loses what it acknowledged",
          "[P4]") {
  for (const Preset* preset : {&presets::ext4, &presets::xfs}) {
    for (const Program& program : all_programs()) {
      // Recovery unlinks the journal last: a change, which a dead journal refuses anyway.
      if (program.name == "recovery") continue;
      CAPTURE(preset->name, program.name);
      CHECK(losses(program, *preset, false) > 0);
    }
  }
}

TEST_CASE("a journal that tells everybody needs no question", "[P4]") {
  for (const Preset* preset : {&presets::btrfs, &presets::worst}) {
    SimulatedFileSystem disk(*preset);
    disk.put("d/a", "old");
    disk.fail_journal();
    const Handle at = disk.open_directory(Handle::working_directory, "d").value();
    CHECK_FALSE(disk.sync_directory(at));
  }
}

}  // namespace perdure::test
