// SPDX-License-Identifier: BSL-1.0
// A program that updates one state in a store over and over, and tells of each step.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <utility>

#include <perdure/state_tracker.hpp>

namespace perdure::test {

/// The last update of one updater that is in the state.
struct Mark {
  std::uint64_t number = 0;  ///< 0: there is none.
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Mark, (), (number, value))

/// A counter, and who counted last. So each updater can see whether an update of its own is done.
struct Tally {
  std::uint64_t value = 0;
  std::map<std::string, Mark> marks;
};
BOOST_DESCRIBE_STRUCT(Tally, (), (value, marks))

/// Counted by all processes of a test.
struct Counts {
  static constexpr int nobody = -1;

  std::atomic<std::uint64_t> acknowledged = 0;
  std::atomic<std::uint64_t> unknown = 0;
  std::atomic<std::uint64_t> overtaken = 0;  ///< Updates of a holder of the lock that were refused.
  std::atomic<int> holder = nobody;          ///< Who took the lock last, as far as it knows.
  std::atomic<bool> over = false;
};

/// Memory that the children of this process share with it.
class SharedCounts {
 public:
  SharedCounts() {
    void* const at =
        ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("mmap");
    counts_ = new (at) Counts;
  }
  SharedCounts(const SharedCounts&) = delete;
  SharedCounts& operator=(const SharedCounts&) = delete;
  ~SharedCounts() { ::munmap(counts_, sizeof(Counts)); }

  Counts& operator*() const { return *counts_; }
  Counts* operator->() const { return counts_; }

 private:
  Counts* counts_;
};

/// The steps of a program, as history.hpp has them, in a file that a kill leaves as it is.
class Log {
 public:
  /// Goes on with the file of a predecessor, without a last line that lacks its end.
  explicit Log(const std::string& file);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  /// One line, by one write.
  void say(const std::string& words);
  /// The number of the last update that began; 0 if none did.
  [[nodiscard]] std::uint64_t last_begun() const { return last_begun_; }
  /// That update, where its fate was not told.
  [[nodiscard]] std::optional<std::uint64_t> open() const { return open_; }

 private:
  int file_ = -1;
  std::uint64_t last_begun_ = 0;
  std::optional<std::uint64_t> open_;
};

/// How an updater works.
struct UpdaterOptions {
  int number = 0;  ///< Of the updater: its mark in the state.
  std::string told;
  std::function<Result<std::unique_ptr<StateStore>>()> open;
  std::chrono::milliseconds lock_timeout_ms{60'000};
  std::uint64_t total = 0;  ///< Of acknowledged updates by all; each stops when they are reached.
  /// In turns of so many updates it holds the lock for all of them, or takes none; 0: never.
  std::uint64_t turn = 200;
};

/// Updates until `counts.acknowledged` is `total`. After an update of unknown fate it reloads,
/// until that succeeds, and looks whether its update is in the state. At its start it settles the
/// update that a killed predecessor left open, by a commit of its own. Every tenth time it reads.
/// "all" when it is done.
std::string update_in_turns(const UpdaterOptions& options, Counts& counts);

/// Settles what the updater left open, and returns the state.
Tally settle(const UpdaterOptions& options, Counts& counts);

}  // namespace perdure::test
