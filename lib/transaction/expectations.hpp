// SPDX-License-Identifier: BSL-1.0
// The versions that a transaction expects of paths, and the locks under which they are compared.
#pragma once

#include <string>
#include <vector>

#include "transaction/changes.hpp"
#include "transaction/precheck.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

class Expectations {
 public:
  Expectations(TransactionRoot& root, Changes& changes) : root_(root), changes_(changes) {}
  Expectations(const Expectations&) = delete;
  Expectations& operator=(const Expectations&) = delete;
  ~Expectations() = default;

  void expect(const std::string& path, const Version& version) { versions_[path] = version; }
  [[nodiscard]] const ExpectedVersions& versions() const noexcept { return versions_; }

  /// Takes the locks, in the order that all callers keep, and compares under each. Where it took
  /// them before, it only compares.
  Result<void> lock();
  /// The same comparison once more, under the locks.
  Result<void> compare();
  /// Checks the paths that had no directory for a lock. Somebody may have made the directory in the
  /// meantime, and the file, too.
  Result<void> check_nowhere();
  /// Before `lock` can be called again.
  void unlock() noexcept {
    locks_.clear();
    nowhere_.clear();
    locked_ = false;
  }

 private:
  Result<void> check_stays();
  Result<std::vector<std::string>> order();
  Result<Handle> open(const std::string& path);
  Result<void> compare(const std::string& path);

  TransactionRoot& root_;
  Changes& changes_;
  ExpectedVersions versions_;
  std::vector<OwnedHandle> locks_;
  bool locked_ = false;
  std::vector<std::string> nowhere_;  ///< Expected to be absent, in directories that are missing.
};

}  // namespace perdure
