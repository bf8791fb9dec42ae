// SPDX-License-Identifier: BSL-1.0
// The pointer from an object to its state, which a moved-from object has lost.
#pragma once

#include <memory>
#include <utility>

#include <perdure/detail/export.hpp>

namespace perdure::detail {

/// Ends the program, with a sentence on standard error: an object was used after it had been moved
/// from.
[[noreturn]] PERDURE_API void used_after_move() noexcept;

/// A smart pointer to an object's state. Empty once the object was moved from: to follow it then is
/// a mistake that nothing at run time can mend. So the program ends there, in every build. To
/// destroy such an object and to assign to it is fine.
template <class Pointer>
class Held {
 public:
  Held(Pointer state) noexcept : state_(std::move(state)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
  auto& operator*() const noexcept {
    if (state_ == nullptr) used_after_move();
    return *state_;
  }
  auto* operator->() const noexcept { return std::addressof(**this); }

 private:
  Pointer state_;
};

}  // namespace perdure::detail
