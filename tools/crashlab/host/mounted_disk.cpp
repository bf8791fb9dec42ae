// SPDX-License-Identifier: BSL-1.0
// The table of file systems; makes, repairs, mounts and checks them.
#include "host/mounted_disk.hpp"

#include <cerrno>
#include <cstring>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

#include "host/posix.hpp"

namespace crashlab {
namespace {

/// Whether the error is the machine's, and not the file system's verdict on the state after the
/// crash.
bool is_trouble(int mount_error) {
  return mount_error == ENOMEM || mount_error == EBUSY || mount_error == EPERM ||
         mount_error == EINTR;
}

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
  FsKind kind;
  const char* name;
  std::uint64_t size;
  std::vector<std::string> make;
  std::vector<std::string> check;
  std::vector<std::string> repair = {};  ///< before a mount after a crash; empty: mount(2) does it
  int repaired_max = 0;                  ///< the greatest status of a repair that was done
};

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

const std::vector<Traits>& all_traits() {
  // For ext: blocks of 4 kB, as on any disk of today's size, and no thread that initializes tables
  // later. Statuses of repairs: e2fsck(8), jfs_fsck(8), fsck.fat(8).
  static const std::string lazy = "lazy_itable_init=0";
  static const std::vector<Traits> traits{
      {FsKind::ext2,
       "ext2",
       64 * mib,
       {"mkfs.ext2", "-q", "-F", "-b", "4096", "-I", "256", "-E", lazy},
       {"e2fsck", "-f", "-n"},
       {"e2fsck", "-f", "-y"},
       2},
      {FsKind::ext3,
       "ext3",
       64 * mib,
       {"mkfs.ext3", "-q", "-F", "-b", "4096", "-I", "256", "-E", lazy + ",lazy_journal_init=0"},
       {"e2fsck", "-f", "-n"}},
      {FsKind::ext4,
       "ext4",
       64 * mib,
       {"mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-E", lazy + ",lazy_journal_init=0"},
       {"e2fsck", "-f", "-n"}},
      {FsKind::xfs, "xfs", 320 * mib, {"mkfs.xfs", "-q", "-f"}, {"xfs_repair", "-n"}},
      {FsKind::btrfs,
       "btrfs",
       128 * mib,
       {"mkfs.btrfs", "-q", "-f"},
       {"btrfs", "check", "--readonly"}},
      {FsKind::f2fs, "f2fs", 64 * mib, {"mkfs.f2fs", "-q", "-f"}, {"fsck.f2fs", "--dry-run"}},
      {FsKind::jfs,
       "jfs",
       32 * mib,
       {"mkfs.jfs", "-q"},
       {"jfs_fsck", "-n", "-f"},
       {"jfs_fsck", "-a"},
       1},
      {FsKind::vfat,
       "vfat",
       64 * mib,
       {"mkfs.vfat", "-F", "32"},
       {"fsck.vfat", "-n"},
       {"fsck.vfat", "-a"},
       1},
  };
  return traits;
}

const Traits& traits_of(FsKind kind) {
  return all_traits()[static_cast<std::size_t>(kind)];
}

}  // namespace

const char* name_of(FsKind kind) {
  return traits_of(kind).name;
}

std::vector<std::string> fs_names() {
  std::vector<std::string> names;
  for (const Traits& traits : all_traits()) names.emplace_back(traits.name);
  return names;
}

std::uint64_t default_size(FsKind kind) {
  return traits_of(kind).size;
}

FsKind fs_kind(const std::string& name) {
  std::string known;
  for (const Traits& traits : all_traits()) {
    if (name == traits.name) return traits.kind;
    known += (known.empty() ? "" : ", ") + std::string(traits.name);
  }
  throw Failure("\"" + name + "\" is not a file system that is known here: " + known);
}

FileSystem::FileSystem(FsKind kind, Layer layer, std::string device, std::string mount_point,
                       const std::string& options)
    : kind_(kind),
      layer_(layer),
      device_(std::move(device)),
      mount_point_(std::move(mount_point)),
      below_(layer == Layer::none ? mount_point_ : mount_point_ + "-below") {
  if (layer_ != Layer::none) must(::mkdir(below_.c_str(), 0700), "make " + below_);
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
  // Reached only after a failure: a mount must not outlive us, busy or not.
  if (!mounted_) return;
  if (layer_ != Layer::none) ::umount2(mount_point_.c_str(), MNT_DETACH);
  ::umount2(below_.c_str(), MNT_DETACH);
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

Outcome FileSystem::mount() {
  if (::mount(device_.c_str(), below_.c_str(), name_of(kind_), flags_, options_.c_str()) != 0) {
    const int error = errno;
    const std::string reason = std::strerror(error);
    if (error == ENODEV) {
      throw Failure("this kernel has no " + std::string(name_of(kind_)) +
                    "; --guest runs the laboratory on another one");
    }
    if (is_trouble(error)) throw Failure("mount: " + reason);
    return {1, false, reason};
  }
  mounted_ = true;
  const std::string fault = lay(layer_, below_, mount_point_);
  if (fault.empty()) return {0, false, ""};
  unmount_one(below_);
  mounted_ = false;
  return {1, false, fault};
}

void FileSystem::unmount() {
  if (layer_ != Layer::none) unmount_one(mount_point_);
  unmount_one(below_);
  mounted_ = false;
}

void FileSystem::unmount_one(const std::string& at) {
  const auto start = Clock::now();
  while (::umount2(at.c_str(), 0) != 0) {
    if (errno != EBUSY) fail_errno("unmount " + at);
    if (seconds_since(start) > busy_max_s) {
      throw Failure(
          "the file system stays busy: the workload or the checker left a file open, or " +
          std::string("a process in it, after it had ended or answered"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Outcome FileSystem::repair(const Tick& tick) const {
  const Traits& traits = traits_of(kind_);
  if (traits.repair.empty()) return {0, false, ""};
  Outcome outcome = examine(traits.repair, tick);
  if (outcome.exit_code <= traits.repaired_max) outcome.exit_code = 0;
  return outcome;
}

Outcome FileSystem::check(const Tick& tick) const {
  return examine(traits_of(kind_).check, tick);
}

Outcome FileSystem::examine(std::vector<std::string> words, const Tick& tick) const {
  Command command;
  command.arguments = std::move(words);
  command.arguments.push_back(device_);
  command.timeout_s = examine_max_s;
  return run(command, tick);
}

}  // namespace crashlab
