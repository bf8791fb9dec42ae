// SPDX-License-Identifier: BSL-1.0
// Fail at call n: an operation of the library is run again and again, each time with one of its
// system calls failing in one of the ways that it can, and what is left is looked at with plain
// eyes. The story of every bug of this kind is the same: somebody did not believe that *this* call
// could fail.
#pragma once

#include <cerrno>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <sys/file.h>
#include <vector>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/native.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

namespace perdure::test {

using perdure::testing::Call;
using perdure::testing::Fault;
using perdure::testing::FaultyFileSystem;
using perdure::testing::Operation;

/// A failing that an operation may answer with success, because it has another way.
struct Tolerated {
  Operation operation;
  std::set<int> errors;   ///< Empty: whatever it returns.
  std::string name = {};  ///< Only of this name; empty: of any.
};

/// An operation under test, and what has to hold after it.
struct Scenario {
  std::string name;
  std::function<void(const fs::path&)> prepare;
  std::function<Result<void>(System, const fs::path&)> act;
  std::string target = "target";  ///< The file that must be old or new.
  std::string before = "old content";
  bool existed = true;
  std::string after = "new content";
  bool exists_after = true;
  /// A further check after a success, when no answer about the target's state was a lie; says what
  /// does not hold.
  std::function<std::string(const fs::path&)> check = {};
  std::vector<Tolerated> tolerated = {};
  /// Answers that are lies about the state below, and after which nothing can be asked for.
  std::vector<Tolerated> lies = {};
  /// Calls without whose answer nobody knows the fate.
  std::vector<Tolerated> decisive = {};
  /// The first close is the temp's, unsynced, and its error must be told.
  bool close_matters = false;
  /// The file system does not know RENAME_NOREPLACE (ZFS, NFS).
  bool without_no_replace = false;
};

/// Does not wait for the disk: what is tested is which calls are made, and other processes see
/// nothing of an fsync.
class NoSyncFileSystem final : public perdure::ForwardingFileSystem {
 public:
  explicit NoSyncFileSystem(bool without_no_replace)
      : ForwardingFileSystem(native_file_system()), without_no_replace_(without_no_replace) {}
  SysResult<void> sync_file(Handle) override { return success(); }
  SysResult<void> await_writeback(Handle) override { return success(); }
  SysResult<FileSystemInfo> describe(Handle) override {
    FileSystemInfo info;  // one that allows every protocol
    info.type = "ext4";
    info.kernel_options = {"barrier"};
    info.journal = JournalPlace::internal;
    info.fast_commit = false;
    info.dax = false;
    info.writeback_awaited = true;
    return info;
  }
  SysResult<void> sync_directory(Handle) override { return success(); }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (without_no_replace_ && mode == RenameMode::no_replace) {
      return std::error_code(EINVAL, std::generic_category());
    }
    return base().rename(from_directory, from, to_directory, to, mode);
  }

 private:
  bool without_no_replace_;
};

inline bool listed(const std::vector<Tolerated>& rows, const Call& call, int error) {
  for (const auto& row : rows) {
    if (row.operation == call.operation && (row.errors.empty() || row.errors.contains(error)) &&
        (row.name.empty() || row.name == call.name)) {
      return true;
    }
  }
  return false;
}

/// These codes tell nothing of the journal; another call is asked then, and answers.
inline bool tells_nothing(const Call& call, int error) {
  return call.operation == Operation::check_alive &&
         (error == EPERM || error == EACCES || error == EOPNOTSUPP || error == ENOMEM);
}

/// How a call fails.
enum class Way { once, from_then_on, after_effect, and_the_unlink };

inline std::string_view to_string(Way way) {
  static constexpr std::array<std::string_view, 4> words{"once", "from then on", "after its effect",
                                                         "and then each unlink"};
  return words[static_cast<std::size_t>(way)];
}

/// Runs one scenario with one fault and collects what is wrong afterwards.
class Trial {
 public:
  Trial(const Scenario& scenario, std::vector<std::string>& problems)
      : scenario_(scenario), problems_(problems) {}

  /// The calls that it makes when nothing fails.
  std::vector<Call> rehearse() {
    run({});
    if (!*outcome_) complain("fails without a fault: " + outcome_->error().message());
    check_state({});
    return log_;
  }

  void fail(const std::vector<Call>& calls, std::size_t index, int error, Way way) {
    const Operation operation = calls[index].operation;
    std::uint64_t nth = 0;
    for (std::size_t i = 0; i <= index; ++i) nth += calls[i].operation == operation ? 1 : 0;
    std::ostringstream text;
    text << scenario_.name << ": call " << index + 1 << ", " << to_string(operation) << " '"
         << calls[index].name << "' " << perdure::testing::errno_name(error) << " "
         << to_string(way);
    story_ = text.str();
    std::vector<Fault> faults{{.call = index + 1,
                               .error = error,
                               .from_then_on = way == Way::from_then_on,
                               .after_effect = way == Way::after_effect}};
    if (way == Way::and_the_unlink) {
      faults.push_back({.operation = Operation::unlink, .error = EIO, .from_then_on = true});
    }
    run(faults);
    // On a clock that ticks a run may take other calls than the one before it.
    const auto struck = std::ranges::find_if(log_, [](const Call& call) { return call.injected; });
    if (struck == log_.end() || struck->operation != operation) return;
    const bool lie = lied(way, error);
    const bool may_succeed =
        listed(scenario_.tolerated, calls[index], error) || lie ||
        tells_nothing(calls[index], error) ||
        (operation == Operation::close && !(scenario_.close_matters && nth == 1));
    if (*outcome_ && !may_succeed) complain("the failure was swallowed");
    if (!*outcome_) check_error(way, error);
    if (!lie) check_state(way);
  }

 private:
  void complain(const std::string& what) { problems_.push_back(story_ + ": " + what); }

  void run(const std::vector<Fault>& faults) {
    directory_ = std::make_unique<TempDirectory>(Medium::memory_with_attributes);
    scenario_.prepare(directory_->path());
    if (scenario_.existed) inode_ = status_of(directory_->path() / scenario_.target).st_ino;
    NoSyncFileSystem no_sync(scenario_.without_no_replace);
    FaultyFileSystem files(no_sync);
    perdure::testing::ManualEnvironment environment(17);
    for (const auto& fault : faults) files.fail(fault);
    outcome_.emplace(
        scenario_.act({.files = &files, .environment = &environment}, directory_->path()));
    log_ = files.log();
    if (files.handles_open() != 0) complain("a handle is left open");
  }

  /// Whether one of the answers was a lie about the state below. "It exists already" is one when
  /// the call itself has just made it under a name that nobody can guess.
  [[nodiscard]] bool lied(Way way, int error) const {
    for (const auto& call : log_) {
      if (!call.injected) continue;
      const bool own = call.name.ends_with(".perdure-tmp") && error == EEXIST;
      if (way == Way::after_effect ? own : listed(scenario_.lies, call, call.error)) return true;
    }
    return false;
  }

  void check_error(Way way, int error) {
    const Error& reason = outcome_->error();
    if (reason.step.empty() || reason.path.empty())
      complain("no step or path: " + reason.message());
    const bool masked = reason.kind == ErrorKind::system && reason.cause.value() != error;
    if (way == Way::once && masked && error != ENOENT && error != EEXIST && error != EINVAL) {
      complain("another cause is told: " + reason.message());
    }
    bool naming = false;  // a call that names or unnames the target failed
    bool decided = true;
    for (const auto& call : log_) {
      if (call.injected && listed(scenario_.decisive, call, call.error)) decided = false;
      naming |= call.injected &&
                (call.operation == Operation::rename || call.operation == Operation::link ||
                 call.operation == Operation::unlink);
    }
    const bool single = way == Way::once || way == Way::after_effect;
    if (reason.fate == Fate::unknown && decided && (single || !naming)) {
      complain("nobody knows the fate, without need: " + reason.message());
    }
  }

  void check_state(std::optional<Way> way) {
    const fs::path target = directory_->path() / scenario_.target;
    const bool exists = fs::exists(target);
    const std::string now = exists ? slurp(target) : "";
    const bool is_old =
        exists == scenario_.existed &&
        (!exists || (now == scenario_.before && status_of(target).st_ino == inode_));
    const bool is_new = exists == scenario_.exists_after && (!exists || now == scenario_.after);
    const std::string said = *outcome_ ? "success" : outcome_->error().message();
    if (!is_old && !is_new) complain("the target is neither old nor new; " + said);
    if (*outcome_ && !is_new) complain("success, and not the new content");
    if (!*outcome_ && outcome_->error().fate == Fate::unchanged && !is_old) {
      complain("not unchanged: " + said);
    }
    if (!*outcome_ && outcome_->error().fate == Fate::visible && !is_new) {
      complain("not visible: " + said);
    }
    if (!fs::exists(target.parent_path())) return;
    for (const auto& temp : temps_in(target.parent_path())) {
      if (*outcome_ || said.find(temp) == std::string::npos) {
        complain("the temp " + temp + " is left, without a word; " + said);
      } else if (way == Way::once || way == Way::after_effect) {
        if (log_.empty() || !unlink_failed()) complain("a temp is left without need; " + said);
      }
    }
    for (const auto& name : list(target.parent_path())) check_lock(target.parent_path() / name);
    if (*outcome_ && scenario_.check) {
      if (const auto fault = scenario_.check(directory_->path()); !fault.empty()) complain(fault);
    }
  }

  [[nodiscard]] bool unlink_failed() const {
    for (const auto& call : log_) {
      if (call.operation == Operation::unlink && call.error != 0) return true;
    }
    return false;
  }

  void check_lock(const fs::path& path) {
    if (!path.native().ends_with(".perdure-lock")) return;
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) complain("the lock is held");
    ::close(fd);
  }

  const Scenario& scenario_;
  std::vector<std::string>& problems_;
  std::unique_ptr<TempDirectory> directory_;
  std::optional<Result<void>> outcome_;
  std::vector<Call> log_;
  ino_t inode_ = 0;
  std::string story_ = "nothing fails";
};

/// Whether a call changes something, so that it can have its effect and fail all the same.
inline bool has_effect(Operation operation) {
  static const std::set<Operation> effective{
      Operation::create,      Operation::open_lock,      Operation::write_at,
      Operation::preallocate, Operation::sync_file,      Operation::sync_directory,
      Operation::rename,      Operation::link,           Operation::unlink,
      Operation::set_mode,    Operation::make_directory, Operation::remove_directory,
      Operation::set_owner,   Operation::set_xattr,      Operation::remove_xattr};
  return effective.contains(operation);
}

/// Every call, every error of it, in every way.
inline void fail_each_call(const Scenario& scenario) {
  std::vector<std::string> problems;
  Trial trial(scenario, problems);
  const auto calls = trial.rehearse();
  std::uint64_t trials = 0;
  for (std::size_t index = 0; index < calls.size(); ++index) {
    for (const int error : perdure::testing::errors_of(calls[index].operation)) {
      for (const Way way : {Way::once, Way::from_then_on, Way::after_effect, Way::and_the_unlink}) {
        if (way == Way::after_effect && !has_effect(calls[index].operation)) continue;
        trial.fail(calls, index, error, way);
        ++trials;
      }
    }
  }
  INFO(scenario.name << ": " << calls.size() << " calls, " << trials << " trials");
  std::string all;
  for (std::size_t i = 0; i < problems.size() && i < 12; ++i) all += problems[i] + "\n";
  INFO(problems.size() << " problems, the first of them:\n" << all);
  CHECK(problems.empty());
  CHECK(calls.size() >= 3);
}

}  // namespace perdure::test
