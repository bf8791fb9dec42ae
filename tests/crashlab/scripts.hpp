// SPDX-License-Identifier: BSL-1.0
// Short rows of file operations, written once and run twice: on a real file system and in the
// simulator. Each state that a power cut leaves of them there must be possible here.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <perdure/system/file_system.hpp>

namespace scripts {

/// All that is written is of one size and of one letter throughout: `old` is there when a script
/// begins, `fresh` is put in its place, `later` follows.
inline constexpr std::size_t size = 10000;
inline constexpr char old = 'o';
inline constexpr char fresh = 'n';
inline constexpr char later = 'm';

/// To be called between two operations: what a power cut leaves is compared stretch by stretch.
using Note = std::function<void()>;

struct Script {
  std::string_view name;
  /// Begins in a directory that prepared() describes, all of it durable. Throws where a call fails.
  void (*run)(perdure::FileSystem& files, perdure::Handle root, const Note& note);
};

std::span<const Script> all();

/// The findings of a script: content by path; a path that ends in '/' is a directory.
std::map<std::string, std::string> prepared();

/// One word for what a power cut left, from content by path (a directory's is not looked at):
/// "file=n4096,05904;a/" is a file of new bytes and zeros, and a directory.
std::string describe(const std::map<std::string, std::string>& tree);

}  // namespace scripts
