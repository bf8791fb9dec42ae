// SPDX-License-Identifier: BSL-1.0
// The seam to the file system: each system call, and what a power cut leaves of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>

namespace perdure {

/// An open file or directory of one FileSystem. Only that FileSystem can use or close it.
enum class Handle : int {
  none = -1,                 ///< No file or directory.
  working_directory = -100,  ///< Stands for the current directory in open_directory.
};

/// The kind of a file; `other` is a FIFO, a socket or a device.
enum class FileType { regular, directory, symlink, other };

/// How well the times of a file's last changes tell them apart.
enum class Stamps {
  /// A change that follows a look at the file has another `ctime_ns` than the look saw.
  fine,
  /// Changes within one tick of this machine's clock may have one `ctime_ns`.
  ticks,
  /// Another machine or program stamps them, by a clock that this machine does not know.
  foreign,
};

/// The facts about a file that one call reads.
struct Status {
  FileType type = FileType::other;  ///< A symbolic link's own where it was found by name.
  std::uint32_t mode = 0;           ///< Permission bits, 07777.
  std::uint32_t owner = 0;          ///< The number of the user, in this user name space.
  std::uint32_t group = 0;          ///< The number of the group, in this user name space.
  std::uint64_t links = 0;          ///< Names that the file has; 0 once the last is gone.
  bool immutable = false;           ///< Immutable or append-only: can't be replaced.
  bool mount_point = false;         ///< Root of a mount, a bind-mounted file for example.
  Version version;                  ///< Its stamps; `version.size` is the size.
  /// The mount that it was found on, by a number that is never given twice; 0 where the kernel has
  /// none (before Linux 6.8).
  std::uint64_t mount = 0;
  /// The last tick, before this look, of the clock that stamps files, in nanoseconds since 1970
  /// (CLOCK_REALTIME_COARSE, clock_gettime(2)). A change after the look has this stamp or a later
  /// one.
  std::int64_t tick_ns = 0;
};

/// A name that `list` finds.
struct DirectoryEntry {
  std::string name;                 ///< One component.
  FileType type = FileType::other;  ///< `other` also where the file system does not say.
};

/// How a rename treats the new name when it is taken.
enum class RenameMode {
  replace,     ///< The file that has the name loses it in the same moment.
  no_replace,  ///< EEXIST when the new name exists; EINVAL where the file system can't tell.
  exchange,    ///< Each gets the name of the other; ENOENT unless both exist.
};

/// Any number of `shared` holders, or one `exclusive` holder.
enum class LockMode { shared, exclusive };

/// The place where a file system keeps the journal of its metadata.
enum class JournalPlace {
  unknown,   ///< It could not be found out.
  none,      ///< It has no journal.
  internal,  ///< On the device that has the data.
  external,  ///< On a device of its own.
};

/// The file system that a directory lies on. A fact that can't be found out is empty or `unknown`,
/// never a guess.
struct FileSystemInfo {
  std::string type;         ///< "ext4", "xfs", "btrfs", "tmpfs", "overlay", ... or "" if unknown.
  std::string source;       ///< The device or whatever mountinfo calls it.
  std::string mount_point;  ///< The directory at which it is mounted.
  std::vector<std::string> mount_options;  ///< Of the mount and of the file system.
  /// Every option in force, defaults too, as the kernel lists them for this file system
  /// (/proc/fs/ext4/DEVICE/options); mountinfo leaves some out.
  std::vector<std::string> kernel_options;
  JournalPlace journal = JournalPlace::unknown;  ///< Of its metadata.
  /// Whether a sync may write a shortened journal entry instead of a transaction (ext4).
  std::optional<bool> fast_commit;
  /// Whether a new file in the directory would lie on a realtime device (xfs).
  std::optional<bool> realtime;
  /// Whether a new file in the directory would be asked to bypass the page cache (FS_XFLAG_DAX;
  /// ext4 and xfs).
  std::optional<bool> dax;
  /// await_writeback waits for every dirty page (since Linux 5.2).
  bool writeback_awaited = false;
  /// sync_file_system says when something could not be written (since Linux 5.8).
  bool sync_reports = false;
  std::uint64_t block_size = 0;  ///< Bytes; `f_bsize` of statfs(2).
  std::uint64_t space_free = 0;  ///< Bytes that this user may still write.
  /// Files that may still be made; empty where the file system has no such limit.
  std::optional<std::uint64_t> files_free{};
};

/// The system calls that the library makes on files, and no other ones.
///
/// Anchored at open directories: a `name` is one component, never a path, unless the call says
/// otherwise. No call follows a symbolic link at it. Nothing here decides, waits or retries, except
/// that a call interrupted before it did anything (EINTR) is made again where that is safe. Errors
/// are codes of the generic category (errno).
///
/// Implementations are safe to use from several threads at once, as the system calls are. Each call
/// that has to do with a power cut says what a power cut leaves of it. All other changes may be on
/// disk in any order, or not at all (docs/architecture.md).
class PERDURE_API FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  // --- Opening. Every handle is closed exactly once, by close(). Nothing is inherited by exec.

  /// Opens a directory, for use as an anchor and for sync_directory. `path` may have several
  /// components and is resolved as open(2) does, links included, from `base`.
  virtual SysResult<Handle> open_directory(Handle base, const std::string& path) = 0;
  /// Opens a directory beneath `base` by a relative path. No symbolic link on the way is followed
  /// (ELOOP), and neither ".." nor a mount point leads out of the mount of `base` (EXDEV).
  virtual SysResult<Handle> open_beneath(Handle base, const std::string& path) = 0;
  /// Makes a new file, open for reading and writing; EEXIST when the name is taken, even by a
  /// dangling link. The kernel may take bits off `mode` (umask, default ACL), never add any.
  virtual SysResult<Handle> create(Handle directory, const std::string& name,
                                   std::uint32_t mode) = 0;
  /// Makes a new file without a name, as create would make one in `directory`. It shows the
  /// metadata that a new file there inherits, and whether one may be made at all. Gone when it is
  /// closed. EOPNOTSUPP where the file system has no such files.
  virtual SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) = 0;
  /// Opens an existing file for reading, without waiting (a FIFO opens at once). ELOOP at a link.
  virtual SysResult<Handle> open_file(Handle directory, const std::string& name) = 0;
  /// Opens a symbolic link itself, for `stat` and `read_link`, so that both are about the same
  /// link. Opens any other file for `stat` alone.
  virtual SysResult<Handle> open_link(Handle directory, const std::string& name) = 0;
  /// Opens an existing lock file for reading and writing, without waiting.
  virtual SysResult<Handle> open_lock(Handle directory, const std::string& name) = 0;
  /// Opens an existing file for `write_through` (O_DIRECT, open(2)). EINVAL where the file system
  /// has no such writes.
  virtual SysResult<Handle> open_direct(Handle directory, const std::string& name) = 0;
  /// The handle is closed in any case; an error means that a delayed write failed.
  virtual SysResult<void> close(Handle handle) = 0;

  // --- Content.

  /// Reads up to `out.size()` bytes, and maybe fewer; 0 at the end of the file.
  virtual SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                         std::span<std::byte> out) = 0;
  /// Writes up to `bytes.size()` bytes and says how many; the caller goes on with the rest.
  virtual SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) = 0;
  /// Writes past the page cache over content that was durable before, through a handle of
  /// open_direct, and says how many bytes. These bytes are durable once this returned, and nothing
  /// else is: no earlier write, nor a new size (RWF_DSYNC, pwritev2(2)). The disk writes them with
  /// FUA where it can, else the kernel flushes its cache. Memory, offset and size are multiples of
  /// 4096. EINVAL, and nothing is written, where the disk wants larger ones. After any other error
  /// the disk may have any part of the bytes.
  virtual SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) = 0;
  /// Copies up to `size` bytes from one open file into another one, and says how many. 0 at the
  /// end, and for files of the kernel (such as those of /proc) whose size is a guess. The kernel
  /// shares blocks where the file system can (copy_file_range(2)). EXDEV, EINVAL, EOPNOTSUPP or
  /// ENOSYS where it does not copy these files: read and write them. A power cut leaves of it the
  /// same as of `write_at`.
  virtual SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                              std::uint64_t to_offset, std::uint64_t size) = 0;
  /// Sets the size to at least `size` and reserves the space, so that a full disk shows now. EINTR
  /// when a signal came first: the call is not made again, since it can take long.
  virtual SysResult<void> preallocate(Handle file, std::uint64_t size) = 0;
  /// Asks that clean cached pages be dropped, so that the next read comes from the disk.
  virtual SysResult<void> evict(Handle file) = 0;

  // --- Durability.

  /// Begins to write the file's dirty pages and does not wait, so that syncs of many files wait for
  /// the disk together. Promises nothing, but may be the only call that hears of a failure.
  virtual SysResult<void> start_writeback(Handle file) = 0;
  /// Returns when all dirty pages of the file were written to the disk's cache. These are the
  /// content, but not the metadata that is needed to find it. The file system decides whether the
  /// content is ordered before a rename.
  virtual SysResult<void> await_writeback(Handle file) = 0;
  /// Content and metadata of the file are durable once this returned (fsync(2), never fdatasync).
  /// After an error the file is lost for good: a later call may succeed without having written.
  virtual SysResult<void> sync_file(Handle file) = 0;
  /// The file's content is durable once this returned, with the metadata that is needed to read it
  /// (fdatasync(2)); neither its times nor its names are. One flush if all written blocks belonged
  /// to the file when it was last synced. An error is as final as that of sync_file.
  virtual SysResult<void> sync_data(Handle file) = 0;
  /// The entries of the directory are durable once this returned.
  virtual SysResult<void> sync_directory(Handle directory) = 0;
  /// Every change by anybody on the file system of `handle`, a file or a directory, is durable once
  /// this returned (syncfs(2)). It can take long where others write much. On xfs, content that was
  /// written over is not durable (docs/protocols.md, W1). An error may be another file's. See
  /// FileSystemInfo::sync_reports.
  virtual SysResult<void> sync_file_system(Handle handle) = 0;
  /// Whether the file system that the file or directory lies on still takes changes. A journal that
  /// failed tells only those syncs that waited for it; a later sync returns success and writes
  /// nothing (docs/failed-journals.md). This call asks for a change that alters nothing. A journal
  /// that failed refuses it (EROFS, EIO), and it costs no flush. EPERM, EACCES, EOPNOTSUPP and
  /// others tell nothing: this user may not write the inode, or the file system has no such change.
  virtual SysResult<void> check_alive(Handle handle) = 0;

  // --- Names. Each call is atomic for readers; none is durable by itself.

  /// Gives the file `from` the name `to`. EXDEV between two mounts. Where both names are of one
  /// file, `replace` does nothing, and is a success.
  virtual SysResult<void> rename(Handle from_directory, const std::string& from,
                                 Handle to_directory, const std::string& to, RenameMode mode) = 0;
  /// A second name for a file (the link itself if `from` is a link). EEXIST when `to` is taken.
  virtual SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                               const std::string& to) = 0;
  /// Removes a name of a file, or a symbolic link itself. The content goes with the last name and
  /// the last handle. EISDIR at a directory.
  virtual SysResult<void> unlink(Handle directory, const std::string& name) = 0;
  /// EEXIST when the name is taken, even by a dangling link. The kernel may take bits off `mode`
  /// (umask, default ACL), never add any but the set-group-id bit of the parent.
  virtual SysResult<void> make_directory(Handle directory, const std::string& name,
                                         std::uint32_t mode) = 0;
  /// ENOTEMPTY where anything is in it; ENOTDIR at a link, or at any other file.
  virtual SysResult<void> remove_directory(Handle directory, const std::string& name) = 0;
  /// Makes a symbolic link, whose text may lead anywhere; EEXIST when the name is taken, EPERM
  /// where the file system has no links. Nothing can sync a link by itself. File systems keep its
  /// text as metadata, so that it is durable as soon as its name is (docs/protocols.md, "Links").
  virtual SysResult<void> make_symlink(Handle directory, const std::string& name,
                                       const std::string& text) = 0;
  /// The text of a symbolic link that open_link opened.
  virtual SysResult<std::string> read_link(Handle link) = 0;
  /// All entries but "." and "..", in no order.
  virtual SysResult<std::vector<DirectoryEntry>> list(Handle directory) = 0;

  // --- Metadata.

  /// `stat` and `stat_at` ask the server that keeps the file, and not the cached attributes of this
  /// machine. So they see a change that another machine made before the call (AT_STATX_FORCE_SYNC,
  /// statx(2)).
  virtual SysResult<Status> stat(Handle handle) = 0;
  /// The same by name, of a symbolic link itself; ENOENT where there is none.
  virtual SysResult<Status> stat_at(Handle directory, const std::string& name) = 0;
  /// How the file system stamps changes. `status` is of a file that was found through `handle`, its
  /// own or its directory's. `foreign` where nobody can find out.
  virtual Stamps stamps(Handle handle, const Status& status) = 0;
  /// Sets the bits 07777; no umask counts. The kernel takes the set-group-id bit off for a user who
  /// is not in the group of the file.
  virtual SysResult<void> set_mode(Handle file, std::uint32_t mode) = 0;
  /// Also of a symbolic link that open_link opened.
  virtual SysResult<void> set_owner(Handle file, std::uint32_t owner, std::uint32_t group) = 0;
  /// Names of the extended attributes that this user can see, the POSIX ACL's among them; empty
  /// where the file system has none.
  virtual SysResult<std::vector<std::string>> list_xattrs(Handle file) = 0;
  /// The same by name, of a symbolic link itself.
  virtual SysResult<std::vector<std::string>> list_xattrs_at(Handle directory,
                                                             const std::string& name) = 0;
  /// The value of an attribute; ENODATA where the file has none of that name.
  virtual SysResult<Buffer> get_xattr(Handle file, const std::string& xattr) = 0;
  /// The same by name, of a symbolic link itself.
  virtual SysResult<Buffer> get_xattr_at(Handle directory, const std::string& name,
                                         const std::string& xattr) = 0;
  /// Makes the attribute, or replaces its value as a whole.
  virtual SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) = 0;
  /// ENODATA where the file has none of that name.
  virtual SysResult<void> remove_xattr(Handle file, const std::string& xattr) = 0;

  // --- Others.

  /// Takes an advisory lock that lives until the handle is closed (flock(2)); EWOULDBLOCK at
  /// once when another handle, of this process or another, holds it.
  virtual SysResult<void> try_lock(Handle file, LockMode mode) = 0;
  /// Whether another handle, of this process or another, has the file open for writing. `file`
  /// comes from open_file. An error where the kernel can't tell, or won't tell this user.
  virtual SysResult<bool> open_for_writing(Handle file) = 0;
  /// The file system that the directory lies on. A fact that can't be found out does not make it
  /// fail.
  virtual SysResult<FileSystemInfo> describe(Handle directory) = 0;
  /// The user who makes and opens files.
  virtual std::uint32_t user() = 0;
  /// Whether an owner of this number is one user. False for the number that stands for all owners
  /// without one in this user name space (user_namespaces(7)).
  virtual bool is_known_user(std::uint32_t owner) = 0;
  /// The same of a group.
  virtual bool is_known_group(std::uint32_t group) = 0;
};

/// Owns a handle and closes it. Move-only.
class OwnedHandle {
 public:
  OwnedHandle() = default;
  /// Takes `handle` over. `files`, whose handle it is, must outlive this.
  OwnedHandle(FileSystem& files, Handle handle) noexcept : files_(&files), handle_(handle) {}
  OwnedHandle(OwnedHandle&& other) noexcept
      : files_(other.files_), handle_(std::exchange(other.handle_, Handle::none)) {}
  OwnedHandle& operator=(OwnedHandle&& other) noexcept {
    if (this != &other) {
      reset();
      files_ = other.files_;
      handle_ = std::exchange(other.handle_, Handle::none);
    }
    return *this;
  }
  OwnedHandle(const OwnedHandle&) = delete;
  OwnedHandle& operator=(const OwnedHandle&) = delete;
  ~OwnedHandle() { reset(); }

  /// Stays owned; Handle::none where there is none.
  [[nodiscard]] Handle get() const noexcept { return handle_; }
  /// Whether a handle is owned.
  explicit operator bool() const noexcept { return handle_ != Handle::none; }

  /// Closes now and says how that went. Without this call the destructor closes. That is right for
  /// handles that were only read from, and for files whose sync has already returned every error.
  SysResult<void> close() {
    return handle_ == Handle::none ? SysResult<void>(success())
                                   : files_->close(std::exchange(handle_, Handle::none));
  }
  /// Closes now, and drops the answer.
  void reset() noexcept {
    if (handle_ != Handle::none) (void)files_->close(std::exchange(handle_, Handle::none));
  }

 private:
  FileSystem* files_ = nullptr;
  Handle handle_ = Handle::none;
};

}  // namespace perdure
