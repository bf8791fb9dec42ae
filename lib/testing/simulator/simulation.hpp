// SPDX-License-Identifier: BSL-1.0
// The common part of SimulatedFileSystem's calls.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <perdure/system/file_system.hpp>
#include <perdure/testing/limits.hpp>
#include <perdure/testing/operation.hpp>

#include "testing/simulator/disk.hpp"

namespace perdure::testing {

/// Sees the disk before each call that changes it; an explorer takes its crash points from here.
class SimulationObserver {
 public:
  SimulationObserver() = default;
  SimulationObserver(const SimulationObserver&) = delete;
  SimulationObserver& operator=(const SimulationObserver&) = delete;
  virtual ~SimulationObserver() = default;
  /// Before the call. `disk` may be forked.
  virtual void before(Operation operation, Disk& disk) = 0;
  /// A process that dies in the middle of a write may have done this much of it.
  virtual void partly(Operation operation, Disk disk) = 0;
};

struct OpenFile {
  InodeId inode = no_inode;
  bool writable = false;
  std::optional<LockMode> lock;
  std::uint64_t errors_seen = 0;         // of the file, by this descriptor; errseq_sample
  std::uint64_t errors_of_all_seen = 0;  // of the file system
};

inline std::error_code errno_code(int error) noexcept {
  return {error, std::generic_category()};
}

/// The components of a path, without empty ones and ".".
[[nodiscard]] std::vector<std::string> parts_of(const std::string& path);

/// The state behind the calls. Every member function is called with `mutex` held.
struct Simulation {
  explicit Simulation(const Preset& preset) : disk(preset) {}
  explicit Simulation(Disk on) : disk(std::move(on)) {}

  mutable std::mutex mutex;
  Disk disk;
  std::vector<OpenFile> open_files;  // by handle, `first_handle` is the first
  User user;
  Limits limits;
  bool read_only = false;
  std::map<InodeId, std::uint64_t> errors;  // how often the writeback of a file failed
  std::uint64_t errors_of_all = 0;          // the same of any
  SimulationObserver* observer = nullptr;

  static constexpr int first_handle = 3;

  // Handles. `0` as an error code: none.
  SysResult<Handle> open(InodeId inode, bool writable);
  [[nodiscard]] OpenFile* find(Handle handle);
  SysResult<InodeId> directory(Handle handle);
  SysResult<InodeId> file(Handle handle, bool for_writing);
  void close(Handle handle);
  void drop_if_unused(InodeId inode);

  // Names.
  [[nodiscard]] int fault_of_name(InodeId parent, const std::string& name) const;
  SysResult<InodeId> child(InodeId directory, const std::string& name);
  /// The child of a directory that is open.
  SysResult<InodeId> named(Handle at, const std::string& name);
  SysResult<InodeId> resolve(InodeId from, const std::string& path, int depth = 0);
  SysResult<InodeId> resolve_beneath(InodeId from, const std::string& path);
  /// An inode as this user would make it in that directory.
  Inode fresh(const Inode& parent, FileType type, std::uint32_t mode);
  [[nodiscard]] int may_add(InodeId directory, const std::string& name);
  [[nodiscard]] int may_remove(InodeId directory, InodeId victim);
  SysResult<InodeId> make(InodeId directory, const std::string& name, FileType type,
                          std::uint32_t mode, const std::string& text = {});

  // Permissions.
  [[nodiscard]] bool permits(const Inode& inode, std::uint32_t bits) const;
  [[nodiscard]] bool owns(const Inode& inode) const;
  void inherit_acl(const Inode& parent, Inode& inode) const;
  void drop_privileges(InodeId inode);

  // Space.
  [[nodiscard]] std::uint64_t used(std::optional<std::uint32_t> owner) const;
  [[nodiscard]] std::uint64_t free_bytes(const Inode& inode, int& error) const;
  [[nodiscard]] int may_make_inode() const;

  /// Why changes are refused; 0 where they are not.
  [[nodiscard]] int refusal() const {
    if (read_only) return EROFS;
    if (!disk.journal_failed) return 0;
    return disk.preset->file_system == "xfs" ? EIO : EROFS;
  }
  /// Whether this descriptor has to get the error of a writeback that failed; it gets it once.
  [[nodiscard]] bool hears_error(OpenFile& opened);
  [[nodiscard]] bool hears_error_of_all(OpenFile& opened);
  /// The answer of a sync: over a journal that failed, success or an error, as the preset says.
  [[nodiscard]] SysResult<void> synced() const {
    if (!disk.journal_failed || disk.preset->dead_journal_is_silent) return success();
    return errno_code(EIO);
  }

  void record(Operation operation) {
    if (observer != nullptr) observer->before(operation, disk);
  }
  std::int64_t tick() { return disk.clock_stands ? disk.clock_ns : disk.clock_ns += 1'000'000; }
  void touch(InodeId inode, bool content);
  void issue_write(InodeId inode, std::uint64_t offset, Bytes bytes);
  [[nodiscard]] Status status(InodeId inode) const;
  void crash(Disk after);
};

}  // namespace perdure::testing
