// SPDX-License-Identifier: BSL-1.0
// Follows the calls of a workload, and looks at the tree between them.
#include "witness/observer.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <vector>

#include "host/posix.hpp"

#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#define RWF_SYNC 4
#endif

namespace crashlab {
namespace {

std::string descriptor_path(const Call& call, std::size_t argument) {
  return "/proc/" + std::to_string(call.thread) + "/fd/" +
         std::to_string(static_cast<int>(call.arguments[argument]));
}

/// Of an open descriptor: its flags and its offset.
struct Opened {
  unsigned flags = 0;
  std::uint64_t offset = 0;
};

Opened opened(const std::string& fdinfo) {
  Opened found;
  std::istringstream lines(read_file(fdinfo));
  for (std::string word; lines >> word;) {
    if (word == "flags:") lines >> std::oct >> found.flags >> std::dec;
    if (word == "pos:") lines >> found.offset;
  }
  return found;
}

/// The inodes of this device that some process can still write to by a descriptor.
std::set<std::uint64_t> written_inodes(dev_t device) {
  std::set<std::uint64_t> found;
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    const std::string path = process.path().string();
    if (path.find_first_not_of("0123456789", 6) != std::string::npos) continue;
    for (const auto& fd : std::filesystem::directory_iterator(path + "/fd", error)) {
      struct stat status {};
      if (::stat(fd.path().c_str(), &status) != 0 || status.st_dev != device) continue;
      try {
        const unsigned flags = opened(path + "/fdinfo/" + fd.path().filename().string()).flags;
        if ((flags & O_ACCMODE) != O_RDONLY) found.insert(status.st_ino);
      } catch (const Failure&) {  // it was just closed
      }
    }
  }
  return found;
}

/// The part of a file beneath the directory that a range of memory maps.
struct MappedRange {
  std::string path;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// The files of an msync; none where it does not wait.
std::vector<MappedRange> mapped_ranges(const Call& call, const std::string& directory) {
  std::vector<MappedRange> found;
  if ((call.arguments[2] & MS_SYNC) == 0) return found;
  const std::uint64_t begin = call.arguments[0];
  const std::uint64_t end = begin + call.arguments[1];
  std::istringstream lines(read_file("/proc/" + std::to_string(call.thread) + "/maps"));
  for (std::string line; std::getline(lines, line);) {
    unsigned long long first = 0;
    unsigned long long last = 0;
    unsigned long long offset = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %*s %llx", &first, &last, &offset) != 3) continue;
    const std::size_t path = line.find(directory + "/");
    if (path == std::string::npos || first >= end || last <= begin) continue;
    const std::uint64_t from = std::max<std::uint64_t>(first, begin);
    const std::uint64_t to = std::min<std::uint64_t>(last, end);
    // The kernel writes whole pages.
    found.push_back(
        {line.substr(path + directory.size() + 1), offset + (from - first),
         (offset + (to - first) + content_page_size - 1) / content_page_size * content_page_size});
  }
  return found;
}

std::string name_beneath(const std::string& descriptor, const std::string& directory) {
  std::error_code error;
  const std::string path = std::filesystem::read_symlink(descriptor, error).string();
  if (path == directory) return ".";
  if (path.compare(0, directory.size() + 1, directory + "/") != 0) return path;
  return path.substr(directory.size() + 1);
}

}  // namespace

Observer::Observer(std::string directory, FileSystemRow row, History& history, ContentStore& store,
                   Costs& costs, std::function<void(const std::string&)> mark)
    : directory_(std::move(directory)),
      history_(history),
      store_(store),
      promises_(row, history, costs),
      mark_(std::move(mark)) {}

void Observer::begin() {
  if (const auto handle = handle_of(directory_)) nodes_[*handle] = History::root;
  scan(false);
  unsettled_.clear();
}

void Observer::before(const Call& call) {
  const Effect effect = effect_of(call.number);
  look_at_mapped();
  if (effect != Effect::content && effect != Effect::none) settle();
  seen_ = history_.now();
}

void Observer::after(const Call& call, std::int64_t result) {
  const Effect effect = effect_of(call.number);
  if (result < 0 || effect == Effect::none) return;
  switch (effect) {
    case Effect::content:
      history_.next(name_of_call(call.number));
      look_at(descriptor_path(
          call, call.number == SYS_copy_file_range || call.number == SYS_splice ? 2 : 0));
      promise_written(call, result);
      return;
    case Effect::names:
      history_.next(name_of_call(call.number));
      scan(false);
      return;
    case Effect::unknown:
      history_.next(name_of_call(call.number));
      scan(true);
      return;
    case Effect::map:
      if (const auto node = node_of(descriptor_path(call, 4))) {
        for (const auto& [path, entry] : tree_) {
          if (nodes_.at(entry.handle) == *node) mapped_[*node] = path;
        }
      }
      return;
    default:
      promise(call, effect);
  }
}

void Observer::end() {
  history_.next("the end");
  scan(true);
  for (const Node node : unsettled_) history_.set_intact(node);
  history_.mark();
  mark_("the program ended");
}

void Observer::scan(bool everything) {
  Tree now = look(directory_, store_, everything ? Tree{} : tree_);
  for (const auto& [path, entry] : now) node_for(entry);
  const auto there = names_in(now);
  for (const auto& [name, node] : names_in(tree_)) {
    if (!there.contains(name)) history_.bind(name, std::nullopt);
  }
  for (const auto& [name, node] : there) history_.bind(name, node);
  tree_ = std::move(now);
}

/// Names by directory and leaf, so that the content of a directory moves with it.
std::map<Name, Node> Observer::names_in(const Tree& tree) const {
  std::map<Name, Node> names;
  for (const auto& [path, entry] : tree) {
    const std::size_t slash = path.rfind('/');
    const Node directory = slash == std::string::npos
                               ? History::root
                               : nodes_.at(tree.at(path.substr(0, slash)).handle);
    names[{directory, path.substr(slash + 1)}] = nodes_.at(entry.handle);
  }
  return names;
}

Node Observer::node_for(const Entry& entry) {
  const auto found = nodes_.find(entry.handle);
  if (found == nodes_.end()) {
    NodeRecord record;
    record.kind = entry.kind;
    record.inode = entry.status.st_ino;
    record.mode = entry.status.st_mode & 07777U;
    record.owner = entry.status.st_uid;
    record.group = entry.status.st_gid;
    const Node node = history_.add(std::move(record), entry.content);
    nodes_[entry.handle] = node;
    if (entry.kind == NodeKind::file) unsettled_.insert(node);
    return node;
  }
  history_.set_owner(found->second, entry.status.st_mode & 07777U, entry.status.st_uid,
                     entry.status.st_gid);
  if (entry.kind == NodeKind::file &&
      history_.node(found->second).versions.back().content != entry.content) {
    history_.set_content(found->second, entry.content);
    unsettled_.insert(found->second);
  }
  return found->second;
}

std::optional<Node> Observer::node_of(const std::string& path) {
  Entry entry;
  const auto handle = handle_of(path);
  if (!handle || ::stat(path.c_str(), &entry.status) != 0) return std::nullopt;
  if (const auto found = nodes_.find(*handle); found != nodes_.end()) return found->second;
  entry.handle = *handle;
  entry.kind = kind_of(entry.status);
  return node_for(entry);
}

void Observer::look_at(const std::string& path) {
  const auto node = node_of(path);
  if (!node) return;
  auto content = content_of(path, store_);
  if (!content || *content == history_.node(*node).versions.back().content) return;
  changed(*node, std::move(*content));
}

void Observer::changed(Node node, Content content) {
  history_.set_content(node, std::move(content));
  unsettled_.insert(node);
  // Two changes within one tick of the kernel's clock may leave equal stamps: so the file is read
  // again.
  for (auto& [path, entry] : tree_) {
    if (nodes_.at(entry.handle) == node) entry.status.st_size = -1;
  }
}

void Observer::look_at_mapped() {
  for (const auto& [node, path] : mapped_) {
    const std::string full = directory_ + "/" + path;
    const auto handle = handle_of(full);
    if (!handle || nodes_.find(*handle) == nodes_.end() || nodes_.at(*handle) != node) continue;
    const auto content = content_of(full, store_);
    if (!content || *content == history_.node(node).versions.back().content) continue;
    history_.next("a mapping");
    changed(node, *content);
  }
}

void Observer::settle() {
  if (unsettled_.empty()) return;
  struct stat status {};
  must(::stat(directory_.c_str(), &status), "look at " + directory_);
  const auto written = written_inodes(status.st_dev);
  std::erase_if(unsettled_, [&](Node node) {
    if (written.contains(history_.node(node).inode)) return false;
    history_.set_intact(node);
    return true;
  });
}

void Observer::promise(const Call& call, Effect effect) {
  std::string what = name_of_call(call.number);
  if (effect == Effect::sync_range) {
    const auto ranges = mapped_ranges(call, directory_);
    if (ranges.empty()) return;
    history_.next(what);
    for (const MappedRange& range : ranges) {
      const auto entry = tree_.find(range.path);
      if (entry == tree_.end()) continue;
      promises_.content(nodes_.at(entry->second.handle), seen_, range.from, range.to);
      what += " " + range.path;
    }
  } else {
    history_.next(what);
    if (effect == Effect::sync_all) {
      promises_.all(seen_);
    } else {
      const std::string path = descriptor_path(call, 0);
      what += " " + name_beneath(path, directory_);
      if (const auto node = node_of(path)) promises_.sync(*node, seen_, effect == Effect::sync);
    }
  }
  promises_.told(what);
  mark_(what);
}

void Observer::promise_written(const Call& call, std::int64_t result) {
  const bool vectored = call.number == SYS_pwritev2;
  const bool placed = vectored || call.number == SYS_pwrite64 || call.number == SYS_pwritev;
  if (!placed && call.number != SYS_write && call.number != SYS_writev) return;
  const std::string fd = std::to_string(static_cast<int>(call.arguments[0]));
  const Opened file = opened("/proc/" + std::to_string(call.thread) + "/fdinfo/" + fd);
  const auto asked = vectored ? static_cast<int>(call.arguments[5]) : 0;
  const bool name_too = (file.flags & O_SYNC) == O_SYNC || (asked & RWF_SYNC) != 0;
  if (!name_too && (file.flags & O_DSYNC) == 0 && (asked & RWF_DSYNC) == 0) return;
  const std::string path = descriptor_path(call, 0);
  const auto node = node_of(path);
  if (!node) return;
  const auto length = static_cast<std::uint64_t>(result);
  std::uint64_t from = file.offset - length;
  if (placed && call.arguments[3] != UINT64_MAX) from = call.arguments[3];
  if ((file.flags & O_APPEND) != 0) {
    from = history_.node(*node).versions.back().content.size - length;
  }
  promises_.written(*node, from, from + length);
  if (name_too) promises_.names(*node, history_.now());
  const std::string what =
      "synchronous " + name_of_call(call.number) + " " + name_beneath(path, directory_);
  promises_.told(what);
  mark_(what);
}

}  // namespace crashlab
