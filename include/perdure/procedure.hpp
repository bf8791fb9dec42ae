// SPDX-License-Identifier: BSL-1.0
// Functions that return nothing, or Result<void> to fail.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include <perdure/detail/language.hpp>

namespace perdure {
namespace detail {

/// Whether a callable returns one of these types. The library would drop any other value, and take
/// a failure for success.
template <class Returned, class... Allowed>
inline constexpr bool returns_one_of = (std::same_as<std::remove_cv_t<Returned>, Allowed> || ...);

}  // namespace detail

/// A callable of the user that returns nothing. A std::function would take a callable that returns
/// a Result or an error code, and drop the error. A Procedure of such a callable does not compile.
/// Holds a copy of the callable, or none: it is empty when it was made of an empty function, or
/// moved from. As thread-safe as the callable, whose exceptions pass through.
template <class... Args>
class Procedure {
 public:
  Procedure() noexcept = default;
  /// Holds none.
  Procedure(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  /// Holds a copy; none of an empty function.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Procedure> &&
           std::invocable<std::decay_t<F>&, Args...>)
      // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
      Procedure(F&& callable)
      : callable_(std::forward<F>(callable)) {
    static_assert(
        detail::returns_one_of<std::invoke_result_t<std::decay_t<F>&, Args...>, void>,
        "perdure: this callable returns nothing: a Result or an error code would be dropped, and "
        "taken for success; throw, or keep it where you can see it");
  }

  /// Calls it; std::bad_function_call when there is none.
  void operator()(Args... args) const { callable_(std::forward<Args>(args)...); }
  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(callable_); }

 private:
  std::function<void(Args...)> callable_;
};

}  // namespace perdure
