// SPDX-License-Identifier: BSL-1.0
// Makes syncs of its own between the calls of a workload.
#include "recording/noise.hpp"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace crashlab {

NoiseKind noise_kind(const std::string& name) {
  if (name == "none") return NoiseKind::none;
  if (name == "log") return NoiseKind::log;
  if (name == "commit") return NoiseKind::commit;
  if (name == "mixed") return NoiseKind::mixed;
  throw Failure("\"" + name + "\" is not a kind of noise: none, log, commit or mixed");
}

Noise::Noise(NoiseKind kind, FsKind file_system, std::string directory, std::uint64_t seed)
    : kind_(kind), file_system_(file_system), directory_(std::move(directory)), random_(seed) {}

void Noise::prepare() {
  must(::mkdir(directory_.c_str(), 0700), "make " + directory_);
  if (kind_ == NoiseKind::commit || kind_ == NoiseKind::mixed) commit();
}

bool Noise::step() {
  switch (kind_) {
    case NoiseKind::none:
      return false;
    case NoiseKind::log:
      log();
      return true;
    case NoiseKind::commit:
      commit();
      return true;
    case NoiseKind::mixed:
      switch (next_random(random_) % 3) {
        case 0:
          return false;
        case 1:
          log();
          return true;
        default:
          commit();
          return true;
      }
  }
  return false;
}

bool Noise::is_told() {
  // Makes two, since xfs may write its log a moment after the first one returns.
  for (int i = 0; i < 2; ++i) {
    try {
      log();
    } catch (const Failure&) {
      return true;
    }
  }
  return false;
}

void Noise::log() {
  const std::string path = directory_ + "/" + std::to_string(++count_);
  must(::mkdir(path.c_str(), 0700), "noise: make " + path);
  const UniqueFd fd(
      must(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "noise: open " + path));
  must(::fsync(fd.get()), "noise: sync " + path);
}

void Noise::commit() {
  const std::string path = directory_ + "/commit";
  const UniqueFd fd(must(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
                         "noise: open " + path));
  write_all(fd.get(), "x", "noise: write " + path);
  if (file_system_ == FsKind::btrfs) {
    __u64 transaction = 0;
    must(::ioctl(fd.get(), BTRFS_IOC_START_SYNC, &transaction), "noise: start a commit");
    must(::ioctl(fd.get(), BTRFS_IOC_WAIT_SYNC, &transaction), "noise: await a commit");
  } else {
    must(::fsync(fd.get()), "noise: sync " + path);
  }
}

}  // namespace crashlab
