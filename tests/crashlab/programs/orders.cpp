// SPDX-License-Identifier: BSL-1.0
// Saves a file by one order of system calls, right or known to be wrong, for `crashlab judge` to
// find out which. Works in the current directory.
//
//   crashlab_orders setup      what is there before
//   crashlab_orders ORDER      one save, or three of them
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../versions.hpp"

namespace {

using versions::must;

constexpr std::size_t size = 10000;

int open_new(const char* name, int flags = O_CREAT | O_EXCL) {
  return must(::open(name, O_WRONLY | flags, 0644), name);
}

void put(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    must(-1, "write");
  }
}

void sync(int fd) {
  must(::fsync(fd), "fsync");
}

void sync_directory(const char* name = ".") {
  const int fd = must(::open(name, O_RDONLY | O_DIRECTORY), name);
  sync(fd);
  ::close(fd);
}

void write_synced(const char* name, const std::string& text, int flags = O_CREAT | O_EXCL) {
  const int fd = open_new(name, flags);
  put(fd, text);
  sync(fd);
  ::close(fd);
}

void write_plain(const char* name, const std::string& text) {
  const int fd = open_new(name);
  put(fd, text);
  ::close(fd);
}

void rename(const char* from, const char* to) {
  must(::rename(from, to), from);
}

// Right.

void replace(int version) {
  write_synced("file.tmp", versions::content(version, size));
  rename("file.tmp", "file");
  sync_directory();
}

void link_in(int version) {
  const std::string name = "file." + std::to_string(version);
  write_synced("file.tmp", versions::content(version, size));
  must(::link("file.tmp", name.c_str()), "link");
  must(::unlink("file.tmp"), "unlink");
  sync_directory();
}

void append(int version) {
  const int fd = open_new("log", O_APPEND);
  put(fd, versions::content(version, size));
  must(::fdatasync(fd), "fdatasync");
  ::close(fd);
}

void tree(int version) {
  const std::string name = "tree" + std::to_string(version);
  must(::mkdir(name.c_str(), 0755), "mkdir");
  write_synced((name + "/one").c_str(), versions::content(1, size));
  write_synced((name + "/two").c_str(), versions::content(2, size));
  sync_directory(name.c_str());
  sync_directory();
}

void map(int version) {
  const int fd = must(::open("mapped", O_RDWR), "mapped");
  void* const at = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) must(-1, "mmap");
  std::memset(static_cast<char*>(at) + 4096, 'a' + version, 4096);
  must(::msync(at, 8192, MS_SYNC), "msync");
  ::munmap(at, 8192);
  ::close(fd);
}

// Wrong.

void unsynced(int version) {
  write_plain("file.tmp", versions::content(version, size));
  rename("file.tmp", "file");
  sync_directory();
}

void undirected(int version) {
  write_synced("file.tmp", versions::content(version, size));
  rename("file.tmp", "file");
}

void cut(int version) {
  write_synced("file", versions::content(version, size), O_TRUNC);
  sync_directory();
}

void other_synced(int version) {
  const int other = must(::open("file", O_WRONLY), "file");
  write_plain("file.tmp", versions::content(version, size));
  sync(other);
  ::close(other);
  rename("file.tmp", "file");
  sync_directory();
}

void removed(int version) {
  write_synced("file.tmp", versions::content(version, size));
  must(::unlink("file"), "unlink");
  rename("file.tmp", "file");
  sync_directory();
}

void early(int version) {
  const std::string text = versions::content(version, size);
  const int fd = open_new("file.tmp");
  put(fd, text.substr(0, size / 2));
  sync(fd);
  put(fd, text.substr(size / 2));
  ::close(fd);
  rename("file.tmp", "file");
  sync_directory();
}

/// A right one whose second sync of the file promises nothing new.
void doubled(int version) {
  const int fd = open_new("file.tmp");
  put(fd, versions::content(version, size));
  sync(fd);
  sync(fd);
  ::close(fd);
  rename("file.tmp", "file");
  sync_directory();
}

int setup() {
  write_synced("file", versions::content(0, size));
  write_synced("log", versions::content(0, size));
  write_synced("mapped", std::string(8192, 'a'));
  sync_directory();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::function<void(int)>> orders = {{"replace", replace},
                                                                  {"link_in", link_in},
                                                                  {"append", append},
                                                                  {"tree", tree},
                                                                  {"map", map},
                                                                  {"unsynced", unsynced},
                                                                  {"undirected", undirected},
                                                                  {"cut", cut},
                                                                  {"other_synced", other_synced},
                                                                  {"removed", removed},
                                                                  {"early", early},
                                                                  {"doubled", doubled}};
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "setup") return setup();
  const auto order = orders.find(name);
  if (order == orders.end()) return 3;
  for (int version = 1; version <= 2; ++version) order->second(version);
  return 0;
}
