// SPDX-License-Identifier: BSL-1.0
// Reads and makes files with all that their images say.
#pragma once

#include <string>
#include <string_view>

#include "transaction/file_image.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// Reads the image of an open file that nobody else changes. `path` is for words only.
Result<FileImage> read_image(const TransactionRoot& root, std::string_view step,
                             const std::string& path, Handle file);

/// Makes such a file in the private directory, in the place of a file that has the name.
Result<OwnedHandle> make_from_image(TransactionRoot& root, std::string_view step,
                                    const std::string& path, const std::string& name,
                                    const FileImage& image);

}  // namespace perdure
