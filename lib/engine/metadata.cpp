// SPDX-License-Identifier: BSL-1.0
// Reads and gives metadata, in an order in which nothing is lost.
#include "engine/metadata.hpp"

#include <algorithm>
#include <array>

#include "base/missing.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "apply the metadata";
const std::string acl = "system.posix_acl_access";
const std::string capability = "security.capability";

/// The kernel's own (integrity measurements of the old content): not to be copied.
bool is_kernels(const std::string& xattr) {
  return xattr == "security.ima" || xattr == "security.evm";
}

/// The file whose metadata is preserved, if there is one.
const std::optional<Status>& model_of(const Commit& commit) {
  return commit.model_name.empty() ? commit.existing : commit.model;
}
const std::string& model_name(const Commit& commit) {
  return commit.model_name.empty() ? commit.leaf : commit.model_name;
}
bool has_model(const Commit& commit) {
  const auto& model = model_of(commit);
  return model && model->type == FileType::regular;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error refused(const Commit& commit, std::string what, std::error_code cause) {
  Error error = commit.failure(step, cause);
  error.kind = ErrorKind::metadata;
  error.detail =
      std::move(what) + " of the target can't be kept; write as its owner, or with fixed metadata";
  return error;
}

/// An ACL that says what the mode says and nothing more, as posix_acl_xattr.h lays it out. Setting
/// it removes what a default ACL put on the file and sets the bits exactly, all in one call.
std::array<std::byte, 28> minimal_acl(std::uint32_t mode) {
  std::array<std::byte, 28> bytes{};
  const auto put = [&](std::size_t at, std::uint32_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
  };
  constexpr std::uint32_t version = 2;
  constexpr std::array<std::uint32_t, 3> tags{0x01, 0x04, 0x20};  // user, group, other
  put(0, version, 4);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    put(4 + 8 * i, tags[i], 2);
    put(6 + 8 * i, (mode >> (6 - 3 * i)) & 7U, 2);
    put(8 + 8 * i, 0xFFFFFFFF, 4);
  }
  return bytes;
}

/// Sets the mode and makes sure of it: chmod(2) takes set-group-id away from one who is not in the
/// file's group, and returns success.
SysResult<void> set_mode(Commit& commit, std::uint32_t mode) {
  constexpr std::uint32_t set_group_id = 02000;
  BOOST_OUTCOME_TRY(commit.files.set_mode(commit.temp.get(), mode));
  if ((mode & set_group_id) == 0) return success();
  BOOST_OUTCOME_TRY(const Status now, commit.files.stat(commit.temp.get()));
  if (now.mode == mode) return success();
  return std::make_error_code(std::errc::operation_not_permitted);
}

/// open(2) and a write give a new file all but the special bits.
Result<void> add_special_bits(Commit& commit) {
  const std::uint32_t special = commit.options.metadata.mode & 07000U;
  if (special == 0) return success();
  const auto temp = commit.files.stat(commit.temp.get());
  if (!temp) return commit.failure(step, temp.error());
  const auto set = set_mode(commit, temp.value().mode | special);
  if (!set) return commit.failure(step, set.error());
  return success();
}

Result<void> apply_fixed(Commit& commit) {
  const Metadata& wanted = commit.options.metadata;
  if (wanted.owner || wanted.group) {
    constexpr auto keep = static_cast<std::uint32_t>(-1);  // chown(2): leave as it is
    const auto owned = commit.files.set_owner(commit.temp.get(), wanted.owner.value_or(keep),
                                              wanted.group.value_or(keep));
    if (!owned) return commit.failure(step, owned.error());
  }
  const auto exact = commit.files.set_xattr(commit.temp.get(), acl, minimal_acl(wanted.mode));
  if (!exact && exact.error() != std::errc::not_supported) {
    return commit.failure(step, exact.error());
  }
  if (exact && (wanted.mode & 07000U) == 0) return success();
  const auto set = set_mode(commit, wanted.mode);
  if (!set) return commit.failure(step, set.error());
  return success();
}

/// Makes one attribute of the temp what it is at the source.
Result<void> copy_xattr(Commit& commit, const MetadataSource& source, const std::string& xattr,
                        bool on_temp) {
  const auto wanted = source.value(xattr);
  if (!wanted) return refused(commit, xattr, wanted.error());
  if (on_temp) {
    const auto has = commit.files.get_xattr(commit.temp.get(), xattr);
    if (has && has.value() == wanted.value()) return success();
  }
  const auto set = commit.files.set_xattr(commit.temp.get(), xattr, wanted.value());
  if (!set) return refused(commit, xattr, set.error());
  return success();
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
    const auto owned = commit.files.set_owner(commit.temp.get(), target.owner, target.group);
    if (!owned) return refused(commit, "owner and group", owned.error());
    mode_known = false;  // chown(2) may take set-user-id bits away
  }
  for (const auto& xattr : inherited.value()) {
    if (is_kernels(xattr) || contains(source.xattrs, xattr)) continue;
    const auto removed = commit.files.remove_xattr(commit.temp.get(), xattr);
    if (!removed) return refused(commit, "the absence of " + xattr, removed.error());
    mode_known = mode_known && xattr != acl;
  }
  if (contains(source.xattrs, acl)) {
    BOOST_OUTCOME_TRY(copy_xattr(commit, source, acl, contains(inherited.value(), acl)));
    mode_known = false;
  }
  if (!mode_known) {
    const auto set = set_mode(commit, target.mode);
    if (!set) return refused(commit, "the mode", set.error());
  }
  for (const auto& xattr : source.xattrs) {
    if (is_kernels(xattr) || xattr == acl || xattr == capability) continue;
    BOOST_OUTCOME_TRY(copy_xattr(commit, source, xattr, contains(inherited.value(), xattr)));
  }
  // Last: a write, a chown or a chmod takes a file's capabilities away.
  if (contains(source.xattrs, capability)) return copy_xattr(commit, source, capability, false);
  return success();
}

Result<void> read_xattrs(Commit& commit) {
  commit.xattrs.clear();
  if (!commit.options.metadata.preserved || !has_model(commit)) return success();
  auto listed = commit.files.list_xattrs_at(commit.directory, model_name(commit));
  if (!listed && is_missing(listed.error()) && commit.model_name.empty()) {
    commit.existing.reset();  // somebody removed it since the look
    return success();
  }
  if (!listed) return commit.failure("read the target's metadata", listed.error());
  commit.xattrs = std::move(listed.value());
  return success();
}

std::uint32_t temp_mode(const Commit& commit) {
  const Metadata& options = commit.options.metadata;
  const bool preserving = options.preserved && has_model(commit);
  if (options.preserved && !preserving) return options.mode & 0777U;
  const std::uint32_t mode = preserving ? model_of(commit)->mode : options.mode;
  // Until it has the target's group and ACL, somebody whom these shut out would be just another
  // user, and the entries of a default ACL are bound by the group's bits alone (acl(5)). So it is
  // opened to others at once only where all of them have the same rights.
  const bool same_for_all = ((mode >> 3U) & 7U) == (mode & 7U) && !contains(commit.xattrs, acl);
  return same_for_all ? mode & 0777U : mode & 0700U;
}

Result<void> apply_metadata(Commit& commit, const std::optional<Status>& temp) {
  if (!commit.options.metadata.preserved) return apply_fixed(commit);
  if (!has_model(commit)) return add_special_bits(commit);
  return copy_metadata(commit, {.status = *model_of(commit),
                                .xattrs = commit.xattrs,
                                .value =
                                    [&](const auto& xattr) {
                                      return commit.files.get_xattr_at(commit.directory,
                                                                       model_name(commit), xattr);
                                    },
                                .temp = temp});
}

}  // namespace perdure
