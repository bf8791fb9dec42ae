// SPDX-License-Identifier: BSL-1.0
// Follows links to the target, and refuses what a rename can't or must not replace.
#include "engine/target.hpp"

#include "base/missing.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

namespace fs = boost::filesystem;

constexpr std::string_view find_step = "find the target";
constexpr int links_max = 40;  // as many as the kernel follows (MAXSYMLINKS)

Error refused_link(const Commit& commit, std::string detail) {
  return commit.failure(find_step, ErrorKind::symlink_refused, std::move(detail));
}

/// The kernel has this rule for links, too, but does not see that we follow by hand.
Result<void> check_link_owner(const Commit& commit, const Status& link) {
  const auto directory = commit.files.stat(commit.directory);
  if (!directory) return commit.failure(find_step, directory.error());
  if (is_owner_trusted(commit.files, directory.value(), link.owner)) return success();
  return refused_link(commit,
                      "the symbolic link there belongs to another user, in a directory that anyone "
                      "may write to");
}

/// One step along the link at the target: directory and leaf become what its text says.
Result<void> follow(Commit& commit, const Status& link, Claim& claim) {
  BOOST_OUTCOME_TRY(check_link_owner(commit, link));
  const auto text = commit.files.read_link(commit.directory, commit.leaf);
  if (!text) return commit.failure(find_step, text.error());
  const fs::path to(text.value());
  const std::string leaf = to.filename().native();
  if (!names::fault_of_leaf(leaf).empty()) {
    return commit.failure(
        find_step, ErrorKind::not_regular,
        "the symbolic link there points at '" + text.value() + "', which is a directory");
  }
  if (to.has_parent_path()) {
    const auto opened = commit.files.open_directory(commit.directory, to.parent_path().native());
    if (!opened) return commit.failure(find_step, opened.error());
    claim.directory = OwnedHandle(commit.files, opened.value());
    commit.directory = opened.value();
  }
  commit.leaf = leaf;
  return success();
}

Result<void> check_file(const Commit& commit) {
  const FileType type = commit.existing ? commit.existing->type : FileType::regular;
  if (type != FileType::directory && type != FileType::other) return success();
  return commit.failure(
      find_step, ErrorKind::not_regular,
      type == FileType::directory
          ? "it is a directory; name a file"
          : "it is a FIFO, a socket or a device, not a file; write to it with other means");
}

/// Refuses a target that a rename can't or must not replace.
Result<void> check_replaceable(const Commit& commit) {
  if (!commit.existing) return success();
  BOOST_OUTCOME_TRY(check_file(commit));
  const Status& found = *commit.existing;
  if (found.type == FileType::symlink && commit.options.symlink != SymlinkPolicy::replace) {
    return refused_link(commit, "a symbolic link was put there meanwhile; try again");
  }
  if (found.mount_point) {
    return commit.failure(
        find_step, ErrorKind::mount_point,
        "it is a mount point (a bind-mounted file), which can't be replaced; mount "
        "its directory instead");
  }
  if (found.immutable) {
    Error error =
        commit.failure(find_step, std::make_error_code(std::errc::operation_not_permitted));
    error.detail = "it is marked immutable or append-only";
    return error;
  }
  return success();
}

/// Nobody's commit replaces or removes what the library itself keeps beside targets: two would hold
/// one lock.
Result<void> check_name(const Commit& commit) {
  const bool backup = commit.options.existing == ExistingPolicy::backup;
  if (!names::is_own(commit.leaf) &&
      !(backup && names::is_own(names::backup_of(commit.leaf, commit.options.backup_suffix)))) {
    return success();
  }
  return commit.failure(find_step, ErrorKind::invalid_argument,
                        "the library gives such names to its own files; choose another");
}

}  // namespace

bool needs_lock(const Commit& commit) {
  return commit.expected || commit.options.coordinate ||
         commit.options.existing == ExistingPolicy::keep;
}

Result<std::optional<Status>> look(const Commit& commit) {
  const auto status = commit.files.stat_at(commit.directory, commit.leaf);
  if (status) return std::optional(status.value());
  if (is_missing(status.error())) return std::optional<Status>();
  return commit.failure(find_step, status.error());
}

Result<void> resolve(Commit& commit, Handle directory, const std::string& leaf, Claim& claim) {
  commit.directory = directory;
  commit.leaf = leaf;
  if (const auto fault = names::fault_of_leaf(leaf); !fault.empty()) {
    return commit.failure(find_step, ErrorKind::invalid_argument, std::string(fault));
  }
  for (int links = 0;; ++links) {
    BOOST_OUTCOME_TRY(commit.existing, look(commit));
    if (links > 0 && !commit.existing) {
      return refused_link(commit,
                          "the symbolic link there points at nothing; make that file first, or "
                          "replace the link itself");
    }
    if (!commit.existing || commit.existing->type != FileType::symlink) break;
    if (commit.options.symlink == SymlinkPolicy::replace) break;
    if (commit.options.symlink == SymlinkPolicy::refuse) {
      return refused_link(commit, "it is a symbolic link, and links are to be refused");
    }
    if (links == links_max) {
      return commit.failure(find_step,
                            std::make_error_code(std::errc::too_many_symbolic_link_levels));
    }
    BOOST_OUTCOME_TRY(follow(commit, *commit.existing, claim));
  }
  return check_file(commit);
}

Result<void> check_expected(const Commit& commit, const std::optional<Status>& found) {
  if (!commit.expected) return success();
  const Version now = found ? found->version : Version::absent();
  if (now == *commit.expected) return success();
  return commit.failure("compare the version", ErrorKind::conflict,
                        now.is_absent() ? "the target does not exist any more"
                        : commit.expected->is_absent()
                            ? "the target exists already"
                            : "the target was changed since it was read; read it again");
}

Result<void> claim_target(Commit& commit, Claim& claim) {
  BOOST_OUTCOME_TRY(check_name(commit));
  if (needs_lock(commit) && !claim.lock) {
    const auto failure = [&](std::error_code cause) {
      Error error = commit.failure("take the target's lock", cause);
      error.detail = names::lock_of(commit.leaf);
      return error;
    };
    BOOST_OUTCOME_TRY(claim.lock,
                      take_target_lock(commit.files, commit.environment, commit.directory,
                                       commit.leaf, commit.options.lock_timeout_ms, failure));
    BOOST_OUTCOME_TRY(commit.existing, look(commit));
  }
  return check_target(commit);
}

Result<void> check_target(const Commit& commit) {
  BOOST_OUTCOME_TRY(check_name(commit));
  BOOST_OUTCOME_TRY(check_replaceable(commit));
  BOOST_OUTCOME_TRY(check_expected(commit, commit.existing));
  if (commit.existing && commit.options.existing == ExistingPolicy::keep) {
    return commit.failure("publish", ErrorKind::exists, "the target exists, and is to be kept");
  }
  return success();
}

}  // namespace perdure
