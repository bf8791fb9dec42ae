// SPDX-License-Identifier: BSL-1.0
// File systems that lie upon another one, and give its promises on, or not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crashlab {

/// overlay: overlayfs(5) with all that is written in its upper layer. gocryptfs: encrypted, by
/// FUSE. bindfs: a FUSE file system that forwards each call.
enum class Layer : std::uint8_t { none, overlay, gocryptfs, bindfs };

const char* name_of(Layer layer);
std::vector<std::string> layer_names();
/// Throws Failure for other names.
Layer layer_named(const std::string& name);

/// Makes what the layer needs in `below`, a mounted file system, unless it is there, and mounts it
/// at `above`. Returns why it can't be mounted: what a crash left may refuse. Empty: it is.
std::string lay(Layer layer, const std::string& below, const std::string& above);

}  // namespace crashlab
