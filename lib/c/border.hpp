// SPDX-License-Identifier: BSL-1.0
// The border of the C interface: errors become handles, and no exception crosses it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/perdure.h>
#include <perdure/system/native.hpp>

struct perdure_error {
  perdure::Error error;
  std::string message;
};

namespace perdure::c {

/// The system of all calls: that of the operating system, unless a test is linked with another one.
[[nodiscard]] System system_of_calls() noexcept;

/// The error of a call that is wrong in itself.
[[nodiscard]] Error wrong_call(std::string_view step, std::string_view words);

/// Stores the error in `*out`, unless `out` is NULL, and returns its kind. If the memory runs out,
/// it stores an error that says so, with the same fate.
int hand_over(Error error, perdure_error** out) noexcept;
/// The same for the exception that is being handled.
int hand_over_exception(std::string_view step, Fate fate, perdure_error** out) noexcept;

/// Runs `work`, which returns a Result<void>. `thrown` is the fate if it throws: `work` may set it
/// while it runs.
template <class Work>
int call(std::string_view step, const Fate& thrown, perdure_error** out, Work work) noexcept {
  if (out != nullptr) *out = nullptr;
  try {
    Result<void> done = work();
    return done ? PERDURE_KIND_NONE : hand_over(std::move(done.error()), out);
  } catch (...) {
    return hand_over_exception(step, thrown, out);
  }
}

/// The fate of a call whose commit had this durability, and that fails behind it.
[[nodiscard]] constexpr Fate reached(Durability durability) noexcept {
  return durability == Durability::durable ? Fate::durable : Fate::visible;
}

/// Empties the place of a handle that a call makes, and says whether there is one.
template <class Handle>
[[nodiscard]] bool clear(Handle** handle) noexcept {
  if (handle != nullptr) *handle = nullptr;
  return handle != nullptr;
}

}  // namespace perdure::c
