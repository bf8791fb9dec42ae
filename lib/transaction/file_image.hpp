// SPDX-License-Identifier: BSL-1.0
// A file with all that it takes to make it once more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>

#include "engine/metadata.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

struct FileImage {
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::vector<Xattr> xattrs;
  Buffer content;
};

/// Reads the image of an open file that nobody else changes. `path` is for words only.
Result<FileImage> read_image(const TransactionRoot& root, std::string_view step,
                             const std::string& path, Handle file);

/// Makes such a file in the private directory, in the place of what has that name.
Result<OwnedHandle> make_from_image(TransactionRoot& root, std::string_view step,
                                    const std::string& path, const std::string& name,
                                    const FileImage& image);

}  // namespace perdure
