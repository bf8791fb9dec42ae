// SPDX-License-Identifier: BSL-1.0
// Keeps, drops and lists the generations that lie beside the file of a state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/pipeline/stage.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// The names of previous generations that are not the usual ones.
class PreviousNames {
 public:
  [[nodiscard]] std::string of(const std::string& leaf, std::uint64_t generation) const;
  void know(std::uint64_t generation, std::string name) { unusual_[generation] = std::move(name); }
  void forget(std::uint64_t generation) { unusual_.erase(generation); }
  void clear() { unusual_.clear(); }

 private:
  std::map<std::uint64_t, std::string> unusual_;
};

/// Gives the current state its second name before the new state takes the first. The second name
/// has the generation number. With a fixed name, a crash before the publish would leave the current
/// file under it, in the place of the previous one.
struct KeepGeneration {
  static constexpr std::string_view name = "keep generation";
  static constexpr Fact needs = Fact::ordered;
  static constexpr Fact gives = Fact::none;
  std::optional<std::uint64_t> generation;
  PreviousNames* names;

  Result<void> run(Commit& commit) const;
};

/// Drops generations that are too old. The next draft names again a name that can't be removed now.
struct DropGenerations {
  static constexpr std::string_view name = "drop generations";
  static constexpr Fact needs = Fact::published;
  static constexpr Fact gives = Fact::none;
  const std::vector<std::uint64_t>* generations;
  PreviousNames* names;

  Result<void> run(Commit& commit) const;
};

/// The numbers that the names beside a state bear.
struct Generations {
  std::vector<std::uint64_t> previous;  ///< Newest first.
  PreviousNames names;                  ///< Of the previous ones.
  /// Their names. Several may have had one number, and none of them is overwritten.
  std::multimap<std::uint64_t, std::string> damaged;
  std::uint64_t generation_max = 0;  ///< Of both.
};

/// Lists the generations of the state `leaf` in `directory`, whose status is `directory_status`.
/// Only regular files count whose owners may be believed (trust.hpp). In a directory like /tmp
/// anybody may plant a file, even a previous generation of a lost state.
SysResult<Generations> list_generations(FileSystem& files, Handle directory,
                                        const Status& directory_status, const std::string& leaf);

}  // namespace perdure
