// SPDX-License-Identifier: BSL-1.0
// Words for exceptions of users' code.
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include <perdure/detail/caught.hpp>

namespace perdure::detail {

namespace {

void add_words(Error& error, std::string_view words, std::string_view more) noexcept try {
  error.detail = std::string(words).append(more);
} catch (const std::bad_alloc&) {  // the facts will do
}

}  // namespace

/// Throws nothing. Where memory for the words is missing, the error keeps its facts.
Error caught(std::string_view step) noexcept {
  Error out{.kind = ErrorKind::serializer, .cause = {}, .step = {}, .path = {}, .detail = {}};
  try {
    out.step = step;
    throw;
  } catch (const std::bad_alloc&) {
    out.cause = std::make_error_code(std::errc::not_enough_memory);
  } catch (const std::exception& error) {
    add_words(out, "an exception: ", error.what());
  } catch (...) {
    add_words(out, "an exception of an unknown type", "");
  }
  if (out.cause) add_words(out, "not enough memory", "");
  return out;
}

}  // namespace perdure::detail
