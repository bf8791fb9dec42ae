// SPDX-License-Identifier: BSL-1.0
// A file system whose calls fail as a test tells it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/testing/operation.hpp>

namespace perdure::testing {

/// One failure that a test asks for.
struct Fault {
  /// Which calls count; empty: all of them.
  std::optional<Operation> operation = {};
  /// Which of those fails, counted from 1 since the file system was made or `restart` was called.
  std::uint64_t call = 1;
  /// The error that it returns (errno). Ignored when `count` is set.
  int error = 5;
  /// From that call on all of them fail, not only the one.
  bool from_then_on = false;
  /// The call has its effect first, and only its answer is the error. For example a rename over NFS
  /// whose reply was lost, or a sync that failed after it had written. A handle that was opened is
  /// closed again.
  bool after_effect = false;
  /// For read_at and write_at: no error, but at most so many bytes; 0 is a call that moves nothing.
  std::optional<std::size_t> count = {};
  /// The call itself is made as usual. Before it the disk fails to write the pending content of
  /// files, and another program's sync gets the error: SimulatedFileSystem::fail_writeback.
  bool elsewhere = false;
};

/// One call that was made, in the order in which they began.
struct Call {
  Operation operation = Operation::stat;  ///< Which call of FileSystem it was.
  std::string name;  ///< The name that it was about: of a rename the new one; of an xattr its own.
  int error = 0;     ///< The error that it returned, injected or not; 0 for success.
  bool injected = false;  ///< By a fault or a script, and not by the file system below.
};

/// A file system in which a test decides what fails, over any other.
///
/// A call that fails does not reach the file system below (but see Fault::after_effect). Only a
/// close always does: a handle is gone in any case. Counts and logs every call.
///
/// The loop "fail at call n, raise n until it succeeds" goes like this:
///
///     for (std::uint64_t n = 1;; ++n) {
///       FaultyFileSystem faulty(native_file_system());
///       faulty.fail({.call = n, .error = EIO});
///       auto result = commit(faulty);
///       check(result);
///       if (faulty.fired() == 0) break;       // fewer than n calls: all were tried
///     }
///
/// Safe to use from several threads; the lock is not held during the call below.
class PERDURE_TESTING_API FaultyFileSystem : public FileSystem {
 public:
  /// Does not own `base`, which must outlive this.
  explicit FaultyFileSystem(FileSystem& base) noexcept : base_(base) {}

  /// Adds a fault. When several fit one call the first added wins.
  void fail(Fault fault);
  /// From now on, calls of `operation` (read_at or write_at) follow the script. A number n >= 0
  /// moves at most n bytes. -1 fails with EIO, and any other negative number with that errno
  /// negated. `{61, -1}` is: 61 bytes, then an I/O error. After its end all is as usual. A script
  /// goes before the faults.
  void script(Operation operation, std::initializer_list<long> steps);
  /// Forgets all faults and scripts; counts and log stay.
  void heal();
  /// Forgets counts and log, so that `Fault::call` counts from here.
  void restart();

  /// How many calls were made since `restart`, failed ones included.
  [[nodiscard]] std::uint64_t calls() const;
  /// The same of one kind of call.
  [[nodiscard]] std::uint64_t calls(Operation operation) const;
  /// How many calls were made to fail, or came back short, by a fault or a script.
  [[nodiscard]] std::uint64_t fired() const;
  /// The calls so far, oldest first.
  [[nodiscard]] std::vector<Call> log() const;
  /// Handles that were opened through this and not closed yet: 0 when nothing leaks.
  [[nodiscard]] std::int64_t handles_open() const;

  SysResult<Handle> open_directory(Handle from, const std::string& path) override;
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override;
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override;
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override;
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
  SysResult<void> sync_data(Handle file) override;
  SysResult<void> sync_file(Handle file) override;
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
  std::uint32_t user() override;                      ///< Can't fail, and is not counted.
  bool is_known_user(std::uint32_t owner) override;   ///< The same.
  bool is_known_group(std::uint32_t group) override;  ///< The same.

 protected:
  /// Called before each call, without any lock held. Does nothing here.
  virtual void before(Operation operation);
  /// Called when a sync was made to fail without having been tried. In some doubles this loses the
  /// content that it was to write, for good. Does nothing here.
  virtual void failed(Operation operation, Handle handle);
  /// Called before a call that a fault with `elsewhere` fits. Does nothing here.
  virtual void failed_elsewhere();

 private:
  struct Decision {
    std::size_t index = 0;  // in log_
    std::uint64_t era = 0;  // log_ was emptied by restart() when this is no longer era_
    int error = 0;
    bool after_effect = false;
    std::optional<std::size_t> count = {};
    bool elsewhere = false;
  };
  SysResult<void> sync(Operation operation, Handle handle,
                       SysResult<void> (FileSystem::*call)(Handle));
  Decision decide(Operation operation, std::string_view name);
  Decision drawn(Operation operation, std::string_view name);
  [[nodiscard]] bool fits(const Fault& fault, Operation operation) const;
  void note(const Decision& decision, int error);
  template <class Function>
  auto make(Operation operation, std::string_view name, Function call) -> decltype(call());
  template <class Function>
  SysResult<Handle> open(Operation operation, std::string_view name, Function call);
  template <class Function>
  SysResult<std::size_t> transfer(Operation operation, std::size_t size, Function call);

  FileSystem& base_;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::array<std::deque<long>, operation_count> scripts_;
  std::array<std::uint64_t, operation_count> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t fired_ = 0;
  std::int64_t handles_open_ = 0;
  std::uint64_t era_ = 0;
  std::vector<Call> log_;
};

}  // namespace perdure::testing
