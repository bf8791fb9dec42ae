// SPDX-License-Identifier: BSL-1.0
// The members of a stamp while they are read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/json/location.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// The text before the 32 digits in the member `checksum`: which sum it is.
inline constexpr std::string_view checksum_prefix = "xxh3-128:";

/// The value of the member `lineage`, quotes and all: "9c0f3b5a77e1d204", or after a loss
/// "9c0f3b5a77e1d204 from 51ab9c3e0f7d2268 at 4".
[[nodiscard]] std::string lineage_text(const Lineage& lineage);

/// Collects the stamp of one text while its top-level object is read, and judges it.
class StampFields {
 public:
  /// True for a name that belongs to the stamp.
  [[nodiscard]] static bool owns(std::string_view name) noexcept;
  /// Takes the member of the top-level object that has such a name. `value` is its JSON text, a
  /// view into the text that `verify` will get. False when that member was there before. A value of
  /// the wrong form does not fail here: `verify` judges it.
  bool take(std::string_view name, std::string_view value);
  /// Keeps a member that the program does not know.
  void keep(const JsonLocation& at, std::string_view value);

  /// After all of `text` was read: false for no stamp at all, true for one that is intact and
  /// right, ErrorKind::corrupt for anything else.
  [[nodiscard]] Result<bool> verify(std::string_view text) const;

  [[nodiscard]] Stamp& stamp() noexcept { return stamp_; }

 private:
  Stamp stamp_;
  unsigned seen_ = 0;          ///< A bit for each of `stamp_names`.
  std::string damage_;         ///< Words for a value that is wrong.
  bool foreign_ = false;       ///< A member `lineage` that no tracker wrote.
  std::string_view checksum_;  ///< All between the quotes, in the text.
};

}  // namespace perdure
