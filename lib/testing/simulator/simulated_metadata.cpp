// SPDX-License-Identifier: BSL-1.0
// The calls of SimulatedFileSystem that are about metadata.
#include <algorithm>
#include <cerrno>

#include <perdure/testing/simulated_file_system.hpp>

#include "testing/simulator/acl.hpp"
#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

namespace {

constexpr std::string_view capability_name = "security.capability";

std::shared_ptr<const Xattrs> without(const Xattrs* xattrs, std::string_view name) {
  auto rest = std::make_shared<Xattrs>();
  if (xattrs != nullptr) {
    std::ranges::copy_if(*xattrs, std::back_inserter(*rest),
                         [&](const Xattr& xattr) { return xattr.name != name; });
  }
  if (rest->empty()) return nullptr;
  return rest;
}

std::shared_ptr<const Xattrs> with(const Xattrs* xattrs, std::string_view name, Buffer value) {
  auto all = std::make_shared<Xattrs>();
  if (const auto others = without(xattrs, name)) *all = *others;
  const auto at = std::ranges::lower_bound(*all, name, {}, &Xattr::name);
  all->insert(at, {std::string(name), std::move(value)});
  return all;
}

void issue_xattrs(Simulation& sim, InodeId inode, std::shared_ptr<const Xattrs> xattrs) {
  Change change;
  change.kind = Change::Kind::xattr;
  change.inode = inode;
  change.xattrs = std::move(xattrs);
  sim.disk.issue(std::move(change));
}

void issue_mode(Simulation& sim, InodeId inode, std::uint32_t mode) {
  Change change;
  change.kind = Change::Kind::mode;
  change.inode = inode;
  change.mode = mode;
  sim.disk.issue(std::move(change));
}

/// xattr(7): who may set which attribute; 0 for yes.
int fault_of_setting(const Simulation& sim, const Inode& inode, std::string_view name) {
  if (name.size() > 255) return ERANGE;
  if (const int refusal = sim.refusal(); refusal != 0) return refusal;
  if (inode.immutable) return EPERM;
  if (name == acl::access_name || name == acl::default_name) return sim.owns(inode) ? 0 : EPERM;
  if (name.starts_with("user.") && name.size() > 5) {
    if (inode.type != FileType::regular && inode.type != FileType::directory) return EPERM;
    return sim.permits(inode, 2) ? 0 : EACCES;
  }
  if (name.starts_with("trusted.") || name.starts_with("security.")) {
    return sim.user.user == 0 ? 0 : EPERM;
  }
  return EOPNOTSUPP;
}

SysResult<std::vector<std::string>> names_of(const Simulation& sim, const Inode& inode) {
  std::vector<std::string> names;
  if (!inode.xattrs) return names;
  for (const Xattr& xattr : *inode.xattrs) {
    if (xattr.name.starts_with("trusted.") && sim.user.user != 0) continue;
    names.push_back(xattr.name);
  }
  return names;
}

SysResult<Buffer> value_of(const Simulation& sim, const Inode& inode, const std::string& name) {
  if (name.starts_with("user.") && !sim.permits(inode, 4)) return errno_code(EACCES);
  if (name.starts_with("trusted.") && sim.user.user != 0) return errno_code(ENODATA);
  auto value = acl::find(inode.xattrs.get(), name);
  if (!value) return errno_code(name.find('.') == std::string::npos ? EOPNOTSUPP : ENODATA);
  return name == acl::access_name ? acl::with_mode(std::move(*value), inode.mode) : *value;
}

}  // namespace

void Simulation::drop_privileges(InodeId id) {
  // A write takes the capability away, and from all but root set-user-ID: file_remove_privs
  const Inode& inode = *disk.visible.find(id);
  if (acl::find(inode.xattrs.get(), capability_name)) {
    issue_xattrs(*this, id, without(inode.xattrs.get(), capability_name));
  }
  if (user.user == 0) return;
  const std::uint32_t mode = disk.visible.find(id)->mode;
  const std::uint32_t kept = mode & ~(04000U | ((mode & 010U) != 0 ? 02000U : 0U));
  if (kept != mode) issue_mode(*this, id, kept);
}

SysResult<Status> SimulatedFileSystem::stat(Handle handle) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  if (handle == Handle::working_directory) return sim.status(root_inode);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(handle, false));
  return sim.status(id);
}

SysResult<Status> SimulatedFileSystem::stat_at(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  return sim.status(found);
}

Stamps SimulatedFileSystem::stamps(Handle /*handle*/, const Status& /*status*/) {
  const std::scoped_lock lock(simulation_->mutex);
  return simulation_->disk.clock_stands ? Stamps::ticks : Stamps::fine;
}

SysResult<void> SimulatedFileSystem::set_mode(Handle file, std::uint32_t mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  const Inode& inode = *sim.disk.visible.find(id);
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  if (!sim.owns(inode) || inode.immutable) return errno_code(EPERM);
  mode &= 07777U;
  if (sim.user.user != 0 && sim.user.group != inode.group) mode &= ~02000U;  // chmod(2)
  sim.record(Operation::set_mode);
  issue_mode(sim, id, mode);
  sim.tick();
  sim.touch(id, false);
  return success();
}

SysResult<void> SimulatedFileSystem::set_owner(Handle file, std::uint32_t owner,
                                               std::uint32_t group) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  const Inode& inode = *sim.disk.visible.find(id);
  constexpr std::uint32_t same = ~std::uint32_t{0};
  if (owner == same) owner = inode.owner;
  if (group == same) group = inode.group;
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  if (inode.immutable) return errno_code(EPERM);
  const bool own_group = sim.owns(inode) && (group == inode.group || group == sim.user.group);
  if (sim.user.user != 0 && (owner != inode.owner || !own_group)) return errno_code(EPERM);
  sim.record(Operation::set_owner);
  Change change;
  change.kind = Change::Kind::owner;
  change.inode = id;
  change.owner = owner;
  change.group = group;
  change.mode = ~0U;
  if (inode.type == FileType::regular) {  // chown(2) takes set-user-ID away, and the capability
    change.mode = ~(04000U | ((inode.mode & 010U) != 0 ? 02000U : 0U));
  }
  const auto xattrs = inode.xattrs;
  sim.disk.issue(std::move(change));
  if (acl::find(xattrs.get(), capability_name)) {
    issue_xattrs(sim, id, without(xattrs.get(), capability_name));
  }
  sim.tick();
  sim.touch(id, false);
  return success();
}

SysResult<std::vector<std::string>> SimulatedFileSystem::list_xattrs(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  return names_of(sim, *sim.disk.visible.find(id));
}

SysResult<std::vector<std::string>> SimulatedFileSystem::list_xattrs_at(Handle directory,
                                                                        const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  return names_of(sim, *sim.disk.visible.find(found));
}

SysResult<Buffer> SimulatedFileSystem::get_xattr(Handle file, const std::string& xattr) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  return value_of(sim, *sim.disk.visible.find(id), xattr);
}

SysResult<Buffer> SimulatedFileSystem::get_xattr_at(Handle directory, const std::string& name,
                                                    const std::string& xattr) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  return value_of(sim, *sim.disk.visible.find(found), xattr);
}

SysResult<void> SimulatedFileSystem::set_xattr(Handle file, const std::string& xattr, Bytes value) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  const Inode& inode = *sim.disk.visible.find(id);
  if (const int fault = fault_of_setting(sim, inode, xattr); fault != 0) return errno_code(fault);
  if (value.size() > 65536) return errno_code(E2BIG);
  Buffer copy(value.begin(), value.end());
  std::optional<acl::Reduced> reduced;
  if (xattr == acl::access_name || xattr == acl::default_name) {
    reduced = acl::reduce(copy, inode.mode);
    if (!reduced) return errno_code(EINVAL);
    if (xattr == acl::default_name) {
      if (inode.type != FileType::directory) return errno_code(EACCES);
      reduced.reset();
    }
  }
  sim.record(Operation::set_xattr);
  const auto before = inode.xattrs;
  if (reduced && reduced->mode != inode.mode) issue_mode(sim, id, reduced->mode);
  if (reduced && reduced->minimal) {
    if (acl::find(before.get(), xattr)) issue_xattrs(sim, id, without(before.get(), xattr));
  } else {
    issue_xattrs(sim, id, with(before.get(), xattr, std::move(copy)));
  }
  sim.tick();
  sim.touch(id, false);
  return success();
}

/// As the native file system asks: by removing an attribute that is not there (xattr_permission in
/// fs/xattr.c says who may).
SysResult<void> SimulatedFileSystem::check_alive(Handle handle) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(handle, false));
  const Inode& inode = *sim.disk.visible.find(id);
  if (const int fault = fault_of_setting(sim, inode, "user.absent"); fault != 0) {
    return errno_code(fault);
  }
  const bool sticky = inode.type == FileType::directory && (inode.mode & 01000U) != 0;
  if (sticky && !sim.owns(inode)) return errno_code(EPERM);
  return success();
}

SysResult<void> SimulatedFileSystem::remove_xattr(Handle file, const std::string& xattr) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  const Inode& inode = *sim.disk.visible.find(id);
  if (const int fault = fault_of_setting(sim, inode, xattr); fault != 0) return errno_code(fault);
  if (!acl::find(inode.xattrs.get(), xattr)) {
    // Taking away an ACL that is not there succeeds: posix_acl_xattr_handler has nothing to do
    if (xattr == acl::access_name || xattr == acl::default_name) return success();
    return errno_code(ENODATA);
  }
  sim.record(Operation::remove_xattr);
  issue_xattrs(sim, id, without(inode.xattrs.get(), xattr));
  sim.tick();
  sim.touch(id, false);
  return success();
}

}  // namespace perdure::testing
