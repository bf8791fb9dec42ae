// SPDX-License-Identifier: BSL-1.0
// A file with everything that is needed to make it once more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/bytes.hpp>

#include "engine/metadata.hpp"

namespace perdure {

struct FileImage {
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::vector<Xattr> xattrs;
  Buffer content;
};

}  // namespace perdure
