// SPDX-License-Identifier: BSL-1.0
// A test's calls to a SimulatedFileSystem around the seam.
#include <algorithm>
#include <functional>
#include <stdexcept>

#include <perdure/testing/simulated_file_system.hpp>

#include "testing/simulator/crash_states.hpp"
#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

namespace {

/// A mistake in the test throws at once: a test that goes on with half a set-up proves nothing.
template <class T>
T required(SysResult<T> result, const std::string& what) {
  if (!result) throw std::invalid_argument("simulation: " + what + ": " + result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result.value());
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

InodeId at(Simulation& sim, const std::string& path) {
  const auto [parent, name] = split(path);
  if (name.empty()) return root_inode;
  return required(sim.child(required(sim.resolve(root_inode, parent), path), name), path);
}

/// Makes a change that is durable at once: in both trees, past the log.
void mark(Simulation& sim, const std::string& path, const std::function<void(Inode&)>& change) {
  const std::scoped_lock lock(sim.mutex);
  const InodeId id = at(sim, path);
  change(sim.disk.visible.edit(id));
  if (sim.disk.base.contains(id)) change(sim.disk.base.edit(id));
}

}  // namespace

void SimulatedFileSystem::set_user(User user) {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->user = user;
}

void SimulatedFileSystem::set_limits(const Limits& limits) {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->limits = limits;
}

void SimulatedFileSystem::stop_clock() {
  const std::scoped_lock lock(simulation_->mutex);
  (void)simulation_->tick();  // no whole second, as that of a file system that counts in seconds
  simulation_->disk.clock_stands = true;
}

void SimulatedFileSystem::pass_tick() {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->disk.pass_tick();
}

void SimulatedFileSystem::set_renumbering(Renumbering which) {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->disk.renumbering = which;
}

void SimulatedFileSystem::set_read_only(bool read_only) {
  const std::scoped_lock lock(simulation_->mutex);
  simulation_->read_only = read_only;
}

void SimulatedFileSystem::put(const std::string& path, std::string_view text, std::uint32_t mode) {
  const auto [parent, name] = split(path);
  make_directories(parent);
  const Handle directory = required(open_directory(Handle::working_directory, parent), parent);
  const OwnedHandle owned(*this, directory);
  if (stat_at(directory, name)) required(unlink(directory, name), path);
  const OwnedHandle file(*this, required(create(directory, name, mode), path));
  const std::size_t put =
      text.empty() ? 0 : required(write_at(file.get(), 0, as_bytes(text)), path);
  if (put != text.size()) throw std::invalid_argument("simulation: no space for " + path);
}

void SimulatedFileSystem::make_directories(const std::string& path, std::uint32_t mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  InodeId parent = root_inode;
  for (const std::string& part : parts_of(path)) {
    const InodeId found = sim.disk.visible.lookup(parent, part);
    parent = found != no_inode ? required(sim.resolve(parent, part), path)
                               : required(sim.make(parent, part, FileType::directory, mode), path);
  }
}

void SimulatedFileSystem::make_symlink(const std::string& path, const std::string& text) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  const auto [parent, name] = split(path);
  const InodeId directory = required(sim.resolve(root_inode, parent), path);
  required(sim.make(directory, name, FileType::symlink, 0777, text), path);
}

void SimulatedFileSystem::set_immutable(const std::string& path, bool immutable) {
  mark(*simulation_, path, [&](Inode& inode) { inode.immutable = immutable; });
}

void SimulatedFileSystem::set_mount_point(const std::string& path, bool mount_point) {
  mark(*simulation_, path, [&](Inode& inode) { inode.mount_point = mount_point; });
}

void SimulatedFileSystem::set_device(const std::string& path, std::uint32_t device) {
  mark(*simulation_, path, [&](Inode& inode) { inode.device = device; });
}

void SimulatedFileSystem::spoil(const std::string& path, std::uint64_t offset,
                                std::uint64_t length) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  const InodeId id = required(sim.resolve(root_inode, path), path);
  sim.disk.sync_all();
  sim.disk.visible.spoil(id, offset, length);
  sim.disk.base = sim.disk.visible.fork();
}

namespace {

/// The bytes of a file, or of a symbolic link; empty where the path leads to something else.
std::optional<std::string> bytes_of(const Tree& tree, const std::string& path, FileType type) {
  InodeId id = root_inode;
  for (const std::string& part : parts_of(path)) id = tree.lookup(id, part);
  const Inode* inode = tree.find(id);
  if (inode == nullptr || inode->type != type) return std::nullopt;
  return std::string(as_text(inode->data->bytes));
}

}  // namespace

std::optional<std::string> SimulatedFileSystem::content(const std::string& path) const {
  const std::scoped_lock lock(simulation_->mutex);
  return bytes_of(simulation_->disk.visible, path, FileType::regular);
}

std::optional<std::string> SimulatedFileSystem::link_text(const std::string& path) const {
  const std::scoped_lock lock(simulation_->mutex);
  return bytes_of(simulation_->disk.visible, path, FileType::symlink);
}

std::vector<std::string> SimulatedFileSystem::paths() const {
  const std::scoped_lock lock(simulation_->mutex);
  const Tree& tree = simulation_->disk.visible;
  std::vector<std::string> all;
  const std::function<void(InodeId, const std::string&)> visit = [&](InodeId id,
                                                                     const std::string& prefix) {
    for (const Entry& entry : *tree.find(id)->entries) {
      const bool is_directory = tree.find(entry.inode)->type == FileType::directory;
      all.push_back(prefix + entry.name + (is_directory ? "/" : ""));
      if (is_directory) visit(entry.inode, std::string(all.back()));
    }
  };
  visit(root_inode, "");
  std::ranges::sort(all);
  return all;
}

std::uint64_t SimulatedFileSystem::fingerprint() const {
  const std::scoped_lock lock(simulation_->mutex);
  return simulation_->disk.visible.hash();
}

std::size_t SimulatedFileSystem::handles_open() const {
  const std::scoped_lock lock(simulation_->mutex);
  const auto& files = simulation_->open_files;
  return files.size() -
         static_cast<std::size_t>(std::ranges::count(files, no_inode, &OpenFile::inode));
}

std::vector<std::string> SimulatedFileSystem::pending() const {
  const std::scoped_lock lock(simulation_->mutex);
  std::vector<std::string> lines;
  for (const Pending& pending : simulation_->disk.log) {
    if (!pending.durable) lines.push_back(summary(*pending.change, simulation_->disk));
  }
  return lines;
}

void SimulatedFileSystem::cut_power(Survivors survivors, std::uint64_t seed) {
  const std::scoped_lock lock(simulation_->mutex);
  const Disk& disk = simulation_->disk;
  Choice choice;
  if (survivors == Survivors::none) {
    for (const Pending& pending : disk.log) {
      if (!pending.durable) choice.lost.push_back(pending.change->number);
    }
  }
  std::optional<Disk> after = crash_state(disk, choice);
  if (survivors == Survivors::random) {
    std::uint64_t count = 0;  // reservoir sampling: each state is as likely as any other
    std::uint64_t random = seed;
    for_each_crash_state(disk, {.seed = seed}, [&](Disk&& state, const Choice&) {
      random = mix(random, ++count);
      if (random % count == 0) after = std::move(state);
      return true;
    });
  }
  simulation_->crash(std::move(*after));
}

}  // namespace perdure::testing
