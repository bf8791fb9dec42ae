// SPDX-License-Identifier: BSL-1.0
// An edit of a tracked state, its type forgotten.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <perdure/error.hpp>
#include <perdure/procedure.hpp>

namespace perdure::detail {

/// Runs on a copy of the state, which it gets by address.
using Edit = std::function<Result<void>(void*)>;

template <class T, class F>
Edit to_edit(F edit) {
  static_assert(std::is_invocable_v<const F&, T&>,
                "perdure: an edit takes T&, may be run more than once, and so must not change what "
                "it captured: drop `mutable`, and copy where it moves");
  if constexpr (std::is_invocable_v<const F&, T&>) {
    static_assert(returns_one_of<std::invoke_result_t<const F&, T&>, void, Result<void>>,
                  "perdure: an edit returns nothing, or Result<void> to call the save off; any "
                  "other value would be taken for success");
  }
  return [edit = std::move(edit)](void* value) -> Result<void> {
    if constexpr (std::is_same_v<std::invoke_result_t<const F&, T&>, Result<void>>) {
      return edit(*static_cast<T*>(value));
    } else {
      edit(*static_cast<T*>(value));
      return success();
    }
  };
}

}  // namespace perdure::detail
