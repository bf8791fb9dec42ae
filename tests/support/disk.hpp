// SPDX-License-Identifier: BSL-1.0
// A small disk of its own: a file system in a file, behind a loop device.
#pragma once

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "directory.hpp"
#include "mount.hpp"
#include "process.hpp"

namespace perdure::test {

/// A loop device over a file of `mib` MiB; detached when it is dropped.
class Loop {
 public:
  explicit Loop(std::uintmax_t mib) {
    const auto image = images_ / "disk";
    spit(image, "");
    boost::filesystem::resize_file(image, mib << 20U);
    const auto made = run({"losetup", "--find", "--show", image.native()});
    if (made.status != 0) {
      error_ = "losetup: " + made.said();
    } else {
      device_ = made.out.substr(0, made.out.find('\n'));
    }
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    if (!device_.empty()) (void)run({"losetup", "--detach", device_});
  }

  [[nodiscard]] const std::string& device() const { return device_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  TempDirectory images_;
  std::string device_;
  std::string error_;
};

/// A small disk of a kind: how large it must be, and the whole command that makes it, without the
/// device.
struct DiskKind {
  std::string name;
  std::uintmax_t mib = 0;
  std::vector<std::string> mkfs;
};
inline const DiskKind ext4_disk{"ext4", 128, {"mkfs.ext4", "-q", "-F"}};
inline const DiskKind xfs_disk{"xfs", 320, {"mkfs.xfs", "-q", "-f"}};
inline const DiskKind btrfs_disk{"btrfs", 256, {"mkfs.btrfs", "-q", "-f"}};

/// A file system, made and mounted. `mkfs` is the whole command without the device.
class Disk {
 public:
  explicit Disk(const DiskKind& kind) : Disk(kind.mib, kind.mkfs) {}
  Disk(std::uintmax_t mib, std::vector<std::string> mkfs, const std::string& mount_options = {})
      : loop_(mib) {
    if (!can_mount()) {
      error_ = "this user may not mount";
      return;
    }
    error_ = loop_.error();
    if (!error_.empty()) return;
    mkfs.push_back(loop_.device());
    const auto made = run(mkfs);
    if (made.status != 0) {
      error_ = mkfs[0] + (made.status == 127 ? " is not installed" : ": " + made.said());
      return;
    }
    std::vector<std::string> arguments{loop_.device(), at_.path().native()};
    if (!mount_options.empty()) {
      arguments.insert(arguments.begin(), {"-o", mount_options});
    }
    mount_.emplace(arguments);
    error_ = mount_->error();
  }

  /// Empty when it is there; else why not.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const boost::filesystem::path& path() const { return at_.path(); }

  [[nodiscard]] const std::string& device() const { return loop_.device(); }

  /// Writes everything out. Not by sync(2), which would flush the disks of all tests beside this
  /// one.
  void sync() const {
    const auto synced = run({"sync", "--file-system", path().native()});
    if (synced.status != 0) throw std::runtime_error("sync: " + synced.said());
  }

  /// Flushes that the device has completed (Documentation/block/stat.rst of the kernel).
  [[nodiscard]] std::uint64_t flushes() const {
    constexpr int flush_field = 15;
    std::ifstream file("/sys/block" + loop_.device().substr(loop_.device().rfind('/')) + "/stat");
    std::uint64_t value = 0;
    for (int i = 0; i <= flush_field; ++i) {
      if (!(file >> value)) throw std::runtime_error("this kernel does not count flushes");
    }
    return value;
  }

 private:
  Loop loop_;
  TempDirectory at_;
  std::optional<Mount> mount_;
  std::string error_;
};

}  // namespace perdure::test
