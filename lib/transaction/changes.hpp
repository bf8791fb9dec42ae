// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/pipeline/commit.hpp>
#include <perdure/serializer.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// What a transaction wants, path by path, and the staged files that hold its new content. Nothing
/// of it is visible outside the private directory.
class Staging {
 public:
  Staging(TransactionRoot& root, std::string id)
      : root_(root), directories_(root.files, root.directory.get()), id_(std::move(id)) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() = default;

  Result<void> put(const std::string& path, const std::function<Result<void>(Sink&)>& source);
  Result<void> remove(const std::string& path);
  Result<void> make_directory(const std::string& path);
  Result<void> move(const std::string& from, const std::string& to);
  Result<Buffer> read(const std::string& path);

  /// Checks everything that putting it in place could trip over, makes the staged files durable
  /// with their names, or ordered before the journal, and says what the journal must.
  Result<Journal> seal();

  /// Whether the staged files are the journal's, so that `discard` leaves them.
  void keep(bool kept) noexcept { kept_ = kept; }
  /// Removes the staged files, unless they were kept. The next committer collects what won't go.
  void discard() noexcept;

  /// A call failed half-way: what is staged is not what was asked for.
  [[nodiscard]] bool is_broken() const noexcept { return broken_; }

  [[nodiscard]] Directories& directories() noexcept { return directories_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  /// What is to become of one path.
  struct Wish {
    JournalAction action = JournalAction::put;
    std::uint64_t staged = 0;
    Identity identity{};
    std::uint64_t size = 0;
    std::optional<Version> metadata_of{};  ///< The target whose metadata the staged file was given.
    bool moved = false;                    ///< The staged file brings its own metadata.
  };
  /// What a new file in a directory inherits from it: group, ACL, label.
  struct Inherited;

  Result<std::optional<Status>> stat(const std::string& path);
  Result<void> stage(Wish& wish, const std::string& path,
                     const std::function<Result<void>(Sink&)>& source);
  Result<void> dress(Commit& commit, const std::string& path, const std::optional<Status>& temp);
  Result<const Inherited*> inherited(const std::string& parent);
  Result<void> settle_staged();
  Result<void> sync_names();
  Result<void> drop(const std::string& path);
  Result<JournalEntry> check(const std::string& path, Wish& wish);
  Result<void> check_parent(const std::string& path);
  Result<Status> check_way(const std::string& directory, const std::string& path);
  Result<void> check_found(const std::string& path, const Wish& wish, const Status& found);
  Result<void> dress_again(Wish& wish, const std::string& path, const Status& found);
  Result<void> check_aliases();

  TransactionRoot& root_;
  Directories directories_;
  std::string id_;
  std::map<std::string, Wish> wishes_;
  std::map<std::string, std::shared_ptr<const Inherited>> inherited_;
  std::map<std::string, Status> ways_;     ///< Directories that check_way has seen.
  std::map<std::string, Status> parents_;  ///< Those of them that paths lie in directly.
  std::vector<OwnedHandle>
      unsettled_;  ///< Staged files that wait for company on their way to the disk.
  std::uint64_t next_ = 0;
  std::uint64_t bytes_ = 0;
  bool kept_ = false;
  bool broken_ = false;
};

}  // namespace perdure
