// SPDX-License-Identifier: BSL-1.0
// The file system by system calls.
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

#include "linux/describe.hpp"
#include "linux/size_limit.hpp"
#include "linux/stamps.hpp"
#include "linux/users.hpp"
#include "linux/xattr.hpp"

namespace perdure {
namespace {

static_assert(sizeof(off_t) == 8,
              "perdure: compile with _FILE_OFFSET_BITS=64, or an offset behind "
              "2 GiB would lead to another place of the file");

std::error_code last_error() {
  return {errno, std::generic_category()};
}

/// Makes a call again while a signal interrupts it before it did anything. Never for close(2).
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

template <class Call>
SysResult<void> checked(Call call) {
  if (uninterrupted(call) < 0) return last_error();
  return success();
}

template <class Call>
SysResult<Handle> opened(Call call) {
  const int fd = uninterrupted(call);
  if (fd < 0) return last_error();
  return Handle{fd};
}

int fd_of(Handle handle) {
  return static_cast<int>(handle);
}

/// 64 bits of nanoseconds hold 1677 to 2262; ext4 has times up to 2446, others more. Takes the
/// nearest that fits: a wrapped number would make a later time look earlier.
std::int64_t to_ns(const statx_timestamp& time) {
  constexpr std::int64_t second = 1'000'000'000;
  using Limits = std::numeric_limits<std::int64_t>;
  if (time.tv_sec >= Limits::max() / second) return Limits::max();
  if (time.tv_sec <= Limits::min() / second) return Limits::min();
  return time.tv_sec * second + time.tv_nsec;
}

constexpr unsigned unique_mount_id = 0x4000;  // STATX_MNT_ID_UNIQUE, since Linux 6.8

Status to_status(const struct statx& from) {
  Status status;
  const auto type = from.stx_mode & S_IFMT;
  status.type = type == S_IFREG   ? FileType::regular
                : type == S_IFDIR ? FileType::directory
                : type == S_IFLNK ? FileType::symlink
                                  : FileType::other;
  status.mode = from.stx_mode & 07777U;
  status.owner = from.stx_uid;
  status.group = from.stx_gid;
  status.links = from.stx_nlink;
  status.immutable = (from.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
  status.mount_point = (from.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  status.version.device = (std::uint64_t{from.stx_dev_major} << 32U) | from.stx_dev_minor;
  status.version.inode = from.stx_ino;
  status.version.birth_ns = (from.stx_mask & STATX_BTIME) != 0 ? to_ns(from.stx_btime) : 0;
  status.version.size = from.stx_size;
  status.version.mtime_ns = to_ns(from.stx_mtime);
  status.version.ctime_ns = to_ns(from.stx_ctime);
  if ((from.stx_mask & unique_mount_id) != 0) status.mount = from.stx_mnt_id;
  return status;
}

/// AT_STATX_FORCE_SYNC: file systems that remember attributes for a while (NFS, CIFS, FUSE) ask for
/// them now. Another machine may have changed the file, and every decision rests on such a look.
/// Local file systems have nothing to ask (statx(2)).
SysResult<Status> read_status(int fd, const char* name, int flags) {
  constexpr unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | unique_mount_id;
  timespec tick{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &tick);  // before the look; can't fail for this clock
  struct statx raw {};
  if (uninterrupted([&] { return ::statx(fd, name, flags | AT_STATX_FORCE_SYNC, wanted, &raw); }) <
      0) {
    return last_error();
  }
  Status status = to_status(raw);
  status.tick_ns = std::int64_t{tick.tv_sec} * 1'000'000'000 + tick.tv_nsec;
  return status;
}

/// Names or values of extended attributes: the size is asked for only when the guess was too small.
template <class Call>
SysResult<Buffer> read_growing(Call call) {
  std::array<std::byte, 512> small;  // NOLINT: filled by the call
  ssize_t size = uninterrupted([&] { return call(small.data(), small.size()); });
  if (size >= 0) return Buffer(small.begin(), small.begin() + size);
  while (errno == ERANGE) {
    size = call(nullptr, 0);
    if (size < 0) break;
    Buffer large(static_cast<std::size_t>(size) + 256);  // it may grow between the two calls
    size = call(large.data(), large.size());
    if (size < 0) continue;
    large.resize(static_cast<std::size_t>(size));
    return large;
  }
  return last_error();
}

SysResult<std::vector<std::string>> split_names(SysResult<Buffer> list) {
  if (!list) {
    if (list.error() == std::errc::not_supported) return std::vector<std::string>();
    return list.error();
  }
  std::vector<std::string> names;
  std::string_view rest = as_text(list.value());
  while (!rest.empty()) {
    const auto end = rest.find('\0');
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return names;
}

class NativeFileSystem final : public FileSystem {
 public:
  SysResult<Handle> open_directory(Handle base, const std::string& path) override {
    return opened(
        [&] { return ::openat(fd_of(base), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  }
  SysResult<Handle> open_beneath(Handle base, const std::string& path) override {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    // openat2(2), since Linux 5.6; EAGAIN: a rename or mount elsewhere got in the way.
    return opened([&] {
      long fd = -1;
      do {
        fd = ::syscall(SYS_openat2, fd_of(base), path.c_str(), &how, sizeof(how));
      } while (fd < 0 && errno == EAGAIN);
      return static_cast<int>(fd);
    });
  }
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override {
    return opened(
        [&] { return ::openat(fd_of(directory), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode); });
  }
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    return opened([&] {
      return ::openat(fd_of(directory), name.c_str(),
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    });
  }
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    return opened([&] {
      return ::openat(fd_of(directory), name.c_str(),
                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    });
  }
  SysResult<Handle> open_link(Handle directory, const std::string& name) override {
    return opened(
        [&] { return ::openat(fd_of(directory), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); });
  }
  SysResult<Handle> open_lock(Handle directory, const std::string& name) override {
    return opened([&] {
      return ::openat(fd_of(directory), name.c_str(),
                      O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    });
  }
  SysResult<Handle> open_direct(Handle directory, const std::string& name) override {
    return opened([&] {
      return ::openat(fd_of(directory), name.c_str(),
                      O_RDWR | O_DIRECT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    });
  }
  SysResult<void> close(Handle handle) override {
    // Linux frees the descriptor before it can be interrupted: never again after EINTR (close(2)).
    if (::close(fd_of(handle)) < 0 && errno != EINTR) return last_error();
    return success();
  }

  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    const ssize_t got = uninterrupted(
        [&] { return ::pread(fd_of(file), out.data(), out.size(), static_cast<off_t>(offset)); });
    if (got < 0) return last_error();
    return static_cast<std::size_t>(got);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (exceeds_size_limit(offset + bytes.size()))
      return std::error_code(EFBIG, std::generic_category());
    const ssize_t put = uninterrupted([&] {
      return ::pwrite(fd_of(file), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (put < 0) return last_error();
    return static_cast<std::size_t>(put);
  }
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (exceeds_size_limit(offset + bytes.size()))
      return std::error_code(EFBIG, std::generic_category());
    // The kernel only reads what the interface calls mutable.
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};  // NOLINT
    const ssize_t put = uninterrupted(
        [&] { return ::pwritev2(fd_of(file), &part, 1, static_cast<off_t>(offset), RWF_DSYNC); });
    if (put < 0) return last_error();
    return static_cast<std::size_t>(put);
  }
  SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                      std::uint64_t to_offset, std::uint64_t size) override {
    constexpr std::uint64_t size_max = std::uint64_t{1} << 30U;
    auto read_at = static_cast<off64_t>(from_offset);
    auto write_at = static_cast<off64_t>(to_offset);
    std::uint64_t wanted = std::min(size, size_max);
    while (wanted > 0 && exceeds_size_limit(to_offset + wanted)) wanted /= 2;
    if (wanted == 0) return std::error_code(EFBIG, std::generic_category());
    const auto count = static_cast<std::size_t>(wanted);
    const ssize_t got = uninterrupted(
        [&] { return ::copy_file_range(fd_of(from), &read_at, fd_of(to), &write_at, count, 0); });
    if (got < 0) return last_error();
    return static_cast<std::uint64_t>(got);
  }
  SysResult<void> preallocate(Handle file, std::uint64_t size) override {
    if (exceeds_size_limit(size)) return std::error_code(EFBIG, std::generic_category());
    // Not repeated after EINTR: on tmpfs the call would begin anew each time (until Linux 6.17),
    // and never end under a profiler's signals.
    if (::fallocate(fd_of(file), 0, 0, static_cast<off_t>(size)) < 0) return last_error();
    return success();
  }
  SysResult<void> evict(Handle file) override {
    const int code = ::posix_fadvise(fd_of(file), 0, 0, POSIX_FADV_DONTNEED);
    if (code != 0) return std::error_code(code, std::generic_category());
    return success();
  }

  SysResult<void> start_writeback(Handle file) override {
    return checked([&] { return ::sync_file_range(fd_of(file), 0, 0, SYNC_FILE_RANGE_WRITE); });
  }
  SysResult<void> await_writeback(Handle file) override {
    constexpr unsigned all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    return checked([&] { return ::sync_file_range(fd_of(file), 0, 0, all); });
  }
  SysResult<void> sync_file(Handle file) override {
    return checked([&] { return ::fsync(fd_of(file)); });
  }
  SysResult<void> sync_data(Handle file) override {
    return checked([&] { return ::fdatasync(fd_of(file)); });
  }
  SysResult<void> sync_file_system(Handle handle) override {
    return checked([&] { return ::syncfs(fd_of(handle)); });
  }
  SysResult<void> check_alive(Handle handle) override {
    // The kernel begins a transaction before it finds out that there is no such attribute. A
    // working journal answers ENODATA. One that failed answers EROFS (ext4_journal_check_start in
    // fs/ext4/ext4_jbd2.c) or EIO (xfs_attr_set in fs/xfs/libxfs/xfs_attr.c).
    if (::fremovexattr(fd_of(handle), "user.perdure.absent") == 0 || errno == ENODATA) {
      return success();
    }
    return last_error();
  }
  SysResult<void> sync_directory(Handle directory) override {
    return checked([&] { return ::fsync(fd_of(directory)); });
  }

  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (mode == RenameMode::replace) {
      return checked([&] {
        return ::renameat(fd_of(from_directory), from.c_str(), fd_of(to_directory), to.c_str());
      });
    }
    const unsigned flags = mode == RenameMode::no_replace ? RENAME_NOREPLACE : RENAME_EXCHANGE;
    return checked([&] {
      return ::renameat2(fd_of(from_directory), from.c_str(), fd_of(to_directory), to.c_str(),
                         flags);
    });
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    return checked([&] {
      return ::linkat(fd_of(from_directory), from.c_str(), fd_of(to_directory), to.c_str(), 0);
    });
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    return checked([&] { return ::unlinkat(fd_of(directory), name.c_str(), 0); });
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    return checked([&] { return ::mkdirat(fd_of(directory), name.c_str(), mode); });
  }
  SysResult<void> remove_directory(Handle directory, const std::string& name) override {
    return checked([&] { return ::unlinkat(fd_of(directory), name.c_str(), AT_REMOVEDIR); });
  }
  SysResult<void> make_symlink(Handle directory, const std::string& name,
                               const std::string& text) override {
    return checked([&] { return ::symlinkat(text.c_str(), fd_of(directory), name.c_str()); });
  }
  SysResult<std::string> read_link(Handle link) override {
    std::string text(256, '\0');
    while (true) {
      const ssize_t got =
          uninterrupted([&] { return ::readlinkat(fd_of(link), "", text.data(), text.size()); });
      if (got < 0) return last_error();
      if (static_cast<std::size_t>(got) < text.size()) {
        text.resize(static_cast<std::size_t>(got));
        return text;
      }
      text.resize(text.size() * 2);  // the text that fills the buffer may be cut off
    }
  }
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override;

  SysResult<Status> stat(Handle handle) override {
    return read_status(fd_of(handle), "", AT_EMPTY_PATH);
  }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return read_status(fd_of(directory), name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  }
  Stamps stamps(Handle handle, const Status& status) override {
    return stamps_native(fd_of(handle), status);
  }
  SysResult<void> set_mode(Handle file, std::uint32_t mode) override {
    return checked([&] { return ::fchmod(fd_of(file), mode); });
  }
  SysResult<void> set_owner(Handle file, std::uint32_t owner, std::uint32_t group) override {
    const auto given = checked([&] { return ::fchown(fd_of(file), owner, group); });
    if (given || given.error() != std::errc::bad_file_descriptor) return given;
    // Of a link, which open_link opened.
    return checked([&] { return ::fchownat(fd_of(file), "", owner, group, AT_EMPTY_PATH); });
  }
  SysResult<std::vector<std::string>> list_xattrs(Handle file) override {
    return split_names(read_growing([&](void* out, std::size_t size) {
      return ::flistxattr(fd_of(file), static_cast<char*>(out), size);
    }));
  }
  SysResult<std::vector<std::string>> list_xattrs_at(Handle directory,
                                                     const std::string& name) override {
    return split_names(read_growing([&](void* out, std::size_t size) {
      return perdure::list_xattrs_at(fd_of(directory), name, out, size);
    }));
  }
  SysResult<Buffer> get_xattr(Handle file, const std::string& xattr) override {
    return read_growing([&](void* out, std::size_t size) {
      return ::fgetxattr(fd_of(file), xattr.c_str(), out, size);
    });
  }
  SysResult<Buffer> get_xattr_at(Handle directory, const std::string& name,
                                 const std::string& xattr) override {
    return read_growing([&](void* out, std::size_t size) {
      return perdure::get_xattr_at(fd_of(directory), name, xattr, out, size);
    });
  }
  SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) override {
    return checked(
        [&] { return ::fsetxattr(fd_of(file), xattr.c_str(), value.data(), value.size(), 0); });
  }
  SysResult<void> remove_xattr(Handle file, const std::string& xattr) override {
    return checked([&] { return ::fremovexattr(fd_of(file), xattr.c_str()); });
  }

  SysResult<void> try_lock(Handle file, LockMode mode) override {
    const int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    return checked([&] { return ::flock(fd_of(file), operation); });
  }
  SysResult<bool> open_for_writing(Handle file) override {
    // The kernel grants a read lease only while nobody, in any process or container, has the file
    // open for writing (F_SETLEASE in fcntl(2); check_conflicting_open in fs/locks.c). If somebody
    // opens the file for writing before we drop the lease, we get a signal. It must not be SIGIO,
    // which ends a process: SIGURG is ignored unless somebody asks for it.
    if (::fcntl(fd_of(file), F_SETSIG, SIGURG) < 0) return last_error();
    if (::fcntl(fd_of(file), F_SETLEASE, F_RDLCK) < 0) {
      if (errno == EAGAIN) return true;
      return last_error();
    }
    if (::fcntl(fd_of(file), F_SETLEASE, F_UNLCK) < 0) return last_error();
    return false;
  }
  SysResult<FileSystemInfo> describe(Handle directory) override {
    return describe_native(fd_of(directory));
  }
  std::uint32_t user() override { return ::geteuid(); }
  bool is_known_user(std::uint32_t owner) override { return is_known_user_native(owner); }
  bool is_known_group(std::uint32_t group) override { return is_known_group_native(group); }
};

SysResult<std::vector<DirectoryEntry>> NativeFileSystem::list(Handle directory) {
  // A descriptor of its own: the stream has a position, and the caller's handle is shared.
  const int fd = uninterrupted(
      [&] { return ::openat(fd_of(directory), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return last_error();
  DIR* const raw = ::fdopendir(fd);
  if (raw == nullptr) {
    const auto code = last_error();
    ::close(fd);
    return code;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(raw, &::closedir);
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());  // NOLINT: the stream is ours alone
    if (entry == nullptr) break;
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == "..") continue;
    const auto type = entry->d_type == DT_REG   ? FileType::regular
                      : entry->d_type == DT_DIR ? FileType::directory
                      : entry->d_type == DT_LNK ? FileType::symlink
                                                : FileType::other;
    entries.push_back({std::string(name), type});
  }
  if (errno != 0) return last_error();
  return entries;
}

}  // namespace

FileSystem& native_file_system() noexcept {
  static NativeFileSystem file_system;
  return file_system;
}

}  // namespace perdure
