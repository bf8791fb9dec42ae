// SPDX-License-Identifier: BSL-1.0
// Finds a file's content on the disk.
#pragma once

#include <string_view>
#include <vector>

#include "disk/fault.hpp"
#include "disk/pages.hpp"

namespace crashlab {

/// The places where the disk has pages equal to those of `content`, in any order. So no file system
/// has to be asked where it keeps a file, and copies are found, too. Pages of zeros are passed
/// over. Throws Failure where a page is found nowhere: it lies within an inode, or is compressed.
std::vector<Range> places_of(const Pages& pages, std::string_view content);

}  // namespace crashlab
