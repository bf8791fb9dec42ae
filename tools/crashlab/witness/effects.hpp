// SPDX-License-Identifier: BSL-1.0
// The effect of each system call on the content of files, and on the promises about them.
#pragma once

#include <cstdint>
#include <string>

namespace crashlab {

enum class Effect : std::uint8_t {
  none,        ///< modes, owners, times: not judged
  content,     ///< of the file of its descriptor
  names,       ///< of anything; by a path, so that a content may be cut as well
  sync,        ///< promises the content and its metadata: fsync
  sync_data,   ///< promises the content: fdatasync
  sync_range,  ///< promises a part of what is mapped: msync
  sync_all,    ///< promises everything: sync, syncfs
  map,         ///< from here on the file changes without a call
  unknown,     ///< may have changed anything
};

Effect effect_of(std::uint64_t call);

/// As in its manual page; "call 333" where it has no name here.
std::string name_of_call(std::uint64_t call);

}  // namespace crashlab
