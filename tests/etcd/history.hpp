// SPDX-License-Identifier: BSL-1.0
// Whether operations on one counter, told by several programs, happened in one order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace perdure::test {

/// An operation that was done, as its program told of it. Times are the machine's monotonic clock.
struct Operation {
  enum class Kind {
    read,    ///< Found a state.
    update,  ///< Counted up by one.
    fence,   ///< Committed a state again, under a number of its own.
  };
  Kind kind = Kind::read;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint64_t value = 0;                    ///< Of the counter, behind it.
  std::optional<std::uint64_t> generation{};  ///< Not told of an update that was found out later.
};

/// All that programs told. Each writes lines, one by one, and an update has a number of its own:
///
///     begin NUMBER TIME
///     done NUMBER TIME VALUE GENERATION      it was acknowledged
///     undone NUMBER TIME                     it was refused: nothing changed, and nothing will
///     unknown NUMBER TIME                    nobody knows, until one of the next two lines:
///     found NUMBER TIME VALUE                it was done
///     missing NUMBER TIME                    it was not done, and never will be
///     read BEGIN END VALUE GENERATION
///     fence BEGIN END VALUE GENERATION
///
/// An update of a program that was killed has its first line alone, until its successor finds out.
struct History {
  std::vector<Operation> operations{};
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;  ///< Were told `unknown`, whatever was found out later.
  std::uint64_t found = 0;
  std::uint64_t missing = 0;
  std::uint64_t open = 0;  ///< Updates that nobody settled.
};

/// Adds what one program has told. In words the first line that makes no sense; empty otherwise. A
/// last line without its end, of a program that was killed, does not count.
[[nodiscard]] std::string add_told(History& history, const std::string& text);

/// The updates of a history are linearizable if the values are an order of them: each value from 1
/// to `final_value` made by one update, no operation before one that had ended when it began, no
/// generation for two commits or two values, and generations that follow the values. In words what
/// is wrong; empty if nothing is.
[[nodiscard]] std::string fault_in(const History& history, std::uint64_t final_value);

}  // namespace perdure::test
