// SPDX-License-Identifier: BSL-1.0
// How the library takes and shows the paths of files.
#pragma once

#include <boost/filesystem/path.hpp>

#include <perdure/detail/language.hpp>

namespace perdure {

/// Made of any string. Its bytes are the bytes of the name: no encoding counts.
using Path = boost::filesystem::path;

}  // namespace perdure
