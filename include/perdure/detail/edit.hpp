// SPDX-License-Identifier: BSL-1.0
// An edit of a tracked state, its type forgotten.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <perdure/error.hpp>

namespace perdure::detail {

/// Runs on a copy of the state, which it gets by address.
using Edit = std::function<Result<void>(void*)>;

/// The value of an edit that returns `Returned`: `Returned` itself, or the value of a Result.
template <class Returned>
struct EditValue {
  using type = Returned;
};
template <class R>
struct EditValue<Result<R>> {
  using type = R;
};

/// A value or an error: results and outcomes of any kind, std::expected, the result of another
/// update.
template <class R>
concept HasError = requires(const R& result) {
  result.has_value();
  result.error();
};
/// An error code of any library.
template <class R>
concept IsCode = requires(const R& code) {
  code.category();
  code.value();
};
/// A type that can be a failure. As a value of the edit it would be kept, and the state saved.
template <class R>
inline constexpr bool is_failure =
    std::is_same_v<R, Error> || std::is_same_v<R, std::errc> || HasError<R> || IsCode<R>;

/// The value that an edit gives back; void if none.
template <class T, class F>
constexpr auto edit_value() {
  static_assert(std::is_invocable_v<const F&, T&>,
                "perdure: an edit takes T&, may be run more than once, and so must not change what "
                "it captured: drop `mutable`, and copy where it moves");
  if constexpr (std::is_invocable_v<const F&, T&>) {
    using Value = typename EditValue<std::decay_t<std::invoke_result_t<const F&, T&>>>::type;
    static_assert(
        !is_failure<Value>,
        "perdure: an edit calls the save off by a Result<void>, or a Result of its value; "
        "an error code, or another kind of result, would be taken for success: give the "
        "lambda a return type, as in [](T&) -> perdure::Result<void>");
    static_assert(std::is_void_v<Value> || std::is_copy_constructible_v<Value>,
                  "perdure: the value of an edit can't be copied, and each who waits for the edit "
                  "gets one: return a std::shared_ptr to it");
    return std::type_identity<Value>();
  } else {
    return std::type_identity<void>();
  }
}
template <class T, class F>
using EditValueOf = typename decltype(edit_value<T, F>())::type;

/// Keeps the value of an edit's last run; empty for an edit without a value.
template <class R>
struct EditSlot {
  std::shared_ptr<std::optional<R>> value = std::make_shared<std::optional<R>>();
};
template <>
struct EditSlot<void> {};

template <class T, class F, class R = EditValueOf<T, F>>
Edit to_edit(F edit, const EditSlot<R>& slot) {
  return [edit = std::move(edit), slot](void* state) -> Result<void> {
    static_cast<void>(slot);  // of an edit without a value
    using Returned = std::invoke_result_t<const F&, T&>;
    T& copy = *static_cast<T*>(state);
    if constexpr (std::is_same_v<std::decay_t<Returned>, Result<R>>) {
      auto returned = edit(copy);
      if (!returned) return std::move(returned).error();
      if constexpr (!std::is_void_v<R>) slot.value->emplace(std::move(returned).value());
    } else if constexpr (std::is_void_v<R>) {
      edit(copy);
    } else {
      slot.value->emplace(edit(copy));
    }
    return success();
  };
}

}  // namespace perdure::detail
