// SPDX-License-Identifier: BSL-1.0
// Locks expected paths, and compares their versions.
#include "transaction/expectations.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/missing.hpp"
#include "engine/lock.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view compare_step = "compare the version";
constexpr const char* gone = "it does not exist any more";

}  // namespace

/// The expected paths whose directories are there, in the order in which their locks are taken.
Result<std::vector<std::string>> Expectations::order() {
  std::vector<std::pair<TargetKey, std::string>> found;
  std::map<std::string, Version> identities;
  for (const auto& [path, version] : versions_) {
    const std::string parent = parent_of(path);
    const auto directory = changes_.directories().open(parent);
    if (!directory && is_missing(directory.error())) {
      if (!version.is_absent()) {
        return root_.failure(compare_step, path, ErrorKind::conflict, gone);
      }
      nowhere_.push_back(path);
      continue;
    }
    if (!directory) return root_.closed_way(compare_step, path, directory.error());
    auto identity = identities.find(parent);
    if (identity == identities.end()) {
      const auto status = root_.files.stat(directory.value());
      if (!status) return root_.failure(compare_step, path, status.error());
      identity = identities.emplace(parent, status.value().version).first;
      changes_.directories().expect(parent, identity_of(identity->second));
    }
    found.emplace_back(TargetKey(identity->second, leaf_of(path)), path);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  paths.reserve(found.size());
  for (auto& [key, path] : found) paths.push_back(std::move(path));
  return paths;
}

/// The directory of an expected path, as it was when the locks were put in order.
Result<Handle> Expectations::open(const std::string& path) {
  const auto directory = changes_.directories().open(parent_of(path));
  if (directory) return directory.value();
  if (!is_missing(directory.error())) {
    return root_.closed_way(compare_step, path, directory.error());
  }
  return root_.failure(compare_step, path, ErrorKind::conflict,
                       "its directory was moved or removed in the meantime; read it again");
}

/// Whether the path, whose directory is there, is of the expected version.
Result<void> Expectations::compare(const std::string& path) {
  const Version& version = versions_.at(path);
  BOOST_OUTCOME_TRY(const Handle directory, open(path));
  const std::string leaf = leaf_of(path);
  const auto now = root_.files.stat_at(directory, leaf);
  if (!now && !is_missing(now.error())) return root_.failure(compare_step, path, now.error());
  bool same = !now && version.is_absent();
  if (now && !version.is_absent()) {
    Target target(root_.files, root_.random, (root_.path / path).native());
    target.directory = directory;
    BOOST_OUTCOME_TRY(same, has_version(target, leaf, now.value(), version));
  }
  if (same) return success();
  return root_.failure(compare_step, path, ErrorKind::conflict,
                       now ? "it is not the version that was expected; read it again" : gone);
}

/// A lock file lies beside its target, so a directory with one is not empty and can't be removed.
Result<void> Expectations::check_stays() {
  for (const auto& [path, version] : versions_) {
    for (std::string above = parent_of(path); !above.empty(); above = parent_of(above)) {
      const auto change = changes_.by_path().find(above);
      const bool goes = change != changes_.by_path().end() && removes_directory(change->second);
      if (!goes) continue;
      return root_.failure(compare_step, path, ErrorKind::invalid_argument,
                           "this transaction removes '" + above +
                               "', in which a version can't be expected: its lock would lie there");
    }
  }
  return success();
}

Result<void> Expectations::lock() {
  if (locked_) return compare();
  BOOST_OUTCOME_TRY(check_stays());
  BOOST_OUTCOME_TRY(const auto paths, order());
  for (const auto& path : paths) {
    BOOST_OUTCOME_TRY(const Handle directory, open(path));
    const auto failure = [&](std::error_code cause) {
      return root_.failure(compare_step, path, cause);
    };
    BOOST_OUTCOME_TRY(auto lock,
                      take_target_lock(root_.files, root_.random, directory, leaf_of(path),
                                       {root_.options.lock_timeout_ms, root_.options.stop}, failure,
                                       root_.options.system.observer));
    locks_.push_back(std::move(lock));
    BOOST_OUTCOME_TRY(compare(path));
  }
  // Somebody may have moved a directory while we waited: then the lock in it is not that of the
  // path any more.
  changes_.directories().look_anew();
  for (const auto& path : paths) {
    BOOST_OUTCOME_TRY(open(path));
  }
  locked_ = true;
  return success();
}

Result<void> Expectations::check_nowhere() {
  for (const auto& path : nowhere_) {
    const auto directory = changes_.directories().open(parent_of(path));
    if (directory) {
      return root_.failure(compare_step, path, ErrorKind::conflict,
                           "somebody else made its directory in the meantime; read it again");
    }
    if (!is_missing(directory.error())) {
      return root_.closed_way(compare_step, path, directory.error());
    }
  }
  return success();
}

Result<void> Expectations::compare() {
  for (const auto& [path, version] : versions_) {
    if (std::ranges::find(nowhere_, path) != nowhere_.end()) continue;
    BOOST_OUTCOME_TRY(compare(path));
  }
  return check_nowhere();
}

}  // namespace perdure
