// SPDX-License-Identifier: BSL-1.0
// Ways to save named contents: the bare system calls, perdure's, and those of others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::bench {

/// Many contents of one size under the names PREFIX0, PREFIX1, ...
struct Batch {
  std::string prefix;
  unsigned count = 0;
  const std::string* content = nullptr;

  [[nodiscard]] std::string name(unsigned i) const { return prefix + std::to_string(i); }
};

/// One way, working in one directory. A call that returned true has reached what its Way says.
class Saver {
 public:
  Saver() = default;
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;
  virtual ~Saver() = default;

  virtual bool save(const std::string& name, const std::string& content) = 0;
  /// One after the other, unless there is a better way.
  virtual bool save_all(const Batch& batch);
  /// In pieces of `block` bytes; false where everything has to be in memory.
  virtual bool stream(const std::string& /*name*/, const std::string& /*content*/,
                      std::size_t /*block*/) {
    return false;
  }
  /// The same as a tracked state of so many records, and its loading; false where there is none.
  virtual bool save_state(unsigned /*records*/) { return false; }
  virtual bool load_state(unsigned /*records*/) { return false; }
  /// Seconds of the last call, where another process did the work and timed it.
  virtual std::optional<double> own_time_s() { return std::nullopt; }
};

/// The kind of a candidate; the page gives each its colour.
enum class Kind {
  floor,  ///< The bare system calls.
  limit,  ///< The floor below every commit.
  perdure,
  file,      ///< Another library that makes a file.
  database,  ///< One that keeps the content in files of its own.
};
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

/// The promise once `save` returned. "ordered" and "none" as perdure's Durability has them.
struct Reached {
  static constexpr std::string_view durable = "durable";
  static constexpr std::string_view ordered = "ordered";
  static constexpr std::string_view none = "none";
};

struct Way {
  std::string name = {};
  Kind kind = Kind::file;
  std::string reached = {};  ///< By `save`.
  std::string note = {};     ///< How it is called, in few words.
  /// `save_all`: "each" (every file is old or new by itself), "all" (all or none), "" (it has no
  /// part in cases of many files).
  std::string together = {};
  std::uint64_t size_max = UINT64_MAX;  ///< Larger contents are not what it is made for.
  bool alone = true;                    ///< Takes part in cases of one file.
  bool streams = false;
  bool tracks = false;  ///< Has save_state and load_state.
  std::function<std::unique_ptr<Saver>(const std::string& directory)> open = {};
};

/// `open` for a Saver that is made from its directory.
template <class S, class... Arguments>
std::function<std::unique_ptr<Saver>(const std::string&)> opener(Arguments... arguments) {
  return [=](const std::string& directory) { return std::make_unique<S>(directory, arguments...); };
}

using Ways = std::vector<Way>;
void add_floor(Ways& ways);
void add_perdure(Ways& ways);
/// The savers whose libraries were there when this was built, and in `missing` the others' names.
void add_peers(Ways& ways, std::vector<std::string>& missing);
/// A program for each peer of another language: every file of `directory` that can be executed, and
/// is called `only` unless that is empty.
void add_drivers(Ways& ways, const std::string& directory, const std::string& only);

}  // namespace perdure::bench
