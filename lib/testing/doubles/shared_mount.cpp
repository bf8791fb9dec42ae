// SPDX-License-Identifier: BSL-1.0
// Remembers attributes, and forgets those that a call of its own changes.
#include <perdure/testing/shared_mount.hpp>

namespace perdure::testing {

/// The file or directory of a handle; asked once, since it never changes.
SysResult<SharedMount::Number> SharedMount::number_of(Handle handle) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = open_.find(handle); known != open_.end()) return known->second;
  }
  BOOST_OUTCOME_TRY(const Status status, ForwardingFileSystem::stat(handle));
  const Number number{status.version.device, status.version.inode};
  const std::scoped_lock lock(mutex_);
  open_.insert_or_assign(handle, number);
  attributes_.try_emplace(number, status);
  return number;
}

void SharedMount::remember(const Name& name, const SysResult<Status>& status) {
  const std::scoped_lock lock(mutex_);
  names_.erase(name);
  if (!status) return;
  const Number number{status.value().version.device, status.value().version.inode};
  names_.insert_or_assign(name, number);
  attributes_.insert_or_assign(number, status.value());
}

void SharedMount::forget(Handle file) {
  const auto number = number_of(file);
  const std::scoped_lock lock(mutex_);
  if (number) attributes_.erase(number.value());
}

void SharedMount::forget(Handle directory, const std::string& name) {
  const auto number = number_of(directory);
  if (!number) return;
  const std::scoped_lock lock(mutex_);
  const auto known = names_.find({number.value(), name});
  if (known == names_.end()) return;
  attributes_.erase(known->second);
  names_.erase(known);
}

SysResult<Status> SharedMount::stat(Handle handle) {
  BOOST_OUTCOME_TRY(const Number number, number_of(handle));
  if (looks_ == Looks::remembered) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = attributes_.find(number); known != attributes_.end()) {
      return known->second;
    }
  }
  auto status = ForwardingFileSystem::stat(handle);
  const std::scoped_lock lock(mutex_);
  if (status) attributes_.insert_or_assign(number, status.value());
  return status;
}

SysResult<Status> SharedMount::stat_at(Handle directory, const std::string& name) {
  BOOST_OUTCOME_TRY(const Number number, number_of(directory));
  const Name full{number, name};
  if (looks_ == Looks::remembered) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = names_.find(full); known != names_.end()) {
      const auto status = attributes_.find(known->second);
      if (status != attributes_.end()) return status->second;
    }
  }
  auto status = ForwardingFileSystem::stat_at(directory, name);
  remember(full, status);
  return status;
}

SysResult<void> SharedMount::close(Handle handle) {
  {
    const std::scoped_lock lock(mutex_);
    open_.erase(handle);
  }
  return ForwardingFileSystem::close(handle);
}

SysResult<std::size_t> SharedMount::write_at(Handle file, std::uint64_t offset, Bytes bytes) {
  forget(file);
  return ForwardingFileSystem::write_at(file, offset, bytes);
}

SysResult<std::size_t> SharedMount::write_through(Handle file, std::uint64_t offset, Bytes bytes) {
  forget(file);
  return ForwardingFileSystem::write_through(file, offset, bytes);
}

SysResult<std::uint64_t> SharedMount::copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                                 std::uint64_t to_offset, std::uint64_t size) {
  forget(to);
  return ForwardingFileSystem::copy_range(from, from_offset, to, to_offset, size);
}

SysResult<void> SharedMount::preallocate(Handle file, std::uint64_t size) {
  forget(file);
  return ForwardingFileSystem::preallocate(file, size);
}

SysResult<void> SharedMount::rename(Handle from_directory, const std::string& from,
                                    Handle to_directory, const std::string& to, RenameMode mode) {
  forget(from_directory, from);
  forget(to_directory, to);
  return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
}

SysResult<void> SharedMount::link(Handle from_directory, const std::string& from,
                                  Handle to_directory, const std::string& to) {
  forget(from_directory, from);
  forget(to_directory, to);
  return ForwardingFileSystem::link(from_directory, from, to_directory, to);
}

SysResult<void> SharedMount::unlink(Handle directory, const std::string& name) {
  forget(directory, name);
  return ForwardingFileSystem::unlink(directory, name);
}

SysResult<void> SharedMount::remove_directory(Handle directory, const std::string& name) {
  forget(directory, name);
  return ForwardingFileSystem::remove_directory(directory, name);
}

SysResult<void> SharedMount::set_mode(Handle file, std::uint32_t mode) {
  forget(file);
  return ForwardingFileSystem::set_mode(file, mode);
}

SysResult<void> SharedMount::set_owner(Handle file, std::uint32_t owner, std::uint32_t group) {
  forget(file);
  return ForwardingFileSystem::set_owner(file, owner, group);
}

SysResult<void> SharedMount::set_xattr(Handle file, const std::string& xattr, Bytes value) {
  forget(file);
  return ForwardingFileSystem::set_xattr(file, xattr, value);
}

SysResult<void> SharedMount::remove_xattr(Handle file, const std::string& xattr) {
  forget(file);
  return ForwardingFileSystem::remove_xattr(file, xattr);
}

}  // namespace perdure::testing
