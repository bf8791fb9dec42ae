// SPDX-License-Identifier: BSL-1.0
// Follows links to the target, and refuses a target that a rename can't or must not replace.
#include "engine/target.hpp"

#include "base/missing.hpp"
#include "engine/explain.hpp"
#include "engine/lock.hpp"
#include "engine/names.hpp"
#include "engine/trust.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

namespace fs = boost::filesystem;

constexpr std::string_view find_step = "use the target";
constexpr int links_max = 40;  // as many as the kernel follows (MAXSYMLINKS)

Error refused_link(const Target& target, std::string detail) {
  return target.failure(find_step, ErrorKind::symlink_refused, std::move(detail));
}

/// The maker of a link decides where it leads. We follow the link when its maker is this user or
/// root. We also follow it when he owns the file at its end and that file's directory: he could
/// change that file anyway. So nobody leads a more powerful user to a third user's file (CHASE_SAFE
/// of systemd's src/basic/chase.c has such a rule). The kernel's own rule (protected_symlinks) does
/// not apply, since we follow links by hand.
Result<void> check_way(Target& target, std::uint32_t link_owner) {
  if (is_user_or_root(target.files, link_owner)) return success();
  const auto directory = target.files.stat(target.directory);
  if (!directory) return target.failure(find_step, directory.error());
  target.directory_status = directory.value();
  const auto is_his = [&](const Status& thing) {
    return is_same_user(target.files, thing.owner, link_owner);
  };
  if (target.existing && is_his(*target.existing) && is_his(directory.value())) return success();
  return refused_link(target, "the symbolic link there belongs to user " +
                                  std::to_string(link_owner) +
                                  ", and leads to a file or directory that does not; name the file "
                                  "itself");
}

/// A link of /proc (/dev/stdout leads to one) stands for an open file. Its text is a name that this
/// file had once, and another file may have that name now. A plain link needs no further call: it
/// has all permissions and the size of its text.
Result<void> refuse_proc_link(const Target& target, const Status& link, std::string_view text) {
  if (link.mode == 0777 && link.version.size == text.size()) return success();
  const auto info = target.files.describe(target.directory);
  if (!info || info.value().type != "proc") return success();
  return refused_link(target,
                      "the link there is one of /proc's and stands for an open file, whose name "
                      "may be another file's by now; name the file itself");
}

/// One step along the link at the target: directory and leaf become what its text says. Says whose
/// link it was; nothing where somebody has put something else there since the look.
Result<std::optional<std::uint32_t>> follow(Target& target) {
  const auto opened_link = target.files.open_link(target.directory, target.leaf);
  if (!opened_link) return target.failure(find_step, opened_link.error());
  const OwnedHandle handle(target.files, opened_link.value());
  const auto link = target.files.stat(handle.get());
  if (!link) return target.failure(find_step, link.error());
  if (link.value().type != FileType::symlink) return std::optional<std::uint32_t>();
  const auto text = target.files.read_link(handle.get());
  if (!text) return target.failure(find_step, text.error());
  BOOST_OUTCOME_TRY(refuse_proc_link(target, link.value(), text.value()));
  const fs::path to(text.value());
  const std::string leaf = to.filename().native();
  if (!names::fault_of_leaf(leaf).empty()) {
    return target.failure(
        find_step, ErrorKind::not_regular,
        "the symbolic link there points at '" + text.value() + "', which is a directory");
  }
  if (to.has_parent_path()) {
    const auto opened = target.files.open_directory(target.directory, to.parent_path().native());
    if (!opened) return target.failure(find_step, opened.error());
    target.opened = OwnedHandle(target.files, opened.value());
    target.directory = opened.value();
    target.directory_status.reset();
  }
  target.leaf = leaf;
  target.followed = true;
  return std::optional(link.value().owner);
}

Result<void> check_file(const Target& target) {
  const FileType type = target.existing ? target.existing->type : FileType::regular;
  if (type != FileType::directory && type != FileType::other) return success();
  return target.failure(
      find_step, ErrorKind::not_regular,
      type == FileType::directory
          ? "it is a directory; name a file"
          : "it is a FIFO, a socket or a device, not a file; write to it with other means");
}

/// Refuses a target that a rename can't or must not replace.
Result<void> check_replaceable(const Target& target, const WriteOptions& options) {
  if (!target.existing) return success();
  BOOST_OUTCOME_TRY(check_file(target));
  const Status& found = *target.existing;
  if (found.type == FileType::symlink && options.symlink != SymlinkPolicy::replace) {
    return refused_link(target, "a symbolic link was put there in the meantime; try again");
  }
  if (options.refuse_read_only && (found.mode & 0222U) == 0) {
    return target.failure(find_step, ErrorKind::read_only,
                          "nobody may write to it (chmod u+w), and such files are to be refused");
  }
  if (found.mount_point) {
    return target.failure(
        find_step, ErrorKind::mount_point,
        "it is a mount point (a bind-mounted file), which can't be replaced; mount "
        "its directory instead");
  }
  if (found.immutable) {
    Error error =
        target.failure(find_step, std::make_error_code(std::errc::operation_not_permitted));
    error.detail = "it is marked immutable or append-only";
    return error;
  }
  return success();
}

/// A commit must not replace or remove the library's own files beside targets: if a lock file were
/// replaced, two callers would hold one lock.
Result<void> check_name(const Target& target, const WriteOptions& options) {
  const bool backup = options.existing == ExistingPolicy::backup;
  if (!names::is_own(target.leaf) &&
      !(backup && names::is_own(names::backup_of(target.leaf, options.backup_suffix)))) {
    return success();
  }
  return target.failure(find_step, ErrorKind::invalid_argument,
                        "the library gives such names to its own files; choose another");
}

}  // namespace

Target::Target(FileSystem& file_system, Environment& surroundings, std::string named)
    : files(file_system), environment(surroundings), path(std::move(named)) {}

Error Target::failure(std::string_view step, std::error_code cause) const {
  Error error{.kind = ErrorKind::system,
              .fate = fate,
              .cause = cause,
              .step = std::string(step),
              .path = path,
              .detail = {}};
  explain(error, files, directory, existing);
  return error;
}

Error Target::failure(std::string_view step, ErrorKind kind, std::string detail) const {
  return {.kind = kind,
          .fate = fate,
          .cause = {},
          .step = std::string(step),
          .path = path,
          .detail = std::move(detail)};
}

bool needs_lock(const Target& target, const WriteOptions& options) {
  return target.expected || options.coordinate || options.existing == ExistingPolicy::keep;
}

Result<std::optional<Status>> current_status(const Target& target) {
  const auto status = target.files.stat_at(target.directory, target.leaf);
  if (status) return std::optional(status.value());
  if (is_missing(status.error())) return std::optional<Status>();
  return target.failure(find_step, status.error());
}

Result<void> resolve(Target& target, Handle directory, const std::string& leaf,
                     SymlinkPolicy symlink) {
  target.directory = directory;
  target.leaf = leaf;
  if (const auto fault = names::fault_of_leaf(leaf); !fault.empty()) {
    return target.failure(find_step, ErrorKind::invalid_argument, std::string(fault));
  }
  std::optional<std::uint32_t> link_owner;
  for (int links = 0;; ++links) {
    BOOST_OUTCOME_TRY(target.existing, current_status(target));
    if (target.followed && !target.existing) {
      return refused_link(target,
                          "the symbolic link there points at nothing; make that file first, or "
                          "replace the link itself");
    }
    if (link_owner) {
      BOOST_OUTCOME_TRY(check_way(target, *link_owner));
    }
    if (!target.existing || target.existing->type != FileType::symlink) break;
    if (symlink == SymlinkPolicy::replace) break;
    if (symlink == SymlinkPolicy::refuse) {
      return refused_link(target, "it is a symbolic link, and links are to be refused");
    }
    if (links == links_max) {
      return target.failure(find_step,
                            std::make_error_code(std::errc::too_many_symbolic_link_levels));
    }
    BOOST_OUTCOME_TRY(link_owner, follow(target));
  }
  return check_file(target);
}

Result<void> open_target(Target& target, const Path& path, SymlinkPolicy symlink, Parents parents) {
  target.path = path.native();
  BOOST_OUTCOME_TRY(target.opened, open_directory(target.files, path.parent_path(), parents));
  return resolve(target, target.opened.get(), path.filename().native(), symlink);
}

Result<void> check_expected(const Target& target, const std::optional<Status>& found) {
  if (!target.expected) return success();
  bool is_expected = !found && target.expected->is_absent();
  if (found && !target.expected->is_absent()) {
    BOOST_OUTCOME_TRY(is_expected, has_version(target, target.leaf, *found, *target.expected));
  }
  if (is_expected) return success();
  return target.failure("compare the version", ErrorKind::conflict,
                        !found ? "the target does not exist any more"
                        : target.expected->is_absent()
                            ? "the target exists already"
                            : "the target was changed since it was read; read it again");
}

Result<void> claim_target(Target& target, const WriteOptions& options) {
  BOOST_OUTCOME_TRY(check_name(target, options));
  if (needs_lock(target, options) && !target.lock) {
    const auto failure = [&](std::error_code cause) {
      Error error = target.failure("take the target's lock", cause);
      error.detail = error.detail.empty() ? names::lock_of(target.leaf) : error.detail;
      return error;
    };
    BOOST_OUTCOME_TRY(
        target.lock, take_target_lock(target.files, target.environment, target.directory,
                                      target.leaf, {options.lock_timeout_ms, options.stop}, failure,
                                      target.observer, {}, target.directory_status));
    BOOST_OUTCOME_TRY(target.existing, current_status(target));
  }
  return check_target(target, options);
}

Result<void> check_target(const Target& target, const WriteOptions& options) {
  BOOST_OUTCOME_TRY(check_name(target, options));
  BOOST_OUTCOME_TRY(check_replaceable(target, options));
  // With fixed metadata and no backup, nothing depends on the file that is there.
  const bool decides = options.metadata.preserved || options.existing == ExistingPolicy::backup;
  if (target.existing && decides) {
    BOOST_OUTCOME_TRY(check_owner(target, find_step, "the file there", target.existing->owner));
  }
  BOOST_OUTCOME_TRY(check_expected(target, target.existing));
  if (target.existing && options.existing == ExistingPolicy::keep) {
    return target.failure("publish", ErrorKind::exists, "the target exists, and is to be kept");
  }
  return success();
}

}  // namespace perdure
