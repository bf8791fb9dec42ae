// SPDX-License-Identifier: BSL-1.0
// A file system in memory that can lose power.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/testing/limits.hpp>
#include <perdure/testing/preset.hpp>

namespace perdure::testing {

/// The part of the pending changes that a power cut leaves.
enum class Survivors : std::uint8_t {
  none,
  all,
  random,  ///< A crash state that a seed picks.
};

/// The seam in memory, with a disk that can lose power.
///
/// Behaves as Linux does where a program could tell. It has hard and symbolic links, locks that
/// belong to an open file, open files without a name, permissions, ACLs, attributes, limits. Keeps
/// what is visible and what is durable apart, by the rules of a Preset. `explore` makes all the
/// crash states; a test of one's own may also cut the power here, once, and look.
///
/// Safe to use from several threads; each call is atomic. Inode numbers are reused at once.
class PERDURE_TESTING_API SimulatedFileSystem final : public FileSystem {
 public:
  /// Holds an empty root directory, which is also the current directory. `preset` must outlive
  /// this.
  explicit SimulatedFileSystem(const Preset& preset = presets::worst);
  ~SimulatedFileSystem() override;

  // --- Around the seam: what a test sets up and looks at. Paths start at the root. Each returns
  // or does what it says, or throws std::invalid_argument: a mistake in the test.

  /// From now on all calls are made as this user.
  void set_user(User user);
  /// From now on. Files that are there stay, even beyond these limits.
  void set_limits(const Limits& limits);
  /// From now on all changes fall into one tick of a coarse clock, and `stamps` says so. A fast
  /// program meets this on kernels before Linux 6.13. Without it each change has a stamp of its
  /// own.
  void stop_clock();
  /// A clock that was stopped goes on by one tick, and stands again.
  void pass_tick();
  /// From now on a power cut and `remount` renumber the files that `which` says.
  void set_renumbering(Renumbering which);
  /// From now on every change is EROFS.
  void set_read_only(bool read_only);
  /// A file with this content, as the current user would make it, whatever was there; parents are
  /// made. Pending like everything else until `sync_all`.
  void put(const std::string& path, std::string_view text, std::uint32_t mode = 0644);
  /// Makes the directory and its missing parents, as the current user. Each that is there keeps its
  /// mode.
  void make_directories(const std::string& path, std::uint32_t mode = 0755);
  /// Makes a symbolic link. Its name must be free, and its directory there.
  void make_symlink(const std::string& path, const std::string& text);
  /// As chattr(1) does with `+i`: to change, replace or remove it is EPERM. Durable.
  void set_immutable(const std::string& path, bool immutable);
  /// As if something else were mounted there: to replace or remove it is EBUSY.
  void set_mount_point(const std::string& path, bool mount_point);
  /// Puts a directory, and all that is made in it from now on, on a device of its own: EXDEV across
  /// it.
  void set_device(const std::string& path, std::uint32_t device);

  /// Content of a regular file, permissions or not; empty if there is none.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  /// The text of a symbolic link; empty where there is none.
  [[nodiscard]] std::optional<std::string> link_text(const std::string& path) const;
  /// All paths but the root's, sorted; a directory's ends in '/'.
  [[nodiscard]] std::vector<std::string> paths() const;
  /// Equal when paths, hard links, content and metadata are (times and inode numbers aside).
  [[nodiscard]] std::uint64_t fingerprint() const;
  /// 0 when nothing leaks.
  [[nodiscard]] std::size_t handles_open() const;
  /// One line for each operation that a power cut could still undo, oldest first.
  [[nodiscard]] std::vector<std::string> pending() const;

  // --- Fate.

  /// sync(2): everything is durable.
  void sync_all();
  /// The changes that the sync of this file or directory would have written are lost for good. They
  /// may be on the disk or not, and no later sync changes that. A failed fsync(2) does this.
  void lose_sync(Handle handle);
  /// The same for sync_file_system.
  void lose_sync_of_all();
  /// The disk fails to write the content that is pending in files, while another program syncs.
  /// Their pages are clean then, and that content is lost as by `lose_sync`. As on Linux
  /// (lib/errseq.c), each descriptor that was open at that time gets the error once. It comes from
  /// `sync_file` and `await_writeback` of such a file, and from `sync_file_system`. A descriptor
  /// that is opened later gets no error, since the other program got it.
  void fail_writeback();
  /// The medium can't read this part of a file any more: EIO, until it is written anew. Durable.
  void spoil(const std::string& path, std::uint64_t offset, std::uint64_t length);
  /// The commit of the journal fails, and only another program's sync gets the error. From now on,
  /// until the power is cut, nothing pending becomes durable and every change is refused. Under
  /// `Preset::dead_journal_is_silent` a sync returns success and writes nothing; elsewhere it
  /// fails.
  void fail_journal();
  /// Everything is durable, all handles are gone, and the disk is mounted anew. With
  /// Renumbering::everything it is as if all files were copied to another disk (cp -a, tar, rsync).
  void remount();
  /// The process dies: its handles and locks are gone; its changes are visible, and still pending.
  void kill();
  /// The power goes, and comes back. Handles are gone, and of the pending changes only `survivors`
  /// are left; with `random` that is a crash state that `seed` picks, torn content included.
  void cut_power(Survivors survivors, std::uint64_t seed = 0);

  // --- The seam.

  SysResult<Handle> open_directory(Handle from, const std::string& path) override;
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override;
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override;
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override;
  SysResult<Handle> open_file(Handle directory, const std::string& name) override;
  SysResult<Handle> open_link(Handle directory, const std::string& name) override;
  SysResult<Handle> open_lock(Handle directory, const std::string& name) override;
  SysResult<Handle> open_direct(Handle directory, const std::string& name) override;
  SysResult<void> close(Handle handle) override;
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override;
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override;
  SysResult<void> preallocate(Handle file, std::uint64_t size) override;
  SysResult<void> evict(Handle file) override;
  SysResult<void> start_writeback(Handle file) override;
  SysResult<void> await_writeback(Handle file) override;
  SysResult<void> sync_file(Handle file) override;
  SysResult<void> sync_data(Handle file) override;
  SysResult<void> sync_directory(Handle directory) override;
  SysResult<void> sync_file_system(Handle handle) override;
  SysResult<void> check_alive(Handle handle) override;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override;
  SysResult<void> unlink(Handle directory, const std::string& name) override;
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override;
  SysResult<void> remove_directory(Handle directory, const std::string& name) override;
  SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                      std::uint64_t to_offset, std::uint64_t size) override;
  SysResult<void> make_symlink(Handle directory, const std::string& name,
                               const std::string& text) override;
  SysResult<std::string> read_link(Handle link) override;
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override;
  SysResult<Status> stat(Handle handle) override;
  SysResult<Status> stat_at(Handle directory, const std::string& name) override;
  Stamps stamps(Handle handle, const Status& status) override;
  SysResult<void> set_mode(Handle file, std::uint32_t mode) override;
  SysResult<void> set_owner(Handle file, std::uint32_t owner, std::uint32_t group) override;
  SysResult<std::vector<std::string>> list_xattrs(Handle file) override;
  SysResult<std::vector<std::string>> list_xattrs_at(Handle directory,
                                                     const std::string& name) override;
  SysResult<Buffer> get_xattr(Handle file, const std::string& xattr) override;
  SysResult<Buffer> get_xattr_at(Handle directory, const std::string& name,
                                 const std::string& xattr) override;
  SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) override;
  SysResult<void> remove_xattr(Handle file, const std::string& xattr) override;
  SysResult<void> try_lock(Handle file, LockMode mode) override;
  SysResult<bool> open_for_writing(Handle file) override;
  SysResult<FileSystemInfo> describe(Handle directory) override;
  std::uint32_t user() override;
  bool is_known_user(std::uint32_t owner) override;
  bool is_known_group(std::uint32_t group) override;

 private:
  friend struct SimulationAccess;
  explicit SimulatedFileSystem(std::unique_ptr<struct Simulation> simulation) noexcept;

  std::unique_ptr<struct Simulation> simulation_;
};

}  // namespace perdure::testing
