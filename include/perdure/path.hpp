// SPDX-License-Identifier: BSL-1.0
// How the library takes and shows the paths of files.
#pragma once

#include <boost/filesystem/path.hpp>

#include <perdure/detail/language.hpp>

namespace perdure {

/// Made of any string. Its bytes are a name's bytes: no encoding is looked at.
using Path = boost::filesystem::path;

}  // namespace perdure
