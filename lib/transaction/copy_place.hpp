// SPDX-License-Identifier: BSL-1.0
// The place of a copy: its directory, and the work directory in which it is made.
//
// P1. The work directory is this user's alone (0700), and has its marker, durably, before it has
//     anything else. Nothing is touched in a directory without a marker: somebody else may have
//     made it.
// P2. The copy is made in a directory within, so that its own owner and mode give nobody access
//     before it is complete. The rename out of there comes last.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <perdure/path.hpp>
#include <perdure/transaction_options.hpp>

#include "engine/confirm.hpp"
#include "transaction/tree.hpp"

namespace perdure {

inline constexpr std::string_view copy_step = "copy the root";

class CopyPlace {
 public:
  CopyPlace(const Path& destination, const TransactionOptions& options)
      : destination_(destination),
        options_(options),
        files_(*options.system.files),
        environment_(*options.system.environment) {}
  CopyPlace(const CopyPlace&) = delete;
  CopyPlace& operator=(const CopyPlace&) = delete;
  ~CopyPlace() = default;

  /// Takes the lock of the destination, and opens the work directory, new or of an earlier call.
  /// The destination must not exist, nor lie in the directory `root`.
  Result<void> open(Handle root);

  [[nodiscard]] Handle tree() const noexcept { return tree_.get(); }
  [[nodiscard]] Directories& directories() noexcept { return *directories_; }
  /// The directory that a path of the copy lies in; good until the next call.
  Result<Handle> parent(const std::string& path);
  /// Removes the path, a directory with all that is in it; nothing where it is not there.
  Result<void> remove(const std::string& path);
  /// Gives the copy, which is durable, its name, durably. Then the mode of its top loses the bits
  /// `surplus`.
  Result<void> publish(std::uint32_t surplus);

  [[nodiscard]] std::string at(const std::string& path) const {
    return path.empty() ? destination_.native() : (destination_ / path).native();
  }
  [[nodiscard]] Error failure(const std::string& path, std::error_code cause) const;
  [[nodiscard]] Error failure(const std::string& path, ErrorKind kind, std::string detail) const;
  template <class T>
  Result<T> checked(const std::string& path, SysResult<T> result) const {
    if (!result) return failure(path, result.error());
    if constexpr (std::is_void_v<T>) {
      return success();
    } else {
      return std::move(result.value());
    }
  }

 private:
  Result<void> check_name(Handle root);
  Result<void> open_work();
  Result<void> mark(bool made);
  SysResult<void> sync_name(std::uint32_t surplus);
  SysResult<void> tidy();
  /// Whether the copy has this name.
  bool has_copy(Handle directory, const std::string& name);
  Result<void> check_renamed(const SysResult<void>& renamed);
  Result<void> check_published();

  const Path& destination_;
  const TransactionOptions& options_;
  FileSystem& files_;
  Environment& environment_;
  std::string leaf_;
  std::string work_name_;
  OwnedHandle above_;  ///< The directory that the copy is to lie in.
  OwnedHandle lock_;
  OwnedHandle work_;
  OwnedHandle tree_;                        ///< In it: the copy.
  std::optional<Directories> directories_;  ///< Beneath `tree_`.
  std::uint64_t mark_ = failed_syncs();
};

}  // namespace perdure
