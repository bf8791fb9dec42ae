// SPDX-License-Identifier: BSL-1.0
// A file system that hands each call on, to override one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// Hands every call on to another file system. Derive from it, and override the calls that you want
/// to measure, to change or to break:
///
///     struct CountedDisk final : perdure::ForwardingFileSystem {
///       using ForwardingFileSystem::ForwardingFileSystem;
///       perdure::SysResult<void> sync_file(perdure::Handle file) override {
///         ++syncs;
///         return ForwardingFileSystem::sync_file(file);
///       }
///       std::atomic<std::uint64_t> syncs = 0;
///     };
///
/// Adds no state: as safe to use from several threads as `base` is. No call is made by another, so
/// an override sees exactly the calls that the library makes.
class PERDURE_API ForwardingFileSystem : public FileSystem {
 public:
  /// Does not own `base`, which must outlive this.
  explicit ForwardingFileSystem(FileSystem& base) noexcept : base_(base) {}

  SysResult<Handle> open_directory(Handle from, const std::string& path) override {
    return base_.open_directory(from, path);
  }
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override {
    return base_.open_beneath(from, path);
  }
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override {
    return base_.create_unnamed(directory, mode);
  }
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    return base_.create(directory, name, mode);
  }
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    return base_.open_file(directory, name);
  }
  SysResult<Handle> open_link(Handle directory, const std::string& name) override {
    return base_.open_link(directory, name);
  }
  SysResult<Handle> open_lock(Handle directory, const std::string& name) override {
    return base_.open_lock(directory, name);
  }
  SysResult<Handle> open_direct(Handle directory, const std::string& name) override {
    return base_.open_direct(directory, name);
  }
  SysResult<void> close(Handle handle) override { return base_.close(handle); }

  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    return base_.read_at(file, offset, out);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    return base_.write_at(file, offset, bytes);
  }
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override {
    return base_.write_through(file, offset, bytes);
  }
  SysResult<void> preallocate(Handle file, std::uint64_t size) override {
    return base_.preallocate(file, size);
  }
  SysResult<void> evict(Handle file) override { return base_.evict(file); }

  SysResult<void> start_writeback(Handle file) override { return base_.start_writeback(file); }
  SysResult<void> await_writeback(Handle file) override { return base_.await_writeback(file); }
  SysResult<void> sync_data(Handle file) override { return base_.sync_data(file); }
  SysResult<void> sync_file(Handle file) override { return base_.sync_file(file); }
  SysResult<void> sync_directory(Handle directory) override {
    return base_.sync_directory(directory);
  }
  SysResult<void> sync_file_system(Handle handle) override {
    return base_.sync_file_system(handle);
  }
  SysResult<void> check_alive(Handle handle) override { return base_.check_alive(handle); }

  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    return base_.rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    return base_.link(from_directory, from, to_directory, to);
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    return base_.unlink(directory, name);
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    return base_.make_directory(directory, name, mode);
  }
  SysResult<void> remove_directory(Handle directory, const std::string& name) override {
    return base_.remove_directory(directory, name);
  }
  SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                      std::uint64_t to_offset, std::uint64_t size) override {
    return base_.copy_range(from, from_offset, to, to_offset, size);
  }
  SysResult<void> make_symlink(Handle directory, const std::string& name,
                               const std::string& text) override {
    return base_.make_symlink(directory, name, text);
  }
  SysResult<std::string> read_link(Handle link) override { return base_.read_link(link); }
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override {
    return base_.list(directory);
  }

  SysResult<Status> stat(Handle handle) override { return base_.stat(handle); }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return base_.stat_at(directory, name);
  }
  Stamps stamps(Handle handle, const Status& status) override {
    return base_.stamps(handle, status);
  }
  SysResult<void> set_mode(Handle file, std::uint32_t mode) override {
    return base_.set_mode(file, mode);
  }
  SysResult<void> set_owner(Handle file, std::uint32_t owner, std::uint32_t group) override {
    return base_.set_owner(file, owner, group);
  }
  SysResult<std::vector<std::string>> list_xattrs(Handle file) override {
    return base_.list_xattrs(file);
  }
  SysResult<std::vector<std::string>> list_xattrs_at(Handle directory,
                                                     const std::string& name) override {
    return base_.list_xattrs_at(directory, name);
  }
  SysResult<Buffer> get_xattr(Handle file, const std::string& xattr) override {
    return base_.get_xattr(file, xattr);
  }
  SysResult<Buffer> get_xattr_at(Handle directory, const std::string& name,
                                 const std::string& xattr) override {
    return base_.get_xattr_at(directory, name, xattr);
  }
  SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) override {
    return base_.set_xattr(file, xattr, value);
  }
  SysResult<void> remove_xattr(Handle file, const std::string& xattr) override {
    return base_.remove_xattr(file, xattr);
  }

  SysResult<void> try_lock(Handle file, LockMode mode) override {
    return base_.try_lock(file, mode);
  }
  SysResult<bool> open_for_writing(Handle file) override { return base_.open_for_writing(file); }
  SysResult<FileSystemInfo> describe(Handle directory) override {
    return base_.describe(directory);
  }
  std::uint32_t user() override { return base_.user(); }
  bool is_known_user(std::uint32_t owner) override { return base_.is_known_user(owner); }
  bool is_known_group(std::uint32_t group) override { return base_.is_known_group(group); }

 protected:
  /// The file system below, for overrides to call.
  [[nodiscard]] FileSystem& base() const noexcept { return base_; }

 private:
  FileSystem& base_;
};

}  // namespace perdure
