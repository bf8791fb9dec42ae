// SPDX-License-Identifier: BSL-1.0
// Reads and sets metadata, in an order that loses nothing.
#include "engine/metadata.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/little_endian.hpp"
#include "base/missing.hpp"
#include "engine/fresh_file.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"
#include "engine/trust.hpp"
#include "engine/unlink.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "apply the metadata";
constexpr std::string_view read_step = "read the target's metadata";
const std::string acl = "system.posix_acl_access";
const std::string capability = "security.capability";

/// SELinux gives each file a label as it is made, and lets nobody remove one
/// (selinux_inode_removexattr in security/selinux/hooks.c).
const std::string label = "security.selinux";

/// The kernel's own attributes are neither copied nor removed. They are integrity measurements of
/// the old content, and the second name under which xfs shows an ACL to root.
bool is_kernels(const std::string& xattr) {
  return xattr == "security.ima" || xattr == "security.evm" ||
         xattr.starts_with("trusted.SGI_ACL_");
}

/// The file whose metadata is preserved, if there is one.
const std::optional<Status>& metadata_source_of(const Commit& commit) {
  return commit.metadata_name.empty() ? commit.existing : commit.metadata_status;
}
const std::string& metadata_source_name(const Commit& commit) {
  return commit.metadata_name.empty() ? commit.leaf : commit.metadata_name;
}
bool has_metadata_source(const Commit& commit) {
  const auto& source = metadata_source_of(commit);
  return source && source->type == FileType::regular;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
const Xattr* find(const std::vector<Xattr>& xattrs, const std::string& name) {
  const auto found = std::ranges::find(xattrs, name, &Xattr::name);
  return found == xattrs.end() ? nullptr : &*found;
}

/// Somebody gave these rights to the old content, not to the new one. The kernel takes these bits
/// and capabilities away from a file that is written, too (file_remove_privs in its fs/inode.c).
constexpr std::uint32_t privileged_bits = 06000;

bool goes_over(const Commit& commit, const std::string& xattr) {
  if (xattr == capability) return commit.options.metadata.keep_special;
  return !is_kernels(xattr);
}

/// Mode, owner and group that the new file gets where there is a source.
Status wanted_status(const Commit& commit) {
  const Metadata& options = commit.options.metadata;
  Status wanted = *metadata_source_of(commit);
  if (options.exact) {
    wanted.mode = options.mode;
  } else if (!options.keep_special) {
    wanted.mode &= ~privileged_bits;
  }
  wanted.owner = options.owner.value_or(wanted.owner);
  wanted.group = options.group.value_or(wanted.group);
  return wanted;
}

const std::string with_fixed = "with fixed metadata (--fixed)";

Error refused(const Commit& commit, std::string what, std::error_code cause,
              const std::string& remedy = with_fixed) {
  Error error = commit.failure(step, cause);
  error.kind = ErrorKind::metadata;
  error.detail = std::move(what) + " of the target can't be kept; write as its owner, or " + remedy;
  return error;
}

/// A policy decides about labels, not the owner of the file.
Error refused_label(const Commit& commit, std::error_code cause) {
  Error error = commit.failure(step, cause);
  error.kind = ErrorKind::metadata;
  error.detail = "the new file can't get the label that belongs there (" + label +
                 "); let the policy relabel, or give the old file the label of new ones "
                 "(restorecon, chcon), or write " +
                 with_fixed;
  return error;
}

/// All users without a number in this user name space look like one user, and so do groups. A file
/// that is given to that number goes to the one user who has it here, and he can read it. So such
/// owners are refused.
Result<void> check_known(const Commit& commit, const Status& wanted) {
  const bool user = commit.files.is_known_user(wanted.owner);
  if (user && commit.files.is_known_group(wanted.group)) return success();
  return commit.failure(step, ErrorKind::metadata,
                        std::string(user ? "its group" : "its owner") +
                            " has no number in this user name space and can't be kept; say whose "
                            "the new file is to be (--owner, --group)");
}

/// An ACL that says the same as the mode, as posix_acl_xattr.h lays it out. To set it removes the
/// entries of a default ACL and sets the bits exactly, all in one call.
std::array<std::byte, 28> minimal_acl(std::uint32_t mode) {
  std::array<std::byte, 28> bytes{};
  const auto put = [&](std::size_t at, auto value) {
    std::ranges::copy(little_endian_bytes(value), bytes.begin() + at);
  };
  constexpr std::uint32_t version = 2;
  constexpr std::uint32_t nobody = 0xFFFFFFFF;
  constexpr std::array<std::uint16_t, 3> tags{0x01, 0x04, 0x20};  // user, group, other
  put(0, version);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    put(4 + 8 * i, tags[i]);
    put(6 + 8 * i, static_cast<std::uint16_t>(mode >> (6 - 3 * i) & 7U));
    put(8 + 8 * i, nobody);
  }
  return bytes;
}

/// Sets the mode and checks it: chmod(2) drops set-group-id for a caller who is not in the file's
/// group, and returns success.
SysResult<void> set_mode(Commit& commit, std::uint32_t mode) {
  constexpr std::uint32_t set_group_id = 02000;
  BOOST_OUTCOME_TRY(commit.files.set_mode(commit.temp.get(), mode));
  if ((mode & set_group_id) == 0) return success();
  BOOST_OUTCOME_TRY(const Status now, commit.files.stat(commit.temp.get()));
  if (now.mode == mode) return success();
  return std::make_error_code(std::errc::operation_not_permitted);
}

/// FAT, exFAT and some FUSE file systems return success for a mode or an owner that they don't
/// keep. They have no ACLs, so only files without ACLs are looked at again.
Result<void> check_taken(const Commit& commit, const Metadata& wanted) {
  const auto now = commit.files.stat(commit.temp.get());
  if (!now) return commit.failure(step, now.error());
  const Status& has = now.value();
  const bool owned = has.owner == wanted.owner.value_or(has.owner) &&
                     has.group == wanted.group.value_or(has.group);
  if (has.mode == wanted.mode && owned) return success();
  if (!owned) {
    return commit.failure(step, ErrorKind::metadata,
                          "the file system does not keep the owner; write without an owner of your "
                          "own, or on another file system");
  }
  std::ostringstream words;
  words << std::oct << "the file system does not keep the mode: asked for " << wanted.mode
        << ", the file has " << has.mode
        << "; write without a mode of your own, or on another file system";
  return commit.failure(step, ErrorKind::metadata, words.str());
}

Result<void> give_owner(Commit& commit) {
  const Metadata& wanted = commit.options.metadata;
  constexpr auto keep = static_cast<std::uint32_t>(-1);  // chown(2): leave as it is
  const auto owned = commit.files.set_owner(commit.temp.get(), wanted.owner.value_or(keep),
                                            wanted.group.value_or(keep));
  if (!owned) return commit.failure(step, owned.error());
  return success();
}

Result<void> apply_fixed(Commit& commit) {
  const Metadata& wanted = commit.options.metadata;
  if (wanted.owner || wanted.group) {
    BOOST_OUTCOME_TRY(give_owner(commit));
  }
  const auto exact = commit.files.set_xattr(commit.temp.get(), acl, minimal_acl(wanted.mode));
  if (!exact && exact.error() != std::errc::not_supported) {
    return commit.failure(step, exact.error());
  }
  if (exact && (wanted.mode & 07000U) == 0) return success();
  const auto set = set_mode(commit, wanted.mode);
  if (!set) return commit.failure(step, set.error());
  return exact ? Result<void>(success()) : check_taken(commit, wanted);
}

/// Gives the temp one attribute as the source has it. A file can have a label that its disk does
/// not store: a mount can give one label to all files (`context=`). It then refuses one for a
/// single file.
Result<void> copy_xattr(Commit& commit, const Xattr& wanted, bool on_temp) {
  if (on_temp || wanted.name == label) {
    const auto has = commit.files.get_xattr(commit.temp.get(), wanted.name);
    if (has && has.value() == wanted.value) return success();
  }
  const auto set = commit.files.set_xattr(commit.temp.get(), wanted.name, wanted.value);
  if (set) return success();
  return wanted.name == label ? refused_label(commit, set.error())
                              : refused(commit, wanted.name, set.error());
}

/// Lists the attributes of the source; empty when the source is gone. Only a look at the name can
/// say that it is gone: a call for its attributes also fails where /proc, for example, is missing.
Result<std::optional<std::vector<std::string>>> list_source(const Commit& commit) {
  constexpr int attempts_max = 10;  // a name that comes and goes all the time
  const std::string& name = metadata_source_name(commit);
  for (int attempt = 1;; ++attempt) {
    auto listed = commit.files.list_xattrs_at(commit.directory, name);
    if (listed) return std::optional(std::move(listed.value()));
    if (!is_missing(listed.error())) return commit.failure(read_step, listed.error());
    const auto there = commit.files.stat_at(commit.directory, name);
    if (!there && is_missing(there.error())) return std::nullopt;
    if (!there) return commit.failure(read_step, there.error());
    if (attempt < attempts_max) continue;
    return commit.failure(read_step, ErrorKind::metadata,
                          "the file is there, but its attributes can't be found; mount /proc, or "
                          "write " +
                              with_fixed);
  }
}

}  // namespace

Result<void> copy_metadata(Commit& commit, const MetadataSource& source) {
  const Status& target = source.status;
  const auto temp =
      source.temp ? SysResult<Status>(*source.temp) : commit.files.stat(commit.temp.get());
  if (!temp) return commit.failure(step, temp.error());
  const auto inherited = commit.files.list_xattrs(commit.temp.get());
  if (!inherited) return commit.failure(step, inherited.error());
  bool mode_known = temp.value().mode == target.mode;

  if (temp.value().owner != target.owner || temp.value().group != target.group) {
    BOOST_OUTCOME_TRY(check_known(commit, target));
    const auto owned = commit.files.set_owner(commit.temp.get(), target.owner, target.group);
    if (!owned) {
      return refused(commit, "owner and group", owned.error(),
                     "say whose the new file is to be (--owner, --group)");
    }
    mode_known = false;  // chown(2) may take set-user-id bits away
  }
  for (const auto& xattr : inherited.value()) {
    if (is_kernels(xattr) || xattr == label || find(source.xattrs, xattr) != nullptr) continue;
    const auto removed = commit.files.remove_xattr(commit.temp.get(), xattr);
    if (!removed) return refused(commit, "the absence of " + xattr, removed.error());
    mode_known = mode_known && xattr != acl;
  }
  if (const Xattr* const kept = find(source.xattrs, acl); kept != nullptr) {
    BOOST_OUTCOME_TRY(copy_xattr(commit, *kept, contains(inherited.value(), acl)));
    mode_known = false;
  }
  if (!mode_known) {
    const auto set = set_mode(commit, target.mode);
    if (!set) return refused(commit, "the mode", set.error());
  }
  for (const auto& xattr : source.xattrs) {
    if (is_kernels(xattr.name) || xattr.name == acl || xattr.name == capability) continue;
    BOOST_OUTCOME_TRY(copy_xattr(commit, xattr, contains(inherited.value(), xattr.name)));
  }
  // Capabilities come last: a write, a chown or a chmod takes them away.
  const Xattr* const trusted = find(source.xattrs, capability);
  return trusted == nullptr ? Result<void>(success()) : copy_xattr(commit, *trusted, false);
}

Result<void> label_temp(Commit& commit) {
  if (!contains(commit.xattrs, label)) return success();
  auto wanted = commit.files.get_xattr_at(commit.directory, metadata_source_name(commit), label);
  if (!wanted) return success();  // the step that gives all metadata reads it again
  return copy_xattr(commit, {label, std::move(wanted.value())}, true);
}

Result<void> read_xattrs(Commit& commit) {
  commit.xattrs.clear();
  if (!commit.options.metadata.preserved || !has_metadata_source(commit)) return success();
  BOOST_OUTCOME_TRY(auto listed, list_source(commit));
  if (listed) {
    commit.xattrs = std::move(*listed);
    return success();
  }
  if (!commit.metadata_name.empty()) return commit.failure(read_step, missing_cause());
  commit.existing.reset();  // somebody removed it since the look
  return check_expected(commit, commit.existing);
}

namespace {

/// Adds the values of the attributes that were listed; false where one of them is gone.
Result<bool> read_by_name(const Commit& commit, MetadataSource& source) {
  for (const auto& name : commit.xattrs) {
    if (!goes_over(commit, name)) continue;
    auto value = commit.files.get_xattr_at(commit.directory, metadata_source_name(commit), name);
    if (!value && (is_missing(value.error()) || value.error() == std::errc::no_message_available)) {
      return false;
    }
    if (!value) return refused(commit, name, value.error());
    source.xattrs.push_back({name, std::move(value.value())});
  }
  return true;
}

/// Looks at the source again: whether it is as the first look found it. If not, the first look is
/// forgotten and this one counts.
Result<bool> is_source_unchanged(Commit& commit) {
  std::optional<Status>& before =
      commit.metadata_name.empty() ? commit.existing : commit.metadata_status;
  const auto now = commit.files.stat_at(commit.directory, metadata_source_name(commit));
  if (!now && !is_missing(now.error())) return commit.failure(read_step, now.error());
  if (!now || now.value().type != FileType::regular) {
    return commit.failure(read_step, ErrorKind::metadata,
                          "somebody removed or replaced it while its metadata was read; try again");
  }
  if (has_stamps_of(now.value(), before->version)) return true;
  // The source is the temp itself: its metadata are not complete yet, and must not be taken for the
  // target's.
  const auto temp = commit.files.stat(commit.temp.get());
  if (temp && now.value().version.same_file(temp.value().version)) {
    return commit.failure(read_step, ErrorKind::metadata,
                          "somebody gave its name to the unfinished new file; try again");
  }
  before = now.value();
  return false;
}

/// Whether this user may look at the file but not read it, or the name leads to something else by
/// now.
bool is_closed_to_us(std::error_code cause) {
  return is_missing(cause) || cause == std::errc::permission_denied ||
         cause == std::errc::operation_not_permitted ||
         cause == std::errc::too_many_symbolic_link_levels ||
         cause == std::errc::no_such_device_or_address;
}

/// Reads the source through one handle. Somebody could exchange the file by its name and put it
/// back within a tick of the clock. Then its stamps would be those of the first look. False where
/// this user may not read the file, or where it is the temp or not a file. Then names and stamps
/// must be enough.
Result<bool> read_by_handle(Commit& commit, MetadataSource& source) {
  std::optional<Status>& before =
      commit.metadata_name.empty() ? commit.existing : commit.metadata_status;
  const auto opened = commit.files.open_file(commit.directory, metadata_source_name(commit));
  if (!opened && is_closed_to_us(opened.error())) return false;
  if (!opened) return commit.failure(read_step, opened.error());
  const OwnedHandle file(commit.files, opened.value());
  const auto status = commit.files.stat(file.get());
  if (!status) return commit.failure(read_step, status.error());
  const auto temp = commit.files.stat(commit.temp.get());
  const bool is_temp = temp && status.value().version.same_file(temp.value().version);
  if (is_temp || status.value().type != FileType::regular) return false;
  auto names = commit.files.list_xattrs(file.get());
  if (!names) return commit.failure(read_step, names.error());
  before = status.value();
  commit.xattrs = std::move(names.value());
  for (const auto& name : commit.xattrs) {
    if (!goes_over(commit, name)) continue;
    auto value = commit.files.get_xattr(file.get(), name);
    if (!value) return refused(commit, name, value.error());
    source.xattrs.push_back({name, std::move(value.value())});
  }
  source.status = wanted_status(commit);
  return true;
}

/// Mode, owner, ACL and attributes of one file. They are read by several calls on a name, and
/// somebody may replace or change the file between two of them. A mode without its ACL can open a
/// file to its group. So attributes count only if a look after them finds the file as it was before
/// them.
Result<MetadataSource> read_source(Commit& commit) {
  constexpr int attempts_max = 100;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (commit.xattrs.empty()) return MetadataSource{.status = wanted_status(commit), .xattrs = {}};
    MetadataSource source{.status = {}, .xattrs = {}};
    if (!is_settled(commit.files, commit.directory, *metadata_source_of(commit))) {
      BOOST_OUTCOME_TRY(const bool read, read_by_handle(commit, source));
      if (read) return source;
    }
    BOOST_OUTCOME_TRY(const bool all, read_by_name(commit, source));
    BOOST_OUTCOME_TRY(const bool unchanged, is_source_unchanged(commit));
    if (all && unchanged) {
      source.status = wanted_status(commit);
      return source;
    }
    BOOST_OUTCOME_TRY(read_xattrs(commit));
    if (!has_metadata_source(commit)) break;
  }
  return commit.failure(read_step, ErrorKind::metadata,
                        "somebody changes it while its metadata is read; try again");
}

/// Whether the temp is made with the rights of its owner alone, although its file will have more.
/// That holds for a stream, whose target may be closed to others before the stream ends. It also
/// holds for a new file that goes to another owner or group: the other rights are meant for them.
bool is_narrow(const Commit& commit) {
  const Metadata& wanted = commit.options.metadata;
  if (!wanted.preserved || wanted.exact) return false;
  const bool given_away = !commit.adopted && (wanted.owner || wanted.group);
  return commit.streamed || (!has_metadata_source(commit) && given_away);
}

/// The mode that a new file gets in the directory, by umask and default ACL. An empty file shows
/// it, which has no name where the file system has such files.
Result<std::uint32_t> mode_of_new(Commit& commit) {
  FileSystem& files = commit.files;
  const std::uint32_t asked = commit.options.metadata.mode & 0777U;
  const auto unnamed = files.create_unnamed(commit.directory, asked);
  if (unnamed) {
    const OwnedHandle file(files, unnamed.value());
    const auto status = files.stat(file.get());
    if (!status) return commit.failure(step, status.error());
    return status.value().mode;
  }
  if (unnamed.error() != std::errc::operation_not_supported) {
    return commit.failure(step, unnamed.error());
  }
  const auto made =
      make_fresh_file(files, commit.directory, commit.leaf, commit.environment, asked);
  if (!made) return commit.failure(step, made.error());
  const auto status = files.stat(made.value().handle.get());
  const auto removed = unlink_if_there(files, commit.directory, made.value().name);
  if (removed && status) return status.value().mode;
  Error error = commit.failure(step, removed ? status.error() : removed.error());
  if (!removed) {
    error.detail =
        "'" + made.value().name + "' is left beside the target; `perdure clean` removes it";
  }
  return error;
}

/// Sets the metadata of a file that did not exist before. open(2) gave it all but the special bits,
/// which a write takes away.
Result<void> apply_to_new(Commit& commit) {
  const Metadata& wanted = commit.options.metadata;
  if (wanted.exact) return apply_fixed(commit);
  if (wanted.owner || wanted.group) {
    BOOST_OUTCOME_TRY(give_owner(commit));
  }
  const std::uint32_t special = wanted.mode & 07000U;
  const bool unknown = is_narrow(commit) || is_made_by_stage(commit);
  if (special == 0 && !unknown) return success();
  const auto temp = commit.files.stat(commit.temp.get());
  if (!temp) return commit.failure(step, temp.error());
  std::uint32_t mode = temp.value().mode;
  if (unknown) {
    BOOST_OUTCOME_TRY(mode, mode_of_new(commit));
  }
  mode |= special;
  if (temp.value().mode == mode) return success();
  const auto set = set_mode(commit, mode);
  if (!set) return commit.failure(step, set.error());
  return success();
}

}  // namespace

std::uint32_t temp_mode(const Commit& commit) {
  const Metadata& options = commit.options.metadata;
  const bool preserving = options.preserved && has_metadata_source(commit);
  const bool exact = !options.preserved || options.exact;
  const std::uint32_t mode = preserving ? wanted_status(commit).mode : options.mode;
  if (is_narrow(commit)) return mode & 0700U;
  if (!exact && !preserving) return mode & 0777U;
  // Until the temp has the target's group and ACL, a user whom these shut out has the rights of all
  // others. Only the group's bits limit the entries of a default ACL (acl(5)). So the temp is
  // opened to others at once only where all of them have the same rights.
  const bool same_for_all = ((mode >> 3U) & 7U) == (mode & 7U) && !contains(commit.xattrs, acl);
  return same_for_all ? mode & 0777U : mode & 0700U;
}

Result<void> apply_metadata(Commit& commit, const std::optional<Status>& temp) {
  const Metadata& wanted = commit.options.metadata;
  if (!wanted.preserved) return apply_fixed(commit);
  if (!has_metadata_source(commit)) return apply_to_new(commit);
  BOOST_OUTCOME_TRY(MetadataSource source, read_source(commit));
  // For a transaction the owner was not checked yet; for other commits the file may be another one
  // by now.
  BOOST_OUTCOME_TRY(
      check_owner(commit, read_step, "the file there", metadata_source_of(commit)->owner));
  source.temp = temp;
  BOOST_OUTCOME_TRY(check_known(commit, source.status));  // two unknown ones are not equal
  BOOST_OUTCOME_TRY(copy_metadata(commit, source));
  return wanted.exact ? check_taken(commit, wanted) : Result<void>(success());
}

}  // namespace perdure
