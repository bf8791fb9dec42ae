// SPDX-License-Identifier: BSL-1.0
// Compares a content found after a crash with those that a file had.
#pragma once

#include <string>

#include "witness/history.hpp"

namespace crashlab {

struct Match {
  enum class Kind : std::uint8_t {
    intact,     ///< one of the contents that may be there
    in_place,   ///< between two of them, and each byte that was synced and not changed is there
    rewritten,  ///< neither the old nor the new content of a file that was cut and written again
    torn,       ///< none of the contents, none of it promised
    lost,       ///< none of them, and promised
  };
  Kind kind = Kind::intact;
  std::string reason;

  bool good() const { return kind == Kind::intact || kind == Kind::in_place; }
};

/// Whether the node may have this content after a crash in the window, under a name that it has
/// since `bound`.
Match match(const History& history, Node node, Position bound, Window window, const Content& found);

/// "is empty", "is 4096 bytes of zeros", "has 10 of 20 bytes": for a sentence that begins with the
/// file.
std::string describe(const Content& found, const Content& expected);

}  // namespace crashlab
