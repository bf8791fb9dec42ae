// SPDX-License-Identifier: BSL-1.0
// Reads trees, and makes them.
#include "witness/tree.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <vector>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr std::size_t handle_max = 128;  // MAX_HANDLE_SZ

std::optional<Handle> handle_at(int directory, const char* name, int flags) {
  alignas(file_handle) char bytes[sizeof(file_handle) + handle_max];
  auto* const handle = new (bytes) file_handle{};
  handle->handle_bytes = handle_max;
  int mount = 0;
  if (::name_to_handle_at(directory, name, handle, &mount, flags) != 0) return std::nullopt;
  return Handle(reinterpret_cast<const char*>(handle->f_handle), handle->handle_bytes);
}

bool is_as_seen(const struct stat& a, const struct stat& b) {
  const auto same = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_size == b.st_size && same(a.st_mtim, b.st_mtim) && same(a.st_ctim, b.st_ctim);
}

class Look {
 public:
  Look(ContentStore& store, const Tree& known) : store_(store), known_(known) {}

  void directory(int parent, const char* name, const std::string& path) {
    const int opened = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
    if (opened < 0) return;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(opened), ::closedir);
    if (!stream) fail_errno("read the directory " + path);
    while (const dirent* const entry = ::readdir(stream.get())) {
      const std::string leaf = entry->d_name;
      if (leaf != "." && leaf != "..") this->entry(opened, leaf, path);
    }
  }

  Tree take() { return std::move(tree_); }

 private:
  void entry(int directory, const std::string& leaf, const std::string& parent) {
    Entry entry;
    const auto handle = handle_at(directory, leaf.c_str(), 0);
    if (!handle || ::fstatat(directory, leaf.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    entry.handle = *handle;
    entry.kind = kind_of(entry.status);
    const std::string path = parent.empty() ? leaf : parent + "/" + leaf;
    if (!fill(directory, leaf, path, entry)) return;
    const bool deeper = entry.kind == NodeKind::directory;
    tree_.emplace(path, std::move(entry));
    if (deeper) this->directory(directory, leaf.c_str(), path);
  }

  bool fill(int directory, const std::string& leaf, const std::string& path, Entry& entry) {
    if (entry.kind == NodeKind::link) {
      char target[4096];
      const ssize_t size = ::readlinkat(directory, leaf.c_str(), target, sizeof target);
      if (size < 0) return false;
      entry.content = store_.take(std::string_view(target, static_cast<std::size_t>(size)));
      return true;
    }
    if (entry.kind != NodeKind::file) return true;
    const auto known = known_.find(path);
    if (known != known_.end() && known->second.handle == entry.handle &&
        is_as_seen(known->second.status, entry.status)) {
      entry.content = known->second.content;
      return true;
    }
    const UniqueFd fd(::openat(directory, leaf.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME));
    if (!fd) return false;
    entry.content = store_.read(fd.get());
    return true;
  }

  ContentStore& store_;
  const Tree& known_;
  Tree tree_;
};

void fill_file(const std::string& path, const Content& content) {
  const UniqueFd fd(
      must(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "make " + path));
  std::uint64_t left = content.size;
  for (const ContentPage* const page : content.pages) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, page->size()));
    write_all(fd.get(), std::span(*page).first(count), "write " + path);
    left -= count;
  }
}

}  // namespace

NodeKind kind_of(const struct stat& status) {
  if (S_ISREG(status.st_mode)) return NodeKind::file;
  if (S_ISDIR(status.st_mode)) return NodeKind::directory;
  return S_ISLNK(status.st_mode) ? NodeKind::link : NodeKind::other;
}

Tree look(const std::string& directory, ContentStore& store, const Tree& known) {
  Look look(store, known);
  look.directory(AT_FDCWD, directory.c_str(), "");
  return look.take();
}

std::optional<Handle> handle_of(const std::string& path) {
  return handle_at(AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
}

std::optional<Content> content_of(const std::string& path, ContentStore& store) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
  if (!fd) return std::nullopt;
  return store.read(fd.get());
}

void lay_out(const Tree& tree, const std::string& directory) {
  for (const auto& [name, entry] : tree) {
    const std::string path = directory + "/" + name;
    if (entry.kind == NodeKind::directory) {
      must(::mkdir(path.c_str(), 0700), "make " + path);
    } else if (entry.kind == NodeKind::file) {
      fill_file(path, entry.content);
    } else if (entry.kind == NodeKind::link) {
      std::string target;
      for (std::uint64_t i = 0; i < entry.content.size; ++i) {
        target += static_cast<char>(entry.content.at(i));
      }
      must(::symlink(target.c_str(), path.c_str()), "make " + path);
    } else {
      continue;
    }
    must(::lchown(path.c_str(), entry.status.st_uid, entry.status.st_gid), "chown " + path);
    if (entry.kind != NodeKind::link) {
      must(::chmod(path.c_str(), entry.status.st_mode & 07777U), "chmod " + path);
    }
  }
}

}  // namespace crashlab
