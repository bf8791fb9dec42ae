// SPDX-License-Identifier: BSL-1.0
// The built-in stages: only this file says what each needs, gives and drops.
#pragma once

#include <string_view>
#include <tuple>

#include <perdure/detail/export.hpp>
#include <perdure/pipeline/stage.hpp>

namespace perdure {

/// Turns the value into the image. First by default, so that a serializer that fails leaves the
/// disk untouched.
struct PERDURE_API Serialize {
  static constexpr std::string_view name = "serialize";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = Fact::image;
  Result<void> run(Commit& commit) const;
};

/// Makes the temp beside the target: O_EXCL, a name that nobody can guess, never more permissions
/// than the target will have. One for each commit.
///
/// A stage of one's own that makes the temp has to give the same; its temp is checked, by two calls
/// of stat. `Commit::temp` is a new, empty regular file of this user, open for reading and writing.
/// `Commit::temp_name` is its name in `Commit::directory`. No user whom the target will shut out
/// may open it. Mode 0600 is never wrong: ApplyMetadata gives it the mode that a new file would
/// have. `clean` removes it only if `is_reserved_name` knows the name as a temp's. When the stage
/// fails later, the library removes the temp.
struct PERDURE_API CreateTemp {
  static constexpr std::string_view name = "create temp";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = Fact::temp;
  Result<void> run(Commit& commit) const;
};

/// Writes the image into the temp, from its front. Large images are preallocated, so that a full
/// disk shows first. A write takes set-user-id bits and capabilities away (file_remove_privs in the
/// kernel's fs/inode.c): metadata that was applied before it is not final any more.
struct PERDURE_API Write {
  static constexpr std::string_view name = "write";
  static constexpr Fact needs = Fact::image | Fact::temp;
  static constexpr Fact gives = Fact::content;
  Result<void> run(Commit& commit) const;
};

/// Writes the image into the temp and waits until the disk's cache has it. This is not a flush, but
/// the disk gets the content before anything that is issued later. Only some file systems guarantee
/// that a later rename can't become durable without that content (`Protocol::fast`).
struct PERDURE_API WriteThrough {
  static constexpr std::string_view name = "write through";
  static constexpr Fact needs = Fact::image | Fact::temp;
  static constexpr Fact gives = Fact::content | Fact::ordered;
  static constexpr Protocol protocol = Protocol::fast;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// Gives the temp its final owner, ACL, mode and attributes (`WriteOptions::metadata`).
struct PERDURE_API ApplyMetadata {
  static constexpr std::string_view name = "apply metadata";
  static constexpr Fact needs = Fact::temp;
  static constexpr Fact gives = Fact::metadata;
  Result<void> run(Commit& commit) const;
};

/// fsync(2) of the temp, through the descriptor that wrote it. A failed one is never repeated.
struct PERDURE_API SyncFile {
  static constexpr std::string_view name = "sync file";
  static constexpr Fact needs = Fact::temp | Fact::content | Fact::metadata;
  static constexpr Fact gives = Fact::ordered | Fact::durable_content;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// Reads the temp back from the disk (the cache is dropped first) and compares it byte for byte.
struct PERDURE_API Verify {
  static constexpr std::string_view name = "verify";
  static constexpr Fact needs = Fact::image | Fact::temp | Fact::content | Fact::ordered;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit& commit) const;
};

/// Publishes: the temp gets the target's name, as `WriteOptions::existing` says.
struct PERDURE_API Rename {
  static constexpr std::string_view name = "rename";
  static constexpr Fact needs = Fact::temp | Fact::ordered | Fact::metadata;
  static constexpr Fact gives = Fact::published;
  static constexpr Fact drops = Fact::temp;
  Result<void> run(Commit& commit) const;
};

/// Publishes content that was never synced: for Durability::none alone.
struct PERDURE_API RenameUnordered {
  static constexpr std::string_view name = "rename unordered";
  static constexpr Fact needs = Fact::temp | Fact::content | Fact::metadata;
  static constexpr Fact gives = Fact::published;
  static constexpr Fact drops = Fact::temp;
  Result<void> run(Commit& commit) const;
};

/// fsync(2) of the target's directory: the name is durable. The content must be durable before, or
/// the disk could keep a name without its content. Together: one sync for each directory.
struct PERDURE_API SyncParent {
  static constexpr std::string_view name = "sync parent";
  static constexpr Fact needs = Fact::published | Fact::durable_content;
  static constexpr Fact gives = Fact::durable_name;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// fsync(2) of the renamed file, through the descriptor that wrote it. Where a file's sync includes
/// its last rename (`Protocol::fast`), content and name are durable by one journal commit. Never
/// fdatasync(2), which may leave the rename out. Together: one sync, of the file that was renamed
/// last, since a journal that has its rename has the earlier ones.
struct PERDURE_API SyncPublished {
  static constexpr std::string_view name = "sync published";
  static constexpr Fact needs = Fact::published | Fact::ordered | Fact::metadata;
  static constexpr Fact gives = Fact::durable_content | Fact::durable_name;
  static constexpr Protocol protocol = Protocol::fast;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// syncfs(2) of the file system on which the temp lies, in the place of SyncFile. For many files
/// together, where a sync of each costs more (`Protocol::whole`).
struct PERDURE_API SyncAll {
  static constexpr std::string_view name = "sync all";
  static constexpr Fact needs = Fact::temp | Fact::content | Fact::metadata;
  static constexpr Fact gives = Fact::ordered | Fact::durable_content;
  static constexpr Protocol protocol = Protocol::whole;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// The same in the place of SyncParent.
struct PERDURE_API SyncAllPublished {
  static constexpr std::string_view name = "sync all published";
  static constexpr Fact needs = Fact::published | Fact::durable_content;
  static constexpr Fact gives = Fact::durable_name;
  static constexpr Protocol protocol = Protocol::whole;
  Result<void> run(Commit& commit) const;
  void run_together(BatchedCommits members) const;
};

/// All of the above, for code that goes through them: the table in the docs and its test, the
/// fuzzer.
using BuiltInStages =
    std::tuple<Serialize, CreateTemp, Write, WriteThrough, ApplyMetadata, SyncFile, SyncAll, Verify,
               Rename, RenameUnordered, SyncParent, SyncPublished, SyncAllPublished>;

}  // namespace perdure
