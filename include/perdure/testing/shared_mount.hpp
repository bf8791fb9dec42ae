// SPDX-License-Identifier: BSL-1.0
// One machine's mount of a file system that several machines share, with its cache of attributes.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <perdure/detail/export.hpp>
#include <perdure/system/forwarding_file_system.hpp>

namespace perdure::testing {

/// How a mount answers a look.
enum class Looks : std::uint8_t {
  forced,  ///< It asks the server, as FileSystem wants it: AT_STATX_FORCE_SYNC.
  /// It answers from its memory if it can: AT_STATX_SYNC_AS_STAT.
  remembered,
};

/// One machine's mount of files that several machines share, over a network or by FUSE.
///
/// Give each of two programs a mount of its own over one `base`, and they stand for two machines. A
/// mount remembers the attributes of each name and of each open file that it looked at, until a
/// call of its own changes them. A change by another machine does not reach its memory. The content
/// always comes from `base`. With Looks::remembered, even a forced look is answered from memory.
///
/// Safe to use from several threads.
class PERDURE_TESTING_API SharedMount final : public ForwardingFileSystem {
 public:
  /// Does not own `base`, which must outlive this.
  explicit SharedMount(FileSystem& base, Looks looks = Looks::forced) noexcept
      : ForwardingFileSystem(base), looks_(looks) {}

  SysResult<void> close(Handle handle) override;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override;
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override;
  SysResult<void> preallocate(Handle file, std::uint64_t size) override;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override;
  SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                      std::uint64_t to_offset, std::uint64_t size) override;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override;
  SysResult<void> unlink(Handle directory, const std::string& name) override;
  SysResult<void> remove_directory(Handle directory, const std::string& name) override;
  SysResult<Status> stat(Handle handle) override;
  SysResult<Status> stat_at(Handle directory, const std::string& name) override;
  SysResult<void> set_mode(Handle file, std::uint32_t mode) override;
  SysResult<void> set_owner(Handle file, std::uint32_t owner, std::uint32_t group) override;
  SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) override;
  SysResult<void> remove_xattr(Handle file, const std::string& xattr) override;

 private:
  using Number = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
  using Name = std::pair<Number, std::string>;             // in a directory

  SysResult<Number> number_of(Handle handle);
  void remember(const Name& name, const SysResult<Status>& status);
  void forget(Handle file);
  void forget(Handle directory, const std::string& name);

  const Looks looks_;
  std::mutex mutex_;
  std::map<Handle, Number> open_;
  std::map<Name, Number> names_;
  std::map<Number, Status> attributes_;
};

}  // namespace perdure::testing
