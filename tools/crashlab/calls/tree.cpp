// SPDX-License-Identifier: BSL-1.0
// Puts a small tree into words.
#include "calls/tree.hpp"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <vector>

namespace crashlab::calls {
namespace {

using perdure::FileSystem;
using perdure::FileType;
using perdure::Handle;
using perdure::OwnedHandle;

/// The content as its runs of equal bytes; bytes that no script wrote are "?".
std::string runs(const std::string& text) {
  std::string words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
    const char letter = text[at] == '\0' ? '0' : text[at];
    const bool known = letter == '0' || letter == old || letter == fresh || letter == later;
    words += (at == 0 ? "" : ",") + std::string(1, known ? letter : '?') +
             (known ? std::to_string(end - at) : "");
    at = end;
  }
  return words.empty() ? "empty" : words;
}

std::string read(FileSystem& files, Handle file) {
  std::string text;
  for (;;) {
    char block[16384];
    const std::size_t count =
        value_of(files.read_at(file, text.size(), std::as_writable_bytes(std::span(block))));
    if (count == 0) return text;
    text.append(block, count);
  }
}

/// "[600 user.x=y]" for metadata that differs from that of a script's new file.
std::string metadata(FileSystem& files, Handle handle, std::uint32_t mode, std::uint32_t usual) {
  std::string words;
  if (mode != usual) {
    char octal[16];
    std::snprintf(octal, sizeof octal, "%o", mode);
    words = octal;
  }
  std::vector<std::string> names = value_of(files.list_xattrs(handle));
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (!name.starts_with("user.")) continue;
    const perdure::Buffer value = value_of(files.get_xattr(handle, name));
    words += (words.empty() ? "" : " ") + name + "=" + std::string(perdure::as_text(value));
  }
  return words.empty() ? "" : "[" + words + "]";
}

class Look {
 public:
  explicit Look(FileSystem& files) : files_(files) {}

  void directory(Handle handle, const std::string& prefix) {
    std::vector<perdure::DirectoryEntry> entries = value_of(files_.list(handle));
    std::ranges::sort(entries, {}, &perdure::DirectoryEntry::name);
    for (const perdure::DirectoryEntry& entry : entries) {
      const std::string path = prefix + entry.name;
      words_ += (words_.empty() ? "" : ";") + path;
      const perdure::Status status = value_of(files_.stat_at(handle, entry.name));
      if (status.type == FileType::directory) {
        const OwnedHandle inside(files_, value_of(files_.open_beneath(handle, entry.name)));
        words_ += metadata(files_, inside.get(), status.mode, directory_mode) + "/";
        directory(inside.get(), path + "/");
      } else {
        file(handle, entry.name, path, status);
      }
    }
  }
  std::string take() { return std::move(words_); }

 private:
  void file(Handle directory, const std::string& name, const std::string& path,
            const perdure::Status& status) {
    const auto [first, is_new] = seen_.emplace(status.version.inode, path);
    if (!is_new) {
      words_ += "==" + first->second;
      return;
    }
    const OwnedHandle handle(files_, value_of(files_.open_file(directory, name)));
    words_ += metadata(files_, handle.get(), status.mode, file_mode) + "=" +
              runs(read(files_, handle.get()));
  }

  FileSystem& files_;
  std::string words_;
  std::map<std::uint64_t, std::string> seen_;  // by inode
};

}  // namespace

std::map<std::string, std::string> prepared() {
  const std::string text(size, old);
  return {{"file", text}, {"left/", ""}, {"left/file", text}, {"right/", ""}};
}

std::string look(FileSystem& files, Handle root) {
  Look look(files);
  try {
    look.directory(root, "");
  } catch (const std::system_error& error) {
    return look.take() + " (" + error.code().message() + ")";
  }
  return look.take();
}

}  // namespace crashlab::calls
