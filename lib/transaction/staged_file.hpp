// SPDX-License-Identifier: BSL-1.0
// The staged files of a transaction: its new content, in the private directory until it is put in
// place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <perdure/pipeline/commit.hpp>
#include <perdure/serializer.hpp>

#include "base/checksum.hpp"
#include "engine/metadata.hpp"
#include "transaction/file_image.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

inline constexpr std::string_view stage_step = "stage the new content";
inline constexpr std::string_view check_step = "check the transaction";

/// One staged file. Its number is in its name.
struct StagedFile {
  std::uint64_t number = 0;
  Identity identity{};
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  Checksum::Digest checksum{};           ///< Of the content, but for a moved one.
  Metadata metadata{};                   ///< As it was asked for.
  std::optional<Version> metadata_of{};  ///< The target whose metadata it was given.
  bool moved = false;    ///< A hard link to a file of the tree, which brings its own metadata.
  bool symlink = false;  ///< A symbolic link, which has neither content nor metadata to give.
  /// Memory has the content, and no file does: `identity` and `mtime_ns` are zero.
  std::shared_ptr<FileImage> held{};
};

/// The file that a new one takes its metadata from.
struct MetadataOf {
  std::string path;
  std::optional<Status> status;  ///< Empty: there is none.
  // One of the next two is set if this transaction makes the file: the staged name, or the image in
  // memory.
  std::string staged{};
  std::shared_ptr<const FileImage> image{};
};

class StagedFiles {
 public:
  StagedFiles(TransactionRoot& root, Directories& directories, std::string id, Protocol protocol)
      : root_(root), directories_(directories), id_(std::move(id)), protocol_(protocol) {}
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;
  ~StagedFiles() = default;

  /// Stages the content that the source writes, with the metadata of the file `from`, or of a new
  /// one, as `metadata` says.
  Result<StagedFile> stage(const std::string& path, const MetadataOf& from,
                           const Metadata& metadata,
                           const std::function<Result<void>(Sink&)>& source);
  /// Stages a symbolic link of this text.
  Result<StagedFile> make_symlink(const std::string& path, const std::string& text);
  /// Stages the file or symbolic link that has this path, by a hard link. `directory` is the one it
  /// lies in.
  Result<StagedFile> link(std::string_view step, Handle directory, const std::string& from);
  /// Gives the staged file the metadata of the target again, which changed since. The file is
  /// synced again.
  Result<void> refresh_metadata(StagedFile& staged, const std::string& path, const Status& found);
  Result<void> remove(const StagedFile& staged, const std::string& path);
  /// Makes a file of one that is in memory.
  Result<void> make_file(StagedFile& staged, const std::string& path);

  /// Makes the staged files durable. With `fast` they are only certain to be on the disk before the
  /// journal. With `whole` the sync of the whole file system does it.
  Result<void> flush();
  /// The same, once many wait.
  Result<void> flush_if_many();
  /// The image of a staged file, of any but a moved one.
  Result<FileImage> image(const StagedFile& staged, const std::string& path);
  /// Makes their names durable.
  Result<void> sync_names();

  /// Whether they are the journal's, so that `discard` leaves them.
  void keep(bool kept) noexcept { kept_ = kept; }
  /// Removes them, unless they were kept. The next committer removes files that can't be removed
  /// now.
  void discard() noexcept;

  /// Finds out whether this user may make a file in the directory.
  Result<void> check_writable(const std::string& parent);

  [[nodiscard]] std::string name_of(const StagedFile& staged) const;
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] Protocol protocol() const noexcept { return protocol_; }

 private:
  /// The metadata that a new file in a directory inherits from it: group, ACL, label.
  struct Inherited {
    Status status;
    std::vector<Xattr> xattrs;
  };
  /// The metadata that the kernel gives a file that is made with `mode`. An empty file shows it,
  /// which has no name where the file system has such files. For a directory that does not exist
  /// yet, the nearest one above it is asked.
  Result<std::shared_ptr<const Inherited>> inherited(const std::string& parent, std::uint32_t mode);
  Result<std::shared_ptr<const Inherited>> show_inherited(const std::string& path, Handle directory,
                                                          std::uint32_t mode);
  Result<std::shared_ptr<const Inherited>> read_inherited(const std::string& path, Handle file);
  Result<std::shared_ptr<FileImage>> image_like(const std::string& path) const;
  Result<std::shared_ptr<FileImage>> held_like(const std::string& path, const MetadataOf& from,
                                               const Metadata& metadata) const;
  Result<void> begin_file(Commit& commit, StagedFile& staged, const std::string& path,
                          const MetadataOf& from);
  Result<void> end_file(Commit& commit, StagedFile& staged, const std::string& path,
                        const MetadataOf& from);
  Result<void> locate(Commit& commit, const std::string& path);
  Result<void> show(Commit& commit, const std::string& path, const FileImage& image);
  Result<void> locate_source(Commit& commit, const std::string& path, const MetadataOf& from);
  Result<void> give_metadata(Commit& commit, const std::string& path,
                             const std::optional<Status>& temp);

  TransactionRoot& root_;
  Directories& directories_;
  std::string id_;
  Protocol protocol_;
  /// By directory and mode.
  std::map<std::pair<std::string, std::uint32_t>, std::shared_ptr<const Inherited>> inherited_;
  /// Files that wait for more files before they are synced together, by number.
  std::vector<std::pair<std::uint64_t, OwnedHandle>> unflushed_;
  std::vector<std::string> shown_;  ///< Files that metadata were taken from; they go at the end.
  std::uint64_t next_ = 0;
  bool kept_ = false;
};

}  // namespace perdure
