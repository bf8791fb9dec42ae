// SPDX-License-Identifier: BSL-1.0
// A content as what differs from another one.
#pragma once

#include <cstdint>
#include <vector>

#include <perdure/bytes.hpp>

namespace perdure {

/// A part of the base that is taken out, and what comes in its place.
struct Edit {
  std::uint64_t offset = 0;  ///< In the base, behind the edit before.
  std::uint64_t removed = 0;
  Buffer inserted;
};

/// Edits that make `wanted` of `base`; in order. Not the fewest: a change in place is found at
/// memory's speed, and what was moved at that of a hash. Parts that come in another order are
/// inserted anew.
[[nodiscard]] std::vector<Edit> edits_between(Bytes base, Bytes wanted);

/// Whether they can be applied to a content of this size, and the size is `result` then.
[[nodiscard]] bool fit(const std::vector<Edit>& edits, std::uint64_t base_size,
                       std::uint64_t result_size);

/// The content that comes of edits that fit.
[[nodiscard]] Buffer edited(Bytes base, const std::vector<Edit>& edits);

}  // namespace perdure
