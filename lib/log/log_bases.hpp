// SPDX-License-Identifier: BSL-1.0
// Contents in a log that later ones can be derived from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <perdure/bytes.hpp>

#include "log/log_format.hpp"

namespace perdure {

/// Remembers the last content of each path, as long as its record is not settled. Small contents
/// are not remembered, since a record has whole blocks. Beyond a limit all are forgotten, and
/// records have complete contents again.
class LogBases {
 public:
  /// The content as edits of the path's last content, or of an equal content of another path; empty
  /// where that saves little.
  [[nodiscard]] std::optional<Derivation> derive(const std::string& path, Bytes content) const;

  /// The path has this content now, by the entry of a record.
  void note(const std::string& path, std::uint64_t record, std::uint32_t entry, LoggedFile file);
  void forget(const std::string& path);
  void clear() noexcept;

 private:
  struct Base {
    std::uint64_t record = 0;
    std::uint32_t entry = 0;
    std::uint64_t hash = 0;
    std::size_t depth = 0;  ///< Derivations on the way to a complete one.
    Buffer content;
  };
  std::map<std::string, Base> contents_;                  ///< By path.
  std::unordered_map<std::uint64_t, std::string> paths_;  ///< By hash: the last with it.
  std::size_t size_ = 0;                                  ///< Of all contents.
};

}  // namespace perdure
