// SPDX-License-Identifier: BSL-1.0
// Errors as handles of the C interface.
#include "c/border.hpp"

#include <algorithm>
#include <array>
#include <new>

#include <perdure/detail/caught.hpp>
#include <perdure/version.hpp>

#include "c/numbers.hpp"

namespace perdure::c {
namespace {

constexpr const char* no_memory_words = "not enough memory; free some, and call again";

Error no_memory(Fate fate) noexcept {
  Error error;
  error.fate = fate;
  error.cause = std::make_error_code(std::errc::not_enough_memory);
  return error;
}

/// One error for each fate, made in advance, for when memory runs out. Never freed: the last call
/// of a program may return one.
class Reserve {
 public:
  static perdure_error* of(Fate fate) noexcept {
    const auto found = std::find(fates.begin(), fates.end(), fate);
    return &made()[static_cast<std::size_t>(found - fates.begin())];
  }
  static bool has(const perdure_error* error) noexcept {
    return std::any_of(made().begin(), made().end(),
                       [error](const perdure_error& one) { return &one == error; });
  }

 private:
  using All = std::array<perdure_error, fates.size()>;
  static All& made() noexcept {
    alignas(All) static std::array<std::byte, sizeof(All)> place;
    static All* const all = [] {
      auto* const errors = new (place.data()) All;  // without an allocation: the strings are empty
      for (std::size_t i = 0; i < errors->size(); ++i) (*errors)[i].error = no_memory(fates[i]);
      return errors;
    }();
    return *all;
  }
};

}  // namespace

Error wrong_call(std::string_view step, std::string_view words) {
  return {.kind = ErrorKind::invalid_argument,
          .cause = {},
          .step = std::string(step),
          .path = {},
          .detail = std::string(words),
          .reading = true};
}

int hand_over(Error error, perdure_error** out) noexcept {
  const int kind = number_of(error.kind);
  if (out == nullptr) return kind;
  const Fate fate = error.fate;
  try {
    std::string message = error.message();
    *out = new perdure_error{std::move(error), std::move(message)};
    return kind;
  } catch (...) {
    *out = Reserve::of(fate);
    return PERDURE_KIND_SYSTEM;
  }
}

int hand_over_exception(std::string_view step, Fate fate, perdure_error** out) noexcept {
  Error error = detail::caught(step);
  if (error.cause) error.kind = ErrorKind::system;
  error.fate = fate;
  return hand_over(std::move(error), out);
}

}  // namespace perdure::c

using perdure::c::number_of;

int perdure_error_kind(const perdure_error* error) {
  return error == nullptr ? PERDURE_KIND_NONE : number_of(error->error.kind);
}

int perdure_error_fate(const perdure_error* error) {
  return error == nullptr ? PERDURE_FATE_NONE : number_of(error->error.fate);
}

int perdure_error_errno(const perdure_error* error) {
  return error == nullptr ? 0 : error->error.cause.value();
}

const char* perdure_error_step(const perdure_error* error) {
  return error == nullptr ? "" : error->error.step.c_str();
}

const char* perdure_error_path(const perdure_error* error) {
  return error == nullptr ? "" : error->error.path.c_str();
}

const char* perdure_error_message(const perdure_error* error) {
  if (error == nullptr) return "";
  return perdure::c::Reserve::has(error) ? perdure::c::no_memory_words : error->message.c_str();
}

void perdure_error_free(perdure_error* error) {
  if (!perdure::c::Reserve::has(error)) delete error;
}

const char* perdure_fate_name(int fate) {
  if (fate == PERDURE_FATE_NONE) return "none";
  const auto value = perdure::c::value_of(perdure::c::fates, fate);
  return value ? perdure::to_string(*value).data() : "unknown";
}

const char* perdure_kind_name(int kind) {
  if (kind == PERDURE_KIND_NONE) return "none";
  const auto value = perdure::c::value_of(perdure::c::kinds, kind);
  return value ? perdure::to_string(*value).data() : "unknown";
}

const char* perdure_library_version(void) {
  return PERDURE_VERSION;
}
