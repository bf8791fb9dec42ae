// SPDX-License-Identifier: BSL-1.0
// Makes, mounts and checks ext4, xfs and btrfs.
#include "host/mounted_disk.hpp"

#include <cerrno>
#include <sstream>
#include <sys/mount.h>
#include <thread>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr double busy_max_s = 10;
constexpr double examine_max_s = 120;

struct Flag {
  const char* name;
  unsigned long set;
  unsigned long cleared;
};

// mount(2) takes these as flags and everything else as text for the file system.
constexpr Flag mount_flags[] = {
    {"ro", MS_RDONLY, 0},         {"rw", 0, MS_RDONLY},
    {"sync", MS_SYNCHRONOUS, 0},  {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},   {"lazytime", MS_LAZYTIME, 0},
    {"noatime", MS_NOATIME, 0},   {"nodiratime", MS_NODIRATIME, 0},
    {"relatime", MS_RELATIME, 0}, {"strictatime", MS_STRICTATIME, 0},
    {"nosuid", MS_NOSUID, 0},     {"nodev", MS_NODEV, 0},
    {"noexec", MS_NOEXEC, 0},     {"defaults", 0, 0},
};

struct Traits {
  const char* name;
  std::uint64_t size;
  std::vector<std::string> make;
  std::vector<std::string> check;
};

const Traits& traits_of(FsKind kind) {
  // ext4: 4 kB blocks as on any disk of today's size, and no thread that initializes tables later.
  static const Traits ext4{"ext4",
                           std::uint64_t{64} << 20U,
                           {"mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-E",
                            "lazy_itable_init=0,lazy_journal_init=0"},
                           {"e2fsck", "-f", "-n"}};
  static const Traits xfs{
      "xfs", std::uint64_t{320} << 20U, {"mkfs.xfs", "-q", "-f"}, {"xfs_repair", "-n"}};
  static const Traits btrfs{"btrfs",
                            std::uint64_t{128} << 20U,
                            {"mkfs.btrfs", "-q", "-f"},
                            {"btrfs", "check", "--readonly"}};
  switch (kind) {
    case FsKind::ext4:
      return ext4;
    case FsKind::xfs:
      return xfs;
    case FsKind::btrfs:
      return btrfs;
  }
  throw Failure("no such file system");
}

}  // namespace

const char* name_of(FsKind kind) {
  return traits_of(kind).name;
}

std::uint64_t default_size(FsKind kind) {
  return traits_of(kind).size;
}

FsKind fs_kind(const std::string& name) {
  for (const FsKind kind : {FsKind::ext4, FsKind::xfs, FsKind::btrfs}) {
    if (name == name_of(kind)) return kind;
  }
  throw Failure("\"" + name + "\" is not a file system that is known here: ext4, xfs or btrfs");
}

FileSystem::FileSystem(FsKind kind, std::string device, std::string mount_point,
                       const std::string& options)
    : kind_(kind), device_(std::move(device)), mount_point_(std::move(mount_point)) {
  std::istringstream words(options);
  for (std::string word; std::getline(words, word, ',');) {
    bool is_flag = word.empty();
    for (const Flag& flag : mount_flags) {
      if (word != flag.name) continue;
      flags_ = (flags_ | flag.set) & ~flag.cleared;
      is_flag = true;
    }
    if (!is_flag) options_ += (options_.empty() ? "" : ",") + word;
  }
}

FileSystem::~FileSystem() {
  // Only after a failure: what is still mounted must not outlive us, busy or not.
  if (mounted_) ::umount2(mount_point_.c_str(), MNT_DETACH);
}

void FileSystem::make(const std::string& options, const Tick& tick) {
  Command command;
  command.arguments = traits_of(kind_).make;
  std::istringstream words(options);
  for (std::string word; words >> word;) command.arguments.push_back(word);
  command.arguments.push_back(device_);
  command.timeout_s = examine_max_s;
  const Outcome outcome = run(command, tick);
  if (!outcome.good()) throw Failure(command.arguments[0] + ": " + outcome.story());
}

int FileSystem::mount() {
  const int result =
      ::mount(device_.c_str(), mount_point_.c_str(), name_of(kind_), flags_, options_.c_str());
  mounted_ = result == 0;
  return mounted_ ? 0 : errno;
}

void FileSystem::unmount() {
  const auto start = Clock::now();
  while (::umount2(mount_point_.c_str(), 0) != 0) {
    if (errno != EBUSY) fail_errno("unmount " + mount_point_);
    if (seconds_since(start) > busy_max_s) {
      throw Failure(
          "the file system stays busy: the workload or the checker left a file open, or " +
          std::string("a process in it, after it had ended or answered"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  mounted_ = false;
}

Outcome FileSystem::check(const Tick& tick) const {
  Command command;
  command.arguments = traits_of(kind_).check;
  command.arguments.push_back(device_);
  command.timeout_s = examine_max_s;
  return run(command, tick);
}

}  // namespace crashlab
