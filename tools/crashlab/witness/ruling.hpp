// SPDX-License-Identifier: BSL-1.0
// Judges one crash state by the history of the tree and the promises.
#pragma once

#include <string>
#include <vector>

#include "witness/history.hpp"
#include "witness/tree.hpp"

namespace crashlab {

struct Finding {
  enum class Kind : std::uint8_t {
    torn,         ///< a name has a content that was never intact there
    missing,      ///< nothing is under a name that is there before the program and after it
    lost,         ///< a promised content or name is not there
    rolled_back,  ///< after the program's end: not as it left it; a fault only if it promised that
    in_place,     ///< between two contents that were written under the name; nothing synced is gone
  };
  static constexpr std::size_t kinds = 5;

  Kind kind = Kind::torn;
  std::string path;
  std::string reason;
};

const char* name_of(Finding::Kind kind);

struct RulingRules {
  /// The program's own recovery judges files that were written in place: such a file may be between
  /// two contents.
  bool recovered = false;
  std::vector<std::string> ignored;  ///< patterns of paths, as in a shell; `*` takes slashes too
};

/// The findings about a state that the power cut of `window` left. `ended`: the program had ended
/// by then.
std::vector<Finding> rule(const History& history, Window window, bool ended, const Tree& state,
                          const RulingRules& rules);

}  // namespace crashlab
