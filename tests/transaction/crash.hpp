// SPDX-License-Identifier: BSL-1.0
// Roots that a transaction was killed in.
#pragma once

#include <functional>
#include <utility>

#include <perdure/clean.hpp>
#include <perdure/recovery.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "tree.hpp"

namespace perdure::test {

/// A process that dies before one call: neither that one nor any later one reaches the disk. It is
/// found by its kind. Its number among all calls differs from run to run where the clock ticks
/// slowly, since perdure looks again at files that changed within the tick.
class DyingFileSystem : public testing::FaultyFileSystem {
 public:
  DyingFileSystem(FileSystem& base, testing::Operation operation, std::uint64_t call)
      : testing::FaultyFileSystem(base), operation_(operation), call_(call) {}

 protected:
  void before(testing::Operation operation) override {
    if (operation != operation_ || calls(operation) + 1 != call_) return;
    fail({.operation = {}, .call = calls() + 1, .error = EIO, .from_then_on = true, .count = {}});
  }

 private:
  testing::Operation operation_;
  std::uint64_t call_;
};

/// Runs the sample until the n-th call of `operation` after the journal has its name; nothing works
/// from there on.
inline void crash_in_apply(const fs::path& root, testing::Operation operation, std::uint64_t call) {
  testing::FaultyFileSystem counting(native_file_system());
  {
    const TempDirectory other("/dev/shm");
    Sample::prepare(other.path());
    REQUIRE_OK(Sample::run(other.path(), through(counting)));
  }
  std::uint64_t before = 0;  // calls of the kind until then
  bool committed = false;
  for (const testing::Call& made : counting.log()) {
    committed = committed || (made.operation == testing::Operation::rename && made.name == "j");
    if (!committed && made.operation == operation) ++before;
  }
  REQUIRE(committed);
  DyingFileSystem dying(native_file_system(), operation, before + call);
  const auto receipt = Sample::run(root, through(dying));
  REQUIRE_FALSE(receipt.has_value());
}

/// The second link: one path is in place, the others are not.
inline void crash_half_way(const fs::path& root) {
  Sample::prepare(root);
  crash_in_apply(root, testing::Operation::link, 2);
  REQUIRE(tree_of(root) != Sample::before());
  REQUIRE(tree_of(root) != Sample::after());
}

/// Does something to the disk at a moment of a commit, once.
struct Meddling final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> remove_directory(Handle directory, const std::string& name) override {
    if (const auto deed = std::exchange(before_rmdir, nullptr)) deed();
    return ForwardingFileSystem::remove_directory(directory, name);
  }
  SysResult<void> rename(Handle from, const std::string& name, Handle to, const std::string& target,
                         RenameMode mode) override {
    const auto renamed = ForwardingFileSystem::rename(from, name, to, target, mode);
    if (target == "j") {
      if (const auto deed = std::exchange(after_journal, nullptr)) deed();
    }
    return renamed;
  }

  std::function<void()> before_rmdir;   ///< Before the first directory is removed.
  std::function<void()> after_journal;  ///< When the journal has its name.
};

/// Whether no kernel gives this answer, or it says that somebody else came.
using IsLie = std::function<bool(testing::Operation operation, int error)>;

/// Runs with every call of every operation failing once, in each way that is not a lie. `run` says
/// whether the fault fired.
inline void with_each_fault(const std::function<bool(const testing::Fault&)>& run,
                            const IsLie& is_lie) {
  for (const testing::Operation operation : testing::all_operations()) {
    for (std::uint64_t call = 1;; ++call) {
      bool fired = false;
      for (const int error : testing::errors_of(operation)) {
        if (is_lie(operation, error)) continue;
        INFO(testing::to_string(operation) << " " << call << " " << testing::errno_name(error));
        fired = run({.operation = operation,
                     .call = call,
                     .error = error,
                     .from_then_on = {},
                     .count = {}});
      }
      if (!fired) break;
    }
  }
}

/// A commit to be tried amid failures.
struct Attempt {
  std::function<void(const fs::path& root)> plant;  ///< Makes the root's files.
  std::function<Result<TransactionReceipt>(const fs::path& root, const TransactionOptions&)> commit;
  Tree after;  ///< The files behind the commit.
};

inline void check_finishable(const RecoveryReport& report) {
  for (const RecoveredPath& path : report.paths) {
    CAPTURE(path.path);
    CHECK((path.step == RecoveryStep::done || path.step == RecoveryStep::redo));
  }
}

/// The commit is killed before each of its calls: the recovery makes all of it or nothing, as the
/// journal had its name or not, and finds nothing foreign.
inline void check_each_kill(const Attempt& attempt) {
  testing::FaultyFileSystem counting(native_file_system());
  {
    const TempDirectory other("/dev/shm");
    attempt.plant(other.path());
    REQUIRE_OK(attempt.commit(other.path(), through(counting)));
  }
  for (std::uint64_t n = 1; n <= counting.calls(); ++n) {
    CAPTURE(n);
    const TempDirectory root("/dev/shm");
    attempt.plant(root.path());
    const Tree before = tree_of(root.path());
    testing::FaultyFileSystem dying(native_file_system());
    dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    (void)attempt.commit(root.path(), through(dying));
    std::uint64_t call = 0;
    bool committed = false;  // the journal had its name before the kill
    for (const testing::Call& made : dying.log()) {
      const bool named = made.operation == testing::Operation::rename && made.name == "j";
      committed = committed || (++call < n && named);
    }
    const auto found = inspect(root.path());
    REQUIRE_OK(found);
    check_finishable(found.value());
    const auto recovered = recover(root.path());
    REQUIRE_OK(recovered);
    check_finishable(recovered.value());
    REQUIRE_OK(clean(root.path()));  // what a trial left
    const Tree now = tree_of(root.path());
    CHECK((now == before || now == attempt.after));
    CHECK((now != before) == committed);
    CHECK(private_of(root.path()).empty());
  }
}

/// The commit meets each fault (with_each_fault): it and the recovery behind it make all of it or
/// nothing, as the error says.
inline void check_each_fault(const Attempt& attempt, const IsLie& is_lie) {
  const auto run_with = [&](const testing::Fault& fault) {
    const TempDirectory root("/dev/shm");
    attempt.plant(root.path());
    const Tree before = tree_of(root.path());
    testing::FaultyFileSystem faulty(native_file_system());
    faulty.fail(fault);
    testing::ManualEnvironment clock;
    TransactionOptions options = through(faulty);
    options.system.environment = &clock;
    const auto receipt = attempt.commit(root.path(), options);
    CHECK(faulty.handles_open() == 0);
    if (!receipt) {
      INFO(receipt.error().message());
      if (receipt.error().fate == Fate::unchanged) {
        REQUIRE_OK(clean(root.path()));
        CHECK(tree_of(root.path()) == before);
      }
      REQUIRE_OK(recover(root.path()));
      REQUIRE_OK(clean(root.path()));
      const Tree now = tree_of(root.path());
      CHECK((now == before || now == attempt.after));
      if (receipt.error().fate == Fate::committed) CHECK(now == attempt.after);
      CHECK(private_of(root.path()).empty());
    } else if (receipt.value().left_alone.empty()) {
      CHECK(tree_of(root.path()) == attempt.after);
    }
    return faulty.fired() > 0;
  };
  with_each_fault(run_with, is_lie);
}

inline std::string step_of(const RecoveryReport& report, const std::string& path) {
  for (const auto& one : report.paths) {
    if (one.path == path) return std::string(to_string(one.step));
  }
  return "(not named)";
}

}  // namespace perdure::test
