// SPDX-License-Identifier: BSL-1.0
// Makes empty files under names that nobody can guess.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// An empty file under a name that nobody else knows.
struct FreshFile {
  std::string name;
  OwnedHandle handle;
};

/// Makes one for `leaf`, and tries other names while one is taken. On failure none is left.
SysResult<FreshFile> make_fresh_file(FileSystem& files, Handle directory, std::string_view leaf,
                                     Environment& environment, std::uint32_t mode);

}  // namespace perdure
