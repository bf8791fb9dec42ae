// SPDX-License-Identifier: BSL-1.0
// The calls of SimulatedFileSystem on open files.
#include <algorithm>
#include <cerrno>

#include <perdure/testing/simulated_file_system.hpp>

#include "testing/simulator/in_memory.hpp"
#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

SimulatedFileSystem::SimulatedFileSystem(const Preset& preset)
    : simulation_(std::make_unique<Simulation>(preset)) {}

SimulatedFileSystem::SimulatedFileSystem(std::unique_ptr<Simulation> simulation) noexcept
    : simulation_(std::move(simulation)) {}

SimulatedFileSystem::~SimulatedFileSystem() = default;

// --- Opening.

namespace {

SysResult<Handle> open_found_directory(Simulation& sim, InodeId found) {
  const Inode& inode = *sim.disk.visible.find(found);
  if (inode.type != FileType::directory) return errno_code(ENOTDIR);
  if (!sim.permits(inode, 4)) return errno_code(EACCES);
  return sim.open(found, false);
}

}  // namespace

SysResult<Handle> SimulatedFileSystem::open_directory(Handle from, const std::string& path) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId base, sim.directory(from));
  BOOST_OUTCOME_TRY(const InodeId found, sim.resolve(base, path));
  return open_found_directory(sim, found);
}

SysResult<Handle> SimulatedFileSystem::open_beneath(Handle from, const std::string& path) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId base, sim.directory(from));
  BOOST_OUTCOME_TRY(const InodeId found, sim.resolve_beneath(base, path));
  return open_found_directory(sim, found);
}

SysResult<Handle> SimulatedFileSystem::create_unnamed(Handle directory, std::uint32_t mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  const Inode& inode = *sim.disk.visible.find(parent);
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  if (!sim.permits(inode, 3)) return errno_code(EACCES);
  if (const int fault = sim.may_make_inode(); fault != 0) return errno_code(fault);
  BOOST_OUTCOME_TRY(const Handle handle, sim.open(root_inode, true));
  *sim.find(handle) = {sim.disk.next_inode++, true, {}, 0, sim.errors_of_all};
  sim.disk.visible.insert(sim.find(handle)->inode, sim.fresh(inode, FileType::regular, mode));
  return handle;
}

SysResult<Handle> SimulatedFileSystem::create(Handle directory, const std::string& name,
                                              std::uint32_t mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  if (const int fault = sim.may_add(parent, name); fault != 0) return errno_code(fault);
  BOOST_OUTCOME_TRY(const Handle handle, sim.open(root_inode, true));  // before there is a file
  sim.record(Operation::create);
  const auto made = sim.make(parent, name, FileType::regular, mode);
  *sim.find(handle) = {made ? made.value() : no_inode, true, {}, 0, sim.errors_of_all};
  if (!made) return made.error();
  return handle;
}

SysResult<Handle> SimulatedFileSystem::open_file(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  const Inode& inode = *sim.disk.visible.find(found);
  if (inode.type == FileType::symlink) return errno_code(ELOOP);
  if (!sim.permits(inode, 4)) return errno_code(EACCES);
  return sim.open(found, false);
}

SysResult<Handle> SimulatedFileSystem::open_lock(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  const Inode& inode = *sim.disk.visible.find(found);
  if (inode.type == FileType::symlink) return errno_code(ELOOP);
  if (inode.type == FileType::directory) return errno_code(EISDIR);
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  if (!sim.permits(inode, 6)) return errno_code(EACCES);
  if (inode.immutable) return errno_code(EPERM);
  return sim.open(found, true);
}

SysResult<Handle> SimulatedFileSystem::open_direct(Handle directory, const std::string& name) {
  return open_lock(directory, name);
}

SysResult<void> SimulatedFileSystem::close(Handle handle) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  if (sim.find(handle) == nullptr) return errno_code(EBADF);
  sim.close(handle);
  return success();
}

// --- Content.

SysResult<std::size_t> SimulatedFileSystem::read_at(Handle file, std::uint64_t offset,
                                                    std::span<std::byte> out) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  const Inode& inode = *sim.disk.visible.find(id);
  if (inode.type == FileType::directory) return errno_code(EISDIR);
  const Buffer& data = inode.data->bytes;
  if (offset >= data.size()) return std::size_t{0};
  std::uint64_t end = std::min<std::uint64_t>(offset + out.size(), data.size());
  for (const std::uint64_t block : inode.data->unreadable) {  // what lies before it is read
    if (offset / block_size <= block && block * block_size < end) {
      if (offset / block_size == block) return errno_code(EIO);
      end = block * block_size;
    }
  }
  const std::size_t count = in_memory(end - offset);
  std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
  return count;
}

namespace {

/// The common part of the calls that write; pending afterwards.
SysResult<std::size_t> issue(Simulation& sim, Operation operation, Handle file,
                             std::uint64_t offset, Bytes bytes) {
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, true));
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  const Inode& inode = *sim.disk.visible.find(id);
  if (inode.immutable) return errno_code(EPERM);
  int fault = 0;
  const std::uint64_t free = sim.free_bytes(inode, fault);
  if (free != Limits::none) {
    const std::uint64_t size_max = inode.size() + free;
    if (offset >= size_max && !bytes.empty()) return errno_code(fault);
    bytes = bytes.first(in_memory(std::min<std::uint64_t>(bytes.size(), size_max - offset)));
  }
  if (bytes.empty()) return std::size_t{0};
  sim.record(operation);
  sim.tick();
  if (sim.observer != nullptr && bytes.size() > 1) {
    Simulation half(sim.disk.fork());
    half.issue_write(id, offset, bytes.first((bytes.size() + 1) / 2));
    sim.observer->partly(operation, std::move(half.disk));
  }
  sim.issue_write(id, offset, bytes);
  sim.touch(id, true);
  sim.drop_privileges(id);
  return bytes.size();
}

}  // namespace

SysResult<std::size_t> SimulatedFileSystem::write_at(Handle file, std::uint64_t offset,
                                                     Bytes bytes) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  return issue(sim, Operation::write_at, file, offset, bytes);
}

SysResult<std::size_t> SimulatedFileSystem::write_through(Handle file, std::uint64_t offset,
                                                          Bytes bytes) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, true));
  const auto memory = reinterpret_cast<std::uintptr_t>(bytes.data());  // NOLINT
  const bool aligned = (memory | offset | bytes.size()) % block_size == 0;
  const bool within = offset + bytes.size() <= sim.disk.visible.find(id)->size();
  if (!aligned || !within) return errno_code(EINVAL);
  const std::uint64_t first = sim.disk.next_change;
  BOOST_OUTCOME_TRY(const std::size_t count,
                    issue(sim, Operation::write_through, file, offset, bytes));
  sim.record(Operation::write_through);  // a power cut now may tear it
  sim.disk.sync_changes(first);
  return count;
}

SysResult<std::uint64_t> SimulatedFileSystem::copy_range(Handle from, std::uint64_t from_offset,
                                                         Handle to, std::uint64_t to_offset,
                                                         std::uint64_t size) {
  constexpr std::uint64_t size_max = std::uint64_t{1} << 20U;
  Buffer block(in_memory(std::min(size, size_max)));
  BOOST_OUTCOME_TRY(const std::size_t got, read_at(from, from_offset, block));
  if (got == 0) return std::uint64_t{0};
  BOOST_OUTCOME_TRY(const std::size_t put, write_at(to, to_offset, Bytes(block).first(got)));
  return std::uint64_t{put};
}

SysResult<void> SimulatedFileSystem::preallocate(Handle file, std::uint64_t size) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, true));
  if (const int refusal = sim.refusal(); refusal != 0) return errno_code(refusal);
  if (size == 0) return errno_code(EINVAL);
  const Inode& inode = *sim.disk.visible.find(id);
  if (inode.immutable) return errno_code(EPERM);
  if (size <= inode.size()) return success();
  int fault = 0;
  const std::uint64_t free = sim.free_bytes(inode, fault);
  if (size - inode.size() > free) return errno_code(fault);
  sim.record(Operation::preallocate);
  Change change;
  change.kind = Change::Kind::size;
  change.inode = id;
  change.offset = size;
  sim.disk.issue(std::move(change));
  sim.tick();
  sim.touch(id, true);
  return success();
}

SysResult<void> SimulatedFileSystem::evict(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(sim.file(file, false));
  return success();
}

// --- Durability.

SysResult<void> SimulatedFileSystem::start_writeback(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(sim.file(file, false));
  return success();
}

SysResult<void> SimulatedFileSystem::await_writeback(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  sim.record(Operation::await_writeback);
  sim.disk.await_data(id);
  if (sim.hears_error(*sim.find(file))) return errno_code(EIO);
  return success();
}

SysResult<void> SimulatedFileSystem::sync_file(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  sim.record(Operation::sync_file);
  // fsync(2) of a directory's descriptor is the same call as that of a file's.
  if (sim.disk.visible.find(id)->type == FileType::directory) {
    sim.disk.sync_directory(id);
  } else {
    // fs/ext4/fsync.c and others write nothing more once the writeback of the file failed.
    if (sim.hears_error(*sim.find(file))) return errno_code(EIO);
    sim.disk.sync_file(id);
  }
  return sim.synced();
}

SysResult<void> SimulatedFileSystem::sync_directory(Handle directory) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.directory(directory));
  sim.record(Operation::sync_directory);
  sim.disk.sync_directory(id);
  return sim.synced();
}

SysResult<void> SimulatedFileSystem::sync_file_system(Handle handle) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  OpenFile* const opened = sim.find(handle);
  if (opened == nullptr && handle != Handle::working_directory) return errno_code(EBADF);
  sim.record(Operation::sync_file_system);
  sim.disk.sync_file_system();
  // syncfs(2) tells the descriptor what failed since it was opened (fs/sync.c).
  if (opened != nullptr && sim.hears_error_of_all(*opened)) return errno_code(EIO);
  return sim.synced();
}

SysResult<void> SimulatedFileSystem::sync_data(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.file(file, false));
  sim.record(Operation::sync_data);
  if (sim.hears_error(*sim.find(file))) return errno_code(EIO);
  sim.disk.sync_data(id);
  return sim.synced();
}

void SimulatedFileSystem::lose_sync(Handle handle) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  if (const OpenFile* opened = sim.find(handle)) sim.disk.doom(opened->inode);
}

void SimulatedFileSystem::lose_sync_of_all() {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->disk.doom_all();
}

void SimulatedFileSystem::fail_writeback() {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  for (const InodeId inode : sim.disk.doom_content()) {
    ++sim.errors[inode];
    ++sim.errors_of_all;
  }
}

void SimulatedFileSystem::fail_journal() {
  const std::scoped_lock lock(simulation_->mutex);
  ++simulation_->disk.revision;
  simulation_->disk.journal_failed = true;
}

void SimulatedFileSystem::sync_all() {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->disk.sync_all();
}

void SimulatedFileSystem::remount() {
  const std::scoped_lock lock(simulation_->mutex);
  Disk after = simulation_->disk.fork();
  after.drop_orphans();
  simulation_->crash(after.after_crash(after.visible));
}

void SimulatedFileSystem::kill() {
  const std::scoped_lock lock(simulation_->mutex);
  Disk after = simulation_->disk.fork();
  after.drop_orphans();
  simulation_->crash(std::move(after));
}

// --- Others.

SysResult<void> SimulatedFileSystem::try_lock(Handle file, LockMode mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  OpenFile* mine = sim.find(file);
  if (mine == nullptr) return errno_code(EBADF);
  const bool held = std::ranges::any_of(sim.open_files, [&](const OpenFile& other) {
    return &other != mine && other.inode == mine->inode && other.lock &&
           (mode == LockMode::exclusive || *other.lock == LockMode::exclusive);
  });
  if (held) {
    mine->lock.reset();  // flock(2): a conversion is not atomic, the old lock may be lost
    return errno_code(EWOULDBLOCK);
  }
  mine->lock = mode;
  return success();
}

SysResult<bool> SimulatedFileSystem::open_for_writing(Handle file) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  const OpenFile* mine = sim.find(file);
  if (mine == nullptr) return errno_code(EBADF);
  const Inode& inode = *sim.disk.visible.find(mine->inode);
  if (!sim.owns(inode)) return errno_code(EACCES);  // fcntl(2), F_SETLEASE
  if (inode.type != FileType::regular) return errno_code(EINVAL);
  return std::ranges::any_of(sim.open_files, [&](const OpenFile& other) {
    return other.inode == mine->inode && other.writable;
  });
}

SysResult<FileSystemInfo> SimulatedFileSystem::describe(Handle directory) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(sim.directory(directory));
  FileSystemInfo info;
  info.type = sim.disk.preset->file_system;
  info.source = "simulation";
  info.mount_point = "/";
  info.mount_options = {sim.read_only ? "ro" : "rw"};
  if (!sim.disk.preset->mount_option.empty()) {
    info.mount_options.emplace_back(sim.disk.preset->mount_option);
  }
  info.kernel_options = info.mount_options;
  info.kernel_options.emplace_back("barrier");  // a simulated disk has no cache of its own
  info.journal = JournalPlace::internal;
  info.fast_commit = false;
  info.realtime = false;
  info.dax = false;
  info.writeback_awaited = true;
  info.sync_reports = true;
  info.block_size = block_size;
  info.space_free = std::uint64_t{1} << 40U;
  if (sim.limits.space != Limits::none) {
    info.space_free = sim.limits.space - std::min(sim.limits.space, sim.used(std::nullopt));
  }
  return info;
}

std::uint32_t SimulatedFileSystem::user() {
  const std::scoped_lock lock(simulation_->mutex);
  return simulation_->user.user;
}

bool SimulatedFileSystem::is_known_user(std::uint32_t owner) {
  const std::scoped_lock lock(simulation_->mutex);
  return owner != simulation_->user.overflow;
}

bool SimulatedFileSystem::is_known_group(std::uint32_t group) {
  const std::scoped_lock lock(simulation_->mutex);
  return group != simulation_->user.overflow;
}

}  // namespace perdure::testing
