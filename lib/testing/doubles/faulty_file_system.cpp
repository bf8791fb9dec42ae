// SPDX-License-Identifier: BSL-1.0
// Fails the calls that a test names.
#include <algorithm>
#include <cerrno>
#include <system_error>

#include <perdure/testing/faulty_file_system.hpp>

namespace perdure::testing {

void FaultyFileSystem::fail(Fault fault) {
  const std::scoped_lock lock(mutex_);
  faults_.push_back(fault);
}

void FaultyFileSystem::script(Operation operation, std::initializer_list<long> steps) {
  const std::scoped_lock lock(mutex_);
  auto& steps_left = scripts_[static_cast<std::size_t>(operation)];
  steps_left.insert(steps_left.end(), steps.begin(), steps.end());
}

void FaultyFileSystem::heal() {
  const std::scoped_lock lock(mutex_);
  faults_.clear();
  for (auto& steps : scripts_) steps.clear();
}

void FaultyFileSystem::restart() {
  const std::scoped_lock lock(mutex_);
  counts_.fill(0);
  total_ = 0;
  fired_ = 0;
  ++era_;
  log_.clear();
}

std::uint64_t FaultyFileSystem::calls() const {
  const std::scoped_lock lock(mutex_);
  return total_;
}

std::uint64_t FaultyFileSystem::calls(Operation operation) const {
  const std::scoped_lock lock(mutex_);
  return counts_[static_cast<std::size_t>(operation)];
}

std::uint64_t FaultyFileSystem::fired() const {
  const std::scoped_lock lock(mutex_);
  return fired_;
}

std::vector<Call> FaultyFileSystem::log() const {
  const std::scoped_lock lock(mutex_);
  return log_;
}

std::int64_t FaultyFileSystem::handles_open() const {
  const std::scoped_lock lock(mutex_);
  return handles_open_;
}

bool FaultyFileSystem::fits(const Fault& fault, Operation operation) const {
  if (fault.operation && *fault.operation != operation) return false;
  const std::uint64_t now = fault.operation ? counts_[static_cast<std::size_t>(operation)] : total_;
  return fault.from_then_on ? now >= fault.call : now == fault.call;
}

FaultyFileSystem::Decision FaultyFileSystem::decide(Operation operation, std::string_view name) {
  before(operation);
  const Decision decision = drawn(operation, name);
  if (decision.elsewhere) failed_elsewhere();
  return decision;
}

FaultyFileSystem::Decision FaultyFileSystem::drawn(Operation operation, std::string_view name) {
  const std::scoped_lock lock(mutex_);
  ++total_;
  ++counts_[static_cast<std::size_t>(operation)];
  Decision decision{.index = log_.size(), .era = era_, .error = 0, .after_effect = false};
  log_.push_back({operation, std::string(name), 0, false});
  if (auto& steps = scripts_[static_cast<std::size_t>(operation)]; !steps.empty()) {
    const long step = steps.front();
    steps.pop_front();
    if (step >= 0) {
      decision.count = static_cast<std::size_t>(step);
    } else {
      decision.error = step == -1 ? EIO : static_cast<int>(-step);
    }
  } else {
    const auto fault = std::ranges::find_if(
        faults_, [&](const Fault& candidate) { return fits(candidate, operation); });
    if (fault == faults_.end()) return decision;
    decision.count = fault->count;
    decision.elsewhere = fault->elsewhere;
    if (!fault->count && !fault->elsewhere) decision.error = fault->error;
    decision.after_effect = fault->after_effect;
  }
  ++fired_;
  log_.back().injected = true;
  return decision;
}

void FaultyFileSystem::note(const Decision& decision, int error) {
  if (error == 0) return;
  const std::scoped_lock lock(mutex_);
  if (decision.era == era_) log_[decision.index].error = error;
}

template <class Function>
auto FaultyFileSystem::make(Operation operation, std::string_view name, Function call)
    -> decltype(call()) {
  const Decision decision = decide(operation, name);
  if (decision.error == 0) {
    auto result = call();
    if (!result) note(decision, result.error().value());
    return result;
  }
  if (decision.after_effect || operation == Operation::close) (void)call();
  note(decision, decision.error);
  return std::error_code(decision.error, std::generic_category());
}

template <class Function>
SysResult<Handle> FaultyFileSystem::open(Operation operation, std::string_view name,
                                         Function call) {
  SysResult<Handle> below(Handle::none);
  auto result = make(operation, name, [&] { return below = call(); });
  if (result) {
    const std::scoped_lock lock(mutex_);
    ++handles_open_;
  } else if (below && below.value() != Handle::none) {
    (void)base_.close(below.value());
  }
  return result;
}

template <class Function>
SysResult<std::size_t> FaultyFileSystem::transfer(Operation operation, std::size_t size,
                                                  Function call) {
  const Decision decision = decide(operation, {});
  if (decision.error != 0) {
    if (decision.after_effect) (void)call(size);
    note(decision, decision.error);
    return std::error_code(decision.error, std::generic_category());
  }
  const std::size_t count = std::min(decision.count.value_or(size), size);
  if (count == 0 && size != 0) return std::size_t{0};
  auto result = call(count);
  if (!result) note(decision, result.error().value());
  return result;
}

SysResult<Handle> FaultyFileSystem::open_directory(Handle from, const std::string& path) {
  return open(Operation::open_directory, path, [&] { return base_.open_directory(from, path); });
}

SysResult<Handle> FaultyFileSystem::open_beneath(Handle from, const std::string& path) {
  return open(Operation::open_beneath, path, [&] { return base_.open_beneath(from, path); });
}

SysResult<Handle> FaultyFileSystem::create_unnamed(Handle directory, std::uint32_t mode) {
  return open(Operation::create_unnamed, {}, [&] { return base_.create_unnamed(directory, mode); });
}

SysResult<Handle> FaultyFileSystem::create(Handle directory, const std::string& name,
                                           std::uint32_t mode) {
  return open(Operation::create, name, [&] { return base_.create(directory, name, mode); });
}

SysResult<Handle> FaultyFileSystem::open_file(Handle directory, const std::string& name) {
  return open(Operation::open_file, name, [&] { return base_.open_file(directory, name); });
}

SysResult<Handle> FaultyFileSystem::open_link(Handle directory, const std::string& name) {
  return open(Operation::open_link, name, [&] { return base_.open_link(directory, name); });
}

SysResult<Handle> FaultyFileSystem::open_lock(Handle directory, const std::string& name) {
  return open(Operation::open_lock, name, [&] { return base_.open_lock(directory, name); });
}

SysResult<Handle> FaultyFileSystem::open_direct(Handle directory, const std::string& name) {
  return open(Operation::open_direct, name, [&] { return base_.open_direct(directory, name); });
}

SysResult<void> FaultyFileSystem::close(Handle handle) {
  {
    const std::scoped_lock lock(mutex_);
    --handles_open_;
  }
  return make(Operation::close, {}, [&] { return base_.close(handle); });
}

SysResult<std::size_t> FaultyFileSystem::read_at(Handle file, std::uint64_t offset,
                                                 std::span<std::byte> out) {
  return transfer(Operation::read_at, out.size(),
                  [&](std::size_t count) { return base_.read_at(file, offset, out.first(count)); });
}

SysResult<std::size_t> FaultyFileSystem::write_at(Handle file, std::uint64_t offset, Bytes bytes) {
  return transfer(Operation::write_at, bytes.size(), [&](std::size_t count) {
    return base_.write_at(file, offset, bytes.first(count));
  });
}

SysResult<std::size_t> FaultyFileSystem::write_through(Handle file, std::uint64_t offset,
                                                       Bytes bytes) {
  bool reached = false;
  auto written = transfer(Operation::write_through, bytes.size(), [&](std::size_t count) {
    reached = true;
    return base_.write_through(file, offset, bytes.first(count));
  });
  if (!written && !reached) failed(Operation::write_through, file);
  return written;
}

SysResult<void> FaultyFileSystem::preallocate(Handle file, std::uint64_t size) {
  return make(Operation::preallocate, {}, [&] { return base_.preallocate(file, size); });
}

SysResult<void> FaultyFileSystem::evict(Handle file) {
  return make(Operation::evict, {}, [&] { return base_.evict(file); });
}

SysResult<void> FaultyFileSystem::start_writeback(Handle file) {
  return make(Operation::start_writeback, {}, [&] { return base_.start_writeback(file); });
}

SysResult<void> FaultyFileSystem::await_writeback(Handle file) {
  return make(Operation::await_writeback, {}, [&] { return base_.await_writeback(file); });
}

void FaultyFileSystem::before(Operation /*operation*/) {}

void FaultyFileSystem::failed(Operation /*operation*/, Handle /*handle*/) {}

void FaultyFileSystem::failed_elsewhere() {}

SysResult<void> FaultyFileSystem::sync(Operation operation, Handle handle,
                                       SysResult<void> (FileSystem::*call)(Handle)) {
  bool reached = false;
  auto result = make(operation, {}, [&] {
    reached = true;
    return (base_.*call)(handle);
  });
  if (!result && !reached) failed(operation, handle);
  return result;
}

SysResult<void> FaultyFileSystem::sync_file(Handle file) {
  return sync(Operation::sync_file, file, &FileSystem::sync_file);
}

SysResult<void> FaultyFileSystem::sync_data(Handle file) {
  return sync(Operation::sync_data, file, &FileSystem::sync_data);
}

SysResult<void> FaultyFileSystem::sync_directory(Handle directory) {
  return sync(Operation::sync_directory, directory, &FileSystem::sync_directory);
}

SysResult<void> FaultyFileSystem::sync_file_system(Handle handle) {
  return sync(Operation::sync_file_system, handle, &FileSystem::sync_file_system);
}

SysResult<void> FaultyFileSystem::check_alive(Handle handle) {
  return make(Operation::check_alive, {}, [&] { return base_.check_alive(handle); });
}

SysResult<void> FaultyFileSystem::rename(Handle from_directory, const std::string& from,
                                         Handle to_directory, const std::string& to,
                                         RenameMode mode) {
  return make(Operation::rename, to,
              [&] { return base_.rename(from_directory, from, to_directory, to, mode); });
}

SysResult<void> FaultyFileSystem::link(Handle from_directory, const std::string& from,
                                       Handle to_directory, const std::string& to) {
  return make(Operation::link, to,
              [&] { return base_.link(from_directory, from, to_directory, to); });
}

SysResult<void> FaultyFileSystem::unlink(Handle directory, const std::string& name) {
  return make(Operation::unlink, name, [&] { return base_.unlink(directory, name); });
}

SysResult<void> FaultyFileSystem::make_directory(Handle directory, const std::string& name,
                                                 std::uint32_t mode) {
  return make(Operation::make_directory, name,
              [&] { return base_.make_directory(directory, name, mode); });
}

SysResult<void> FaultyFileSystem::remove_directory(Handle directory, const std::string& name) {
  return make(Operation::remove_directory, name,
              [&] { return base_.remove_directory(directory, name); });
}

SysResult<std::uint64_t> FaultyFileSystem::copy_range(Handle from, std::uint64_t from_offset,
                                                      Handle to, std::uint64_t to_offset,
                                                      std::uint64_t size) {
  return make(Operation::copy_range, {},
              [&] { return base_.copy_range(from, from_offset, to, to_offset, size); });
}

SysResult<void> FaultyFileSystem::make_symlink(Handle directory, const std::string& name,
                                               const std::string& text) {
  return make(Operation::make_symlink, name,
              [&] { return base_.make_symlink(directory, name, text); });
}

SysResult<std::string> FaultyFileSystem::read_link(Handle link) {
  return make(Operation::read_link, {}, [&] { return base_.read_link(link); });
}

SysResult<std::vector<DirectoryEntry>> FaultyFileSystem::list(Handle directory) {
  return make(Operation::list, {}, [&] { return base_.list(directory); });
}

SysResult<Status> FaultyFileSystem::stat(Handle handle) {
  return make(Operation::stat, {}, [&] { return base_.stat(handle); });
}

SysResult<Status> FaultyFileSystem::stat_at(Handle directory, const std::string& name) {
  return make(Operation::stat_at, name, [&] { return base_.stat_at(directory, name); });
}

Stamps FaultyFileSystem::stamps(Handle handle, const Status& status) {
  return base_.stamps(handle, status);
}

SysResult<void> FaultyFileSystem::set_mode(Handle file, std::uint32_t mode) {
  return make(Operation::set_mode, {}, [&] { return base_.set_mode(file, mode); });
}

SysResult<void> FaultyFileSystem::set_owner(Handle file, std::uint32_t owner, std::uint32_t group) {
  return make(Operation::set_owner, {}, [&] { return base_.set_owner(file, owner, group); });
}

SysResult<std::vector<std::string>> FaultyFileSystem::list_xattrs(Handle file) {
  return make(Operation::list_xattrs, {}, [&] { return base_.list_xattrs(file); });
}

SysResult<std::vector<std::string>> FaultyFileSystem::list_xattrs_at(Handle directory,
                                                                     const std::string& name) {
  return make(Operation::list_xattrs_at, name,
              [&] { return base_.list_xattrs_at(directory, name); });
}

SysResult<Buffer> FaultyFileSystem::get_xattr(Handle file, const std::string& xattr) {
  return make(Operation::get_xattr, xattr, [&] { return base_.get_xattr(file, xattr); });
}

SysResult<Buffer> FaultyFileSystem::get_xattr_at(Handle directory, const std::string& name,
                                                 const std::string& xattr) {
  return make(Operation::get_xattr_at, xattr,
              [&] { return base_.get_xattr_at(directory, name, xattr); });
}

SysResult<void> FaultyFileSystem::set_xattr(Handle file, const std::string& xattr, Bytes value) {
  return make(Operation::set_xattr, xattr, [&] { return base_.set_xattr(file, xattr, value); });
}

SysResult<void> FaultyFileSystem::remove_xattr(Handle file, const std::string& xattr) {
  return make(Operation::remove_xattr, xattr, [&] { return base_.remove_xattr(file, xattr); });
}

SysResult<void> FaultyFileSystem::try_lock(Handle file, LockMode mode) {
  return make(Operation::try_lock, {}, [&] { return base_.try_lock(file, mode); });
}

SysResult<bool> FaultyFileSystem::open_for_writing(Handle file) {
  return make(Operation::open_for_writing, {}, [&] { return base_.open_for_writing(file); });
}

std::uint32_t FaultyFileSystem::user() {
  return base_.user();
}  // can't fail (geteuid(2))

bool FaultyFileSystem::is_known_user(std::uint32_t owner) {
  return base_.is_known_user(owner);
}

bool FaultyFileSystem::is_known_group(std::uint32_t group) {
  return base_.is_known_group(group);
}

SysResult<FileSystemInfo> FaultyFileSystem::describe(Handle directory) {
  return make(Operation::describe, {}, [&] { return base_.describe(directory); });
}

}  // namespace perdure::testing
