// SPDX-License-Identifier: BSL-1.0
// A run of a program under test, and its history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>
#include <perdure/testing/simulated_file_system.hpp>

namespace perdure::testing {

/// One line of the history by which an oracle judges: an attempt of the program, an answer that it
/// got, or a crash.
struct Event {
  /// The moment that it notes.
  enum class Kind : std::uint8_t {
    attempt,       ///< The program sets out to do something.
    acknowledged,  ///< It was told of success.
    failed,        ///< It was told of an error.
    kill,          ///< The process died.
    power_cut,     ///< The power went.
  };
  Kind kind = Kind::attempt;                ///< Says which of the members below count.
  std::size_t attempt = 0;                  ///< attempt, acknowledged, failed: which one, from 0.
  std::string target = {};                  ///< attempt: the path.
  std::optional<std::string> content = {};  ///< attempt: what it shall be; empty for a removal.
  Durability durability = Durability::durable;  ///< attempt: what was asked for.
  std::uint64_t step = 0;       ///< attempt: attempts with the same number, not 0, happen together.
  Fate fate = Fate::unchanged;  ///< failed: the fate that the program was told.
};

/// The surroundings of a program under test: a file system, an environment, and a place to note its
/// history. Given to it for the length of one run.
class PERDURE_TESTING_API Session {
 public:
  /// `system` and `disk` must outlive the session.
  Session(System system, SimulatedFileSystem& disk, std::vector<Event> history = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// The seams to give to the code under test. Faults and lies that a test asked for lie between
  /// them and the disk.
  [[nodiscard]] System system() const noexcept { return system_; }
  /// As in `system`.
  [[nodiscard]] FileSystem& files() const noexcept { return *system_.files; }
  /// As in `system`.
  [[nodiscard]] Environment& environment() const noexcept { return *system_.environment; }
  /// The disk itself, for oracles: calls here never fail by a schedule.
  [[nodiscard]] SimulatedFileSystem& disk() const noexcept { return disk_; }
  /// The rules of the disk.
  [[nodiscard]] const Preset& preset() const noexcept;
  /// Which of the workload's cases this run is; 0 in recovery and in oracles.
  [[nodiscard]] std::size_t case_number() const noexcept { return case_number_; }

  // --- History. Thread-safe. Each is a moment at which a crash is tried.

  /// The program sets out to give `target` this `content` (or to remove it, when empty). Returns
  /// the number of the attempt.
  std::size_t attempt(const std::string& target, std::optional<std::string> content,
                      Durability durability = Durability::durable, std::uint64_t step = 0);
  /// The program was told that this attempt succeeded, with the durability asked for.
  void acknowledge(std::size_t attempt);
  /// The program was told that this attempt failed, and what became of the target.
  void fail(std::size_t attempt, Fate fate);

  /// All three around a call that returns a Result: attempt, then acknowledge or fail.
  template <class Call>
  auto commit(const std::string& target, std::optional<std::string> content, Durability durability,
              Call call) -> decltype(call()) {
    const std::size_t number = attempt(target, std::move(content), durability);
    auto result = call();
    if (result) {
      acknowledge(number);
    } else {
      fail(number, result.error().fate);
    }
    return result;
  }

  /// Something happened that must never happen, crash or not, such as a commit that failed without
  /// a fault. The first call in a run is a violation, with these words.
  void wrong(std::string words);
  /// The words of `wrong`; empty if it was not called.
  [[nodiscard]] const std::string& words() const noexcept { return words_; }

  /// Not to be called while actors run.
  [[nodiscard]] const std::vector<Event>& history() const noexcept { return history_; }

 private:
  void add(Event event);

  System system_;
  SimulatedFileSystem& disk_;
  std::vector<Event> history_;
  std::string words_;
  std::size_t case_number_ = 0;
  std::unique_ptr<struct SessionLock> lock_;
  friend struct SessionAccess;
};

}  // namespace perdure::testing
