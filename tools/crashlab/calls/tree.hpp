// SPDX-License-Identifier: BSL-1.0
// The small tree in which scripts run, and words for its state after a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include <perdure/system/file_system.hpp>

namespace crashlab::calls {

/// Every content has one size and one letter: `old` is there when a script begins, `fresh` is put
/// in its place, `later` follows.
inline constexpr std::size_t size = 10000;
inline constexpr char old = 'o';
inline constexpr char fresh = 'n';
inline constexpr char later = 'm';

inline constexpr std::uint32_t file_mode = 0644;
inline constexpr std::uint32_t directory_mode = 0755;

/// Throws std::system_error where the call failed.
template <class T>
T value_of(perdure::SysResult<T> result) {
  if (!result) throw std::system_error(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// The findings of a script: content by path; a path that ends in '/' is a directory.
std::map<std::string, std::string> prepared();

/// One word for all that lies beneath `root`: "file=n4096,05904;left/;new==file" is a file of new
/// bytes and zeros, a directory, and a second name of that file. A mode or an attribute that a call
/// gave stands behind the name: "file[600]=o10000". An error of a read stands behind the bytes that
/// were read.
std::string look(perdure::FileSystem& files, perdure::Handle root);

}  // namespace crashlab::calls
