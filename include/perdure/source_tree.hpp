// SPDX-License-Identifier: BSL-1.0
// A tree of files to read, which may belong to somebody else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>
#include <perdure/path.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// A file of a tree, open. Move-only. The file system outlives it.
class PERDURE_API SourceFile {
 public:
  /// Fills the front of `out`; 0 at the end.
  Result<std::size_t> read(std::span<std::byte> out);
  /// Makes the next `read` begin at the front again.
  void rewind() noexcept { offset_ = 0; }
  /// As long as this lives.
  [[nodiscard]] Handle handle() const noexcept { return file_.get(); }
  /// As it was found when it was opened.
  [[nodiscard]] const Status& status() const noexcept { return status_; }

 private:
  friend class SourceTree;
  SourceFile(FileSystem& files, OwnedHandle file, Status status, std::string path)
      : files_(&files), file_(std::move(file)), status_(status), path_(std::move(path)) {}

  FileSystem* files_;
  OwnedHandle file_;
  Status status_;
  std::string path_;
  std::uint64_t offset_ = 0;
};

/// The parts of a tree that are taken.
struct SourceOptions {
  /// Take symbolic links as links. Without this option a link in the tree is refused: anybody who
  /// may write to the tree chooses its text, and can lead readers anywhere.
  bool symlinks = false;
  /// Take the previous generations of tracked states, too.
  bool previous = false;
  /// Others change the tree: a directory that goes while it is listed is left out.
  bool changing = false;
};

/// The files under a directory. The directory is opened once, by the path that is given. Everything
/// beneath it is found from there, without following links and without waiting. So a user who may
/// rename in the tree can't lead a reader out of it. Errors are of reading (Error::reading), and
/// name the file. Move-only; one thread at a time.
class PERDURE_API SourceTree {
 public:
  /// A name in the tree, and its kind when the tree was listed.
  struct Entry {
    std::string path;                   ///< Relative to the tree.
    FileType type = FileType::regular;  ///< Or a directory, or a symbolic link.
  };

  /// Opens and lists it. A pipe or another mount in it, or a link that was not asked for, is
  /// ErrorKind::not_regular: it has no place in a transaction.
  static Result<SourceTree> open(const Path& path, const System& system = native_system(),
                                 const SourceOptions& options = {});

  /// The same of a directory that is open, and stays the caller's. `path` is for words.
  static Result<SourceTree> open_in(Handle directory, const Path& path,
                                    const System& system = native_system(),
                                    const SourceOptions& options = {});

  /// Directories come before their entries.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// The library's own files, which no transaction may name, and the private directories that lie
  /// in their roots; with the path of the tree.
  [[nodiscard]] const std::vector<std::string>& left_out() const noexcept { return left_out_; }

  /// Whether it is this directory, or lies in it, as far as this user may look.
  [[nodiscard]] Result<bool> lies_in(const Version& directory) const;
  /// Whether it is this directory.
  [[nodiscard]] bool is(const Version& directory) const { return version_.same_file(directory); }
  /// The status of an entry as it is now.
  Result<Status> status(const std::string& path);
  /// An entry that is a directory, "" for the tree itself, open until the next call.
  Result<Handle> directory(const std::string& path);
  /// The permission bits of a directory that one of the entries names.
  Result<std::uint32_t> directory_mode(const std::string& path);
  /// The text of a symbolic link that one of the entries names. An error where it is none any more.
  Result<std::string> read_symlink(const std::string& path);
  /// Opens the file that one of the entries names. An error where it is not a regular file any
  /// more.
  Result<SourceFile> open_file(const std::string& path);

 private:
  SourceTree(std::string path, const System& system, const SourceOptions& options)
      : path_(std::move(path)), system_(system), options_(options) {}
  Result<void> list();
  Result<void> list_directory(const std::string& relative, std::vector<std::string>& to_list);
  Result<std::string> private_directory_of(const std::string& relative, Handle directory);
  /// The directory that an entry lies in.
  Result<Handle> parent_of(const std::string& relative);
  [[nodiscard]] std::string full(const std::string& relative) const;
  [[nodiscard]] FileSystem& files() const noexcept { return *system_.files; }

  std::string path_;
  System system_;
  SourceOptions options_;
  OwnedHandle top_;
  Version version_;   // of the top
  OwnedHandle last_;  // the directory that was opened last, and its path in the tree
  std::string last_path_;
  std::vector<Entry> entries_;
  std::vector<std::string> left_out_;
};

}  // namespace perdure
