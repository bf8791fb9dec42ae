// SPDX-License-Identifier: BSL-1.0
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <perdure/json.hpp>

namespace perdure::json_detail {

Error exception_error(std::string_view step) {
  Error out{.kind = ErrorKind::serializer,
            .cause = {},
            .step = std::string(step),
            .path = {},
            .detail = {}};
  try {
    throw;
  } catch (const std::bad_alloc&) {
    out.cause = std::make_error_code(std::errc::not_enough_memory);
    out.detail = "not enough memory";
  } catch (const std::exception& error) {
    out.detail = std::string("an exception: ") + error.what();
  } catch (...) {
    out.detail = "an exception of an unknown type";
  }
  return out;
}

}  // namespace perdure::json_detail
