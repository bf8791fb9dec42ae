// SPDX-License-Identifier: BSL-1.0
// Promises of the tree, and whether a tree keeps them.
#pragma once

#include "model/state.hpp"

namespace perdure::model {

/// A change of `touched` paths (bits by Path), newest last; its place.
void promise(History& history, const Promise& wanted);
/// A commit begins: nobody answers those before it any more.
void begin(History& history);
/// The promises of ours that are pending are answered.
void answer(History& history, Promise::Status status);
/// The newest pending one never happened: it must not be seen.
void take_back(History& history);
/// The power goes: what others did not sync is there or not.
void lose_power(History& history);

/// Whether the promises allow the tree. Then `resolve` forgets those that it decides.
[[nodiscard]] bool allows(const History& history, const Tree& tree);
void resolve(History& history, const Tree& tree);
/// Whether some tree that they allow has this content at the path.
[[nodiscard]] bool allows_at(const History& history, Path path, Content content);

}  // namespace perdure::model
