// SPDX-License-Identifier: BSL-1.0
// Replaces a file by one order of system calls, good or known to be broken, and judges what a crash
// left of it. Hand-written calls on purpose: the laboratory is tested against the kernel alone.
//
//   crashlab_protocol setup [SIZE]              version 0, durable
//   crashlab_protocol write PROTOCOL COUNT [SIZE]   versions 1 to COUNT, each acknowledged
//   crashlab_protocol check [SIZE]              judges the state at CRASHLAB_MOUNT, once
//   crashlab_protocol serve [SIZE]              the same as a check server
//   crashlab_protocol serve_atomic [SIZE]       one that accepts any intact version
//   crashlab_protocol content VERSION [SIZE]    prints what that version is
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "../versions.hpp"

namespace {

using versions::content;
using versions::must;

struct Replacement {
  int directory;
  std::string text;

  int create(int flags = 0) const {
    return must(::openat(directory, "file.tmp", O_CREAT | O_EXCL | O_WRONLY | flags, 0644), "open");
  }
  void write(int fd) const {
    if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      must(-1, "write");
    }
  }
  void write_direct(int fd) const {
    const std::size_t rounded = (text.size() + 4095) & ~std::size_t{4095};
    void* block = std::aligned_alloc(4096, rounded);
    std::memset(block, 0, rounded);
    std::memcpy(block, text.data(), text.size());
    if (::write(fd, block, rounded) != static_cast<ssize_t>(rounded)) must(-1, "direct write");
    std::free(block);
    must(::ftruncate(fd, static_cast<off_t>(text.size())), "ftruncate");
  }
  void rename() const { must(::renameat(directory, "file.tmp", directory, "file"), "rename"); }
  static void sync(int fd) { must(::fsync(fd), "fsync"); }
};

using Protocol = std::function<void(const Replacement&)>;

const std::map<std::string, Protocol>& protocols() {
  static const std::map<std::string, Protocol> all = {
      {"good",  // fsync, rename, fsync of the parent
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         it.sync(fd);
         it.rename();
         it.sync(it.directory);
         ::close(fd);
       }},
      {"deaf",  // good, and does not listen to what fsync says
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         ::fsync(fd);
         it.rename();
         ::fsync(it.directory);
         ::close(fd);
       }},
      {"again",  // good, and asks a second time where fsync fails
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         if (::fsync(fd) != 0) it.sync(fd);
         it.rename();
         if (::fsync(it.directory) != 0) it.sync(it.directory);
         ::close(fd);
       }},
      {"no_parent_sync",
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         it.sync(fd);
         it.rename();
         ::close(fd);
       }},
      {"no_file_sync",
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         it.rename();
         it.sync(it.directory);
         ::close(fd);
       }},
      {"rename_before_sync",
       [](const Replacement& it) {
         const int fd = it.create();
         it.write(fd);
         it.rename();
         it.sync(fd);
         it.sync(it.directory);
         ::close(fd);
       }},
      {"awaited_data",  // written through, rename, fsync of the file: holds on ext4 and xfs alone
       [](const Replacement& it) {
         const int fd = it.create(O_DIRECT);
         it.write_direct(fd);
         it.rename();
         it.sync(fd);
         ::close(fd);
       }},
  };
  return all;
}

int open_mount() {
  const std::string path = versions::environment("CRASHLAB_MOUNT");
  return must(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path.c_str());
}

int setup(std::size_t size) {
  const int directory = open_mount();
  const int fd = must(::openat(directory, "file", O_CREAT | O_WRONLY, 0644), "open");
  Replacement{directory, content(0, size)}.write(fd);
  Replacement::sync(fd);
  Replacement::sync(directory);
  return 0;
}

int write(const std::string& name, int count, std::size_t size) {
  const auto protocol = protocols().find(name);
  if (protocol == protocols().end()) return 3;
  const int directory = open_mount();
  for (int version = 1; version <= count; ++version) {
    protocol->second({directory, content(version, size)});
    versions::acknowledge(version);
  }
  return 0;
}

std::string judge(std::size_t size) {
  return versions::judge_file(versions::environment("CRASHLAB_MOUNT") + "/file", size,
                              versions::last_acknowledged());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const int size_at = command == "write" ? 4 : command == "content" ? 3 : 2;
  const std::size_t size = argc > size_at ? std::strtoul(argv[size_at], nullptr, 10) : 10000;
  if (command == "setup") return setup(size);
  if (command == "content" && argc > 2) {
    const std::string text = content(std::atoi(argv[2]), size);
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 3;
  }
  if (command == "write" && argc > 3) return write(argv[2], std::atoi(argv[3]), size);
  if (command == "serve") return versions::serve([&] { return judge(size); });
  if (command == "serve_atomic") {
    const std::string file = versions::environment("CRASHLAB_MOUNT") + "/file";
    return versions::serve([&] { return versions::judge_file(file, size, 0); });
  }
  if (command != "check") return 3;
  const std::string reason = judge(size);
  std::printf("%s\n", reason.c_str());
  return reason.empty() ? 0 : 1;
}
