// SPDX-License-Identifier: BSL-1.0
// A root of transactions, open: its directories, its marker, its lock.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <perdure/path.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/transaction_options.hpp>

#include "engine/random_pool.hpp"
#include "engine/trust.hpp"
#include "linux/fork.hpp"
#include "transaction/tree.hpp"
#include "transaction/unpublished.hpp"

namespace perdure {

struct RecoveryReport;

/// Remembers trials in directories, so that a root which stays open makes each once. Thread-safe.
class KnownTrials {
 public:
  /// Whether a file, or a directory, with a name of so many bytes could be made there.
  [[nodiscard]] bool has(const Identity& directory, bool of_file, std::size_t length) const;
  void note(const Identity& directory, bool of_file, std::size_t length);

 private:
  mutable std::mutex mutex_;
  std::map<std::tuple<std::uint64_t, std::int64_t, bool>, std::size_t> longest_;
};

/// A root of transactions, open: its directory, its private one, and the lock if it was taken.
struct TransactionRoot {
  TransactionRoot(const Path& at, const TransactionOptions& root_options)
      : path(at),
        options(root_options),
        files(*root_options.system.files),
        random(*root_options.system.environment) {}
  TransactionRoot(const TransactionRoot&) = delete;
  TransactionRoot& operator=(const TransactionRoot&) = delete;
  ~TransactionRoot() { release(); }

  Path path;
  TransactionOptions options;
  FileSystem& files;
  RandomPool random;
  OwnedHandle directory;
  OwnedHandle private_directory;  ///< Of the transactions alone: journal, staged files, lock.
  Status status;                  ///< Of the root's directory.
  Status private_status;          ///< Of the private one.
  std::optional<Keeper> keeper;   ///< The user to whom root gives the files that it makes there.
  std::string private_name;       ///< Of the private directory, if it is directly under the root.
  OwnedHandle lock;
  /// Whether the marker is there. Without it, `release` removes the private directory that this
  /// process made.
  bool marked = false;
  bool private_directory_made = false;
  bool restored = false;  ///< Its private directory was missing, and is there again, empty.
  MadeBy made_by{};
  KnownTrials trials;
  Unpublished unpublished;
  /// Whether a rename is one step on the disk here; empty until it is asked for.
  std::optional<bool> renames_at_once{};

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
  /// Tells the observer, if there is one, what recovery found and finished.
  void tell(const RecoveryReport& report) const;
  /// Lets the root go. If nobody marked it, removes the private directory that this process made.
  void release() noexcept;
  /// The same for the sync of a directory, as durable as the options ask for.
  [[nodiscard]] Result<void> synced(std::string_view step, const std::string& relative,
                                    const SysResult<void>& result) const;
  /// Whether a journal may name this path; with `Naming::of_users`, whether a user's call may.
  enum class Naming { of_users, of_states };
  Result<void> check_path(std::string_view step, const std::string& relative,
                          Naming naming = Naming::of_users) const;
};

/// The directory that the private one lies in, and its name there.
struct PrivatePlace {
  OwnedHandle outside;
  Handle above;
  std::string name;
};
/// Finds the directory above a private one of this name, whether that is there or not.
Result<PrivatePlace> private_place(const TransactionRoot& root,
                                   const std::string& private_directory);

/// Whether a power cut leaves a rename done or undone here, never half done. Asks once.
[[nodiscard]] bool renames_at_once(TransactionRoot& root);

/// Everything on the root's file system is durable (`Protocol::whole`).
Result<void> sync_root(TransactionRoot& root, std::string_view step);

}  // namespace perdure
