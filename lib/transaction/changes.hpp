// SPDX-License-Identifier: BSL-1.0
// The changes that a transaction shall make to each path.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/serializer.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/staged_file.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Words for a lock or a temp that keeps a directory from being removed.
inline constexpr std::string_view own_file_words =
    "a lock or a temp of perdure's; `perdure clean --locks` removes those that nobody uses";

/// The change that is wanted of one path.
struct Change {
  JournalAction action = JournalAction::put;
  StagedFile staged{};  ///< put: the new content.
  /// put: the file may take the place of a symbolic link.
  bool over_symlink = false;
  /// put: a directory is there, which goes first. make_directory: a file or a link is, which goes
  /// first.
  bool changes_type = false;
  std::uint32_t mode = 0777;  ///< make_directory: less the umask.
  /// The file that this removal moves; no other file may be removed in its place.
  std::optional<Identity> moved{};
};
[[nodiscard]] inline bool removes_directory(const Change& change) noexcept {
  return removes_directory(change.action, change.changes_type);
}

/// All that a transaction wants, with the staged files of its new content. Nothing of it is visible
/// outside the private directory.
class Changes {
 public:
  Changes(TransactionRoot& root, std::string id, Protocol protocol)
      : root_(root),
        directories_(root.files, root.directory.get()),
        staged_(root, directories_, std::move(id), protocol) {}
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  ~Changes() = default;

  Result<void> put(const std::string& path, const Metadata& metadata,
                   const std::optional<std::string>& like,
                   const std::function<Result<void>(Sink&)>& source);
  Result<void> put_symlink(const std::string& path, const std::string& text);
  Result<void> remove(const std::string& path);
  Result<void> remove_directory(const std::string& path);
  /// Removes the file, the link, or the directory with all that is in it now. Drops changes of
  /// paths in it.
  Result<void> remove_all(const std::string& path);
  Result<void> make_directory(const std::string& path, std::uint32_t mode);
  Result<void> move(const std::string& from, const std::string& to);
  Result<Buffer> read(const std::string& path, std::uint64_t size_max);
  /// The text of a symbolic link that is there now, outside the transaction.
  Result<std::string> read_symlink(const std::string& path);
  /// Writes what `read` gives into the sink, block by block.
  Result<void> copy(const std::string& path, Sink& sink);

  /// Makes files of the content that memory has, since a journal needs files of all content.
  Result<void> make_files();

  /// The status of the path now, outside the transaction. Where a file is committed to the log and
  /// not in place yet, that file's status.
  Result<std::optional<Status>> stat(const std::string& path);

  /// A call failed half-way, so the staged files are not those that were asked for.
  [[nodiscard]] bool is_broken() const noexcept { return broken_; }

  /// In the order of their paths: a directory comes before its entries.
  [[nodiscard]] std::map<std::string, Change>& by_path() noexcept { return changes_; }
  [[nodiscard]] StagedFiles& staged() noexcept { return staged_; }
  [[nodiscard]] Directories& directories() noexcept { return directories_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Located;
  Result<Located> locate(const std::string& path);
  Result<bool> drop(const std::string& path);
  Result<MetadataOf> metadata_of(const std::string& path);
  Result<void> drop_beneath(const std::string& path);
  Result<void> remove_tree(const std::string& path);

  TransactionRoot& root_;
  Directories directories_;
  StagedFiles staged_;
  std::map<std::string, Change> changes_;
  std::uint64_t bytes_ = 0;
  bool broken_ = false;
};

}  // namespace perdure
