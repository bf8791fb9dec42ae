// SPDX-License-Identifier: BSL-1.0
// A tree of files to read, which may belong to somebody else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <perdure/error.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure::cli {

/// A file of a tree, open. Move-only.
class SourceFile {
 public:
  SourceFile(OwnedHandle file, Status status, std::string path)
      : file_(std::move(file)), status_(status), path_(std::move(path)) {}

  /// Fills the front of `out`; 0 at the end.
  Result<std::size_t> read(std::span<std::byte> out);
  /// As it was found when it was opened.
  [[nodiscard]] const Status& status() const noexcept { return status_; }

 private:
  OwnedHandle file_;
  Status status_;
  std::string path_;
  std::uint64_t offset_ = 0;
};

/// The files under a directory. That directory is opened once, by the path that the user gave.
/// Everything beneath it is found from there, without links and without waiting: whoever may rename
/// in the tree leads nobody out of it. Move-only.
class SourceTree {
 public:
  struct Entry {
    std::string path;  ///< Relative to the tree.
    bool directory = false;
  };

  /// Opens and lists it. A link, a pipe, or another mount in it is an error: it has no place in a
  /// transaction.
  static Result<SourceTree> open(const std::string& path);

  /// Directories come before what is in them.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// The library's own files, which no transaction may name; with the path of the tree.
  [[nodiscard]] const std::vector<std::string>& left_out() const noexcept { return left_out_; }

  /// The permission bits of a directory that one of the entries names.
  Result<std::uint32_t> directory_mode(const std::string& path);
  /// Opens the file that one of the entries names. An error where it is not a regular file any
  /// more.
  Result<SourceFile> open_file(const std::string& path);

 private:
  explicit SourceTree(std::string path) : path_(std::move(path)) {}
  Result<void> list();
  Result<void> list_directory(const std::string& relative, std::vector<std::string>& to_list);
  Result<Handle> directory_of(const std::string& relative);
  [[nodiscard]] std::string full(const std::string& relative) const;

  std::string path_;
  OwnedHandle top_;
  OwnedHandle last_;  // the directory that was opened last, and its path in the tree
  std::string last_path_;
  std::vector<Entry> entries_;
  std::vector<std::string> left_out_;
};

}  // namespace perdure::cli
