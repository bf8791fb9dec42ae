// SPDX-License-Identifier: BSL-1.0
// Bytes in base64, there and back.
#pragma once

#include <string>
#include <string_view>

#include <perdure/bytes.hpp>

#include "base/internal.hpp"

namespace perdure {

/// RFC 4648, section 4: with padding and without line breaks.
[[nodiscard]] PERDURE_INTERNAL_API std::string to_base64(Bytes bytes);
/// The same at the end of `text`.
PERDURE_INTERNAL_API void append_base64(Bytes bytes, std::string& text);

/// False for a text that `to_base64` does not write.
PERDURE_INTERNAL_API bool from_base64(std::string_view text, Buffer& out);

}  // namespace perdure
