// SPDX-License-Identifier: BSL-1.0
// Asks the roots above a file for committed content of it.
#include "transaction/pending.hpp"

#include <algorithm>
#include <memory>

#include <perdure/recovery.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/random_pool.hpp"
#include "engine/target.hpp"
#include "transaction/marker.hpp"
#include "transaction/open_root.hpp"
#include "transaction/recovery.hpp"
#include "transaction/tree.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "ask the root above it";

/// Whether the file that the root calls `path` is the target.
bool is_target(const TransactionRoot& root, const std::string& path, const Target& target) {
  if (leaf_of(path) != target.leaf) return false;
  Directories directories(root.files, root.directory.get());
  const auto directory = directories.open(parent_of(path));
  if (!directory) return false;  // then nothing is beneath it
  const auto status = root.files.stat(directory.value());
  return status && status.value().version.same_file(target.directory_status->version);
}

/// Empty, or why the content at the target may be an older one.
Result<std::string> find_pending(TransactionRoot& root, const Target& target) {
  RecoveryReport report;
  BOOST_OUTCOME_TRY(look_at_journal(root, report));
  if (!report.damage.empty()) {
    return "the root above it can't tell what it has of it (" + report.damage + ")";
  }
  const bool pending = std::ranges::any_of(report.paths, [&](const RecoveredPath& found) {
    const bool settled = found.step == RecoveryStep::done || found.step == RecoveryStep::foreign;
    return !settled && !found.in_place && is_target(root, found.path, target);
  });
  return pending ? "the root above it has a newer content, which is not in place" : std::string();
}

/// The root that a target lies in, if this user may look into it. Its path is as the caller knows
/// the target's, with a ".." for each step up.
Result<std::unique_ptr<TransactionRoot>> find_root(const Target& target, const LockWait& wait) {
  FileSystem& files = target.files;
  Path path = Path(target.path).parent_path();
  if (path.empty()) path = ".";
  OwnedHandle directory;
  if (has_marker(files, target.directory, *target.directory_status)) {
    const auto opened = files.open_beneath(target.directory, ".");
    if (!opened) return target.failure(step, opened.error());
    directory = OwnedHandle(files, opened.value());
  } else {
    auto above = find_root_above(files, target.directory, *target.directory_status);
    if (!above) return target.failure(step, above.error());
    if (!above.value()) return std::unique_ptr<TransactionRoot>();
    for (int i = 0; i < above.value()->steps; ++i) path /= "..";
    directory = std::move(above.value()->directory);
  }
  TransactionOptions options;
  options.system = System{&files, &target.environment};
  options.lock_timeout_ms = wait.timeout_ms;
  options.stop = wait.stop;
  return look_at_open_root(path, options, std::move(directory));
}

}  // namespace

Result<void> refuse_unpublished(const Target& target, const LockWait& wait) {
  BOOST_OUTCOME_TRY(const auto root, find_root(target, wait));
  if (!root) return success();
  BOOST_OUTCOME_TRY(std::string why, find_pending(*root, target));
  if (why.empty()) return success();
  // Somebody may be about to put the content in place. Content that is still pending once we hold
  // the lock was left by a crash.
  const auto lock = take_root_lock(*root);
  if (lock) {
    BOOST_OUTCOME_TRY(why, find_pending(*root, target));
    if (why.empty()) return success();
  } else if (lock.error().kind == ErrorKind::stopped) {
    return lock.error();
  } else {  // it may be in place by now
    BOOST_OUTCOME_TRY(why, find_pending(*root, target));
    if (why.empty()) return success();
  }
  // Where a link was followed, the caller did not name the path of this root.
  const std::string named = target.followed ? "" : " " + root->path.native();
  return target.failure(step, ErrorKind::recovery_required,
                        why + (lock ? "; recover the root first (perdure recover" + named + ")"
                                    : "; let the program that has the root open close it"));
}

Result<bool> has_unpublished(const Path& file, System system) {
  RandomPool random(*system.environment);
  Target target(*system.files, random, file.native());
  BOOST_OUTCOME_TRY(reading(open_target(target, file, SymlinkPolicy::follow)));
  const auto status = target.files.stat(target.directory);
  if (!status) return target.failure(step, status.error());
  target.directory_status = status.value();
  BOOST_OUTCOME_TRY(const auto root, reading(find_root(target, {std::chrono::milliseconds(0)})));
  if (!root) return false;
  BOOST_OUTCOME_TRY(const std::string why, reading(find_pending(*root, target)));
  return !why.empty();
}

}  // namespace perdure
