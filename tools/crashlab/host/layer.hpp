// SPDX-License-Identifier: BSL-1.0
// File systems that lie upon another one, and may or may not keep its promises.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crashlab {

/// overlay: overlayfs(5), with all writes in its upper layer. gocryptfs: encrypted, by FUSE.
/// bindfs: a FUSE file system that forwards each call.
enum class Layer : std::uint8_t { none, overlay, gocryptfs, bindfs };

const char* name_of(Layer layer);
std::vector<std::string> layer_names();
/// Throws Failure for other names.
Layer layer_named(const std::string& name);

/// Makes the files that the layer needs in `below`, a mounted file system, unless they are there,
/// and mounts the layer at `above`. Returns why it can't be mounted, maybe because of the state
/// that a crash left; empty if it is mounted.
std::string lay(Layer layer, const std::string& below, const std::string& above);

}  // namespace crashlab
