// SPDX-License-Identifier: BSL-1.0
// How content that was not synced can be found after a power cut.
#pragma once

#include <memory>
#include <vector>

#include "testing/simulator/crash_states.hpp"

namespace perdure::testing {

struct Torn {
  Tear tear;
  std::shared_ptr<Blob> blob;
};

/// The ways in which a file with this durable and this new content can be found, the intact one
/// first, no two alike. `ends` are the ends of the writes.
std::vector<Torn> all_tears(const Preset& preset, InodeId inode, const Buffer& durable,
                            const Buffer& fresh, const std::vector<std::uint64_t>& ends,
                            const Bounds& bounds);

/// The content that this tear makes.
Buffer torn_content(const Tear& tear, const Buffer& durable, const Buffer& fresh);

}  // namespace perdure::testing
