// SPDX-License-Identifier: BSL-1.0
// A content as its differences from another one.
#pragma once

#include <cstdint>
#include <vector>

#include <perdure/bytes.hpp>

namespace perdure {

/// A part of the base that is taken out, and the bytes that come in its place.
struct Edit {
  std::uint64_t offset = 0;  ///< In the base, counted from the end of the previous edit.
  std::uint64_t removed = 0;
  Buffer inserted;
};

/// Edits that make `wanted` of `base`; in order. They are not the fewest, but are found fast. A
/// change in place is found at the speed of memory, moved content at that of a hash. Parts that
/// come in another order are inserted anew.
[[nodiscard]] std::vector<Edit> edits_between(Bytes base, Bytes wanted);

/// Whether they can be applied to a content of size `base_size`, and give one of size `result`.
[[nodiscard]] bool fit(const std::vector<Edit>& edits, std::uint64_t base_size,
                       std::uint64_t result_size);

/// The content that edits make of `base`. They must fit.
[[nodiscard]] Buffer edited(Bytes base, const std::vector<Edit>& edits);

}  // namespace perdure
