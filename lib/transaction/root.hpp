// SPDX-License-Identifier: BSL-1.0
// A root of transactions, open: its directories, its marker, its lock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <perdure/path.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/transaction_options.hpp>

#include "engine/random_pool.hpp"

namespace perdure {

/// A root of transactions, open: its directory, its private one, and the lock if it was taken.
struct TransactionRoot {
  TransactionRoot(const Path& at, const TransactionOptions& root_options)
      : path(at),
        options(root_options),
        files(*root_options.system.files),
        random(*root_options.system.environment) {}

  Path path;
  TransactionOptions options;
  FileSystem& files;
  RandomPool random;
  OwnedHandle directory;
  OwnedHandle private_directory;  ///< Of the transactions alone: journal, staged files, lock.
  Status status;                  ///< Of the root's directory.
  Status private_status;          ///< Of the private one.
  std::string private_name;       ///< Of the private directory, if it is directly under the root.
  OwnedHandle lock;
  /// Whether a rename is one step on the disk here; empty until somebody needs to know.
  std::optional<bool> renames_at_once{};
  std::uint64_t sync_mark = 0;  ///< The failed syncs of this process before anything was applied.

  /// An error of a system call about `relative` ("" for the root itself), with the fate that every
  /// step before the commit point has.
  [[nodiscard]] Error failure(std::string_view step, const std::string& relative,
                              std::error_code cause) const;
  [[nodiscard]] Error failure(std::string_view step, const std::string& relative, ErrorKind kind,
                              std::string detail) const;
  /// The same of a directory on the way to `relative` that can't be opened.
  [[nodiscard]] Error closed_way(std::string_view step, const std::string& relative,
                                 std::error_code cause) const;
  /// The value of a call, or `failure` with its cause.
  template <class T>
  [[nodiscard]] Result<T> checked(std::string_view step, const std::string& relative,
                                  SysResult<T> result) const {
    if (!result) return failure(step, relative, result.error());
    if constexpr (std::is_void_v<T>) {
      return success();
    } else {
      return std::move(result.value());
    }
  }
  /// Whether a transaction may name this path.
  Result<void> check_path(std::string_view step, const std::string& relative) const;
};

/// Opens the root for a committer: makes the private directory and the marker where they are
/// missing, and takes the lock.
Result<std::unique_ptr<TransactionRoot>> open_root(const Path& path,
                                                   const TransactionOptions& options);

/// Opens it to look on: makes nothing, takes no lock. Empty where no transaction ever was.
Result<std::unique_ptr<TransactionRoot>> look_at_root(const Path& path,
                                                      const TransactionOptions& options);

/// Everything on the root's file system is durable (`Protocol::whole`).
Result<void> sync_root(TransactionRoot& root, std::string_view step);

}  // namespace perdure
