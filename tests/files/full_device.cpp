// SPDX-License-Identifier: BSL-1.0
// Sixteen threads commit on a file system whose thin device runs full; then the power goes. Every
// commit that was acknowledged as durable and confirmed must be there after the next mount.
//
//   engine_full_device ext4|xfs ROUNDS
//
// Prints one line for each way to commit; status 1 when an acknowledged commit was lost. Needs
// root.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/statvfs.h>
#include <thread>
#include <vector>

#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>

#include "support/directory.hpp"
#include "support/mount.hpp"

namespace {

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

constexpr std::size_t threads_count = 16;
constexpr std::size_t directories_count = 4;
constexpr std::uint64_t versions_max = 100000;

struct Way {
  ProtocolChoice protocol = ProtocolChoice::portable;
  bool grouped = false;
};

struct Tally {
  std::size_t acknowledged = 0;
  std::size_t unconfirmed = 0;  ///< Acknowledged, and the receipt says that nobody was asked.
  std::size_t refused = 0;  ///< The sync said well, the question after it that the journal died.
  std::size_t lost = 0;     ///< Targets whose last acknowledged version is not there.
};

/// Requests of one page, and those of before when this ends: the setting stays with the loop
/// device, and whoever gets it next would count other flushes. Until then the device is held: one
/// that another test has got already would lose its own setting.
class PagedRequests {
 public:
  explicit PagedRequests(const std::string& device)
      : setting_("/sys/block/" + device.substr(device.rfind('/') + 1) + "/queue/max_sectors_kb"),
        device_(device),
        before_(slurp(setting_)) {
    std::ofstream(setting_) << 4 << std::flush;
    if (slurp(setting_) != "4\n") throw std::runtime_error("the size of requests can't be set");
  }
  PagedRequests(const PagedRequests&) = delete;
  PagedRequests& operator=(const PagedRequests&) = delete;
  ~PagedRequests() { std::ofstream(setting_) << before_ << std::flush; }

 private:
  std::string setting_;
  std::ifstream device_;  ///< The kernel gives the device away when nobody has it open any more.
  std::string before_;
};

/// A thin device: a sparse file on a tmpfs that can be made to run full; and what is on it,
/// mounted.
class Thin {
 public:
  explicit Thin(const std::string& type) : path_(at_ / "mnt"), xfs_(type == "xfs") {
    for (const char* name : {"back", "mnt"}) fs::create_directory(at_ / name);
    back_ = std::make_unique<Mount>(
        std::vector<std::string>{"-t", "tmpfs", "-o", "size=1G", "none", (at_ / "back").native()});
    if (!back_->error().empty()) throw std::runtime_error(back_->error());
    image_ = (at_ / "back/image").native();
    spit(image_, "");
    fs::resize_file(image_, std::uintmax_t{xfs_ ? 320U : 40U} << 20U);
    must(xfs_ ? run({"mkfs.xfs", "-q", "-f", "-s", "size=4096", image_})
              : run({"mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_journal_init=1", image_}));
    mount();
  }

  [[nodiscard]] const fs::path& path() const { return path_; }

  /// From now on the device takes so many bytes that it does not hold yet, then it fails.
  void leave(std::uint64_t bytes) {
    if (!xfs_) fill();
    release();  // nobody writes while the holes are dug
    must(run({"fallocate", "--dig-holes", image_}));
    mount();
    struct statvfs space {};
    if (::statvfs((at_ / "back").c_str(), &space) != 0) throw std::runtime_error("statvfs");
    resize((space.f_blocks - space.f_bfree) * space.f_frsize + bytes);
  }
  /// The power goes: only what the device holds is left. It gets room, and is mounted again.
  void restart() {
    release();
    resize(std::uint64_t{1} << 30U);
    mount();
  }

 private:
  /// The device holds all content of files, so that the journal is what fails.
  void fill() const {
    const std::string block(std::size_t{1} << 20U, 'x');
    const fs::path filler = path_ / "filler";
    for (std::ofstream out(filler.native()); out << block << std::flush;) {
    }
    must(run({"sync", filler.native()}));
    fs::remove(filler);
  }
  static void must(const Outcome& ran) {
    if (ran.status != 0) throw std::runtime_error(ran.said());
  }
  void release() {
    disk_.reset();
    requests_.reset();
  }
  void resize(std::uint64_t bytes) {
    must(run({"mount", "-o", "remount,size=" + std::to_string(bytes), (at_ / "back").native()}));
  }
  /// Each request is one page of the tmpfs: the driver of loop devices takes a write for whole of
  /// which the file took the first pages only, and a device that lies proves nothing.
  void mount() {
    const auto made = run({"losetup", "--find", "--show", "--sector-size", "4096", image_});
    must(made);
    const std::string device = made.out.substr(0, made.out.find('\n'));
    requests_ = std::make_unique<PagedRequests>(device);
    disk_ = std::make_unique<Mount>(std::vector<std::string>{device, path_.native()});
    must(run({"losetup", "--detach", device}));  // the kernel does so when it is unmounted
    if (!disk_->error().empty()) throw std::runtime_error(disk_->error());
  }

  TempDirectory at_;
  fs::path path_;
  bool xfs_;
  std::string image_;
  std::unique_ptr<Mount> back_;
  std::unique_ptr<PagedRequests> requests_;
  std::unique_ptr<Mount> disk_;  ///< Is unmounted before the setting goes back.
};

std::string target_of(std::size_t thread) {
  return "d" + std::to_string(thread % directories_count) + "/t" + std::to_string(thread);
}

/// Commits version 1, 2, ... of its target until a commit fails; returns the last that it may
/// trust.
std::uint64_t commit_until_it_fails(const fs::path& target, const WriteOptions& options,
                                    Tally& outcome) {
  std::uint64_t trusted = 0;
  for (std::uint64_t version = 1; version < versions_max; ++version) {
    const auto done = write_file(target, as_bytes(std::to_string(version)), options);
    if (!done) {
      outcome.refused += done.error().message().find("sync reported success") != std::string::npos;
      return trusted;
    }
    ++outcome.acknowledged;
    if (done.value().confirmed) trusted = version;
    outcome.unconfirmed += !done.value().confirmed;
  }
  return trusted;
}

Tally run_round(const std::string& type, const Way& way, std::uint64_t room) {
  Thin disk(type);
  WriteOptions options;
  options.protocol = way.protocol;
  if (way.grouped) options.group = std::make_shared<GroupCommit>();
  for (std::size_t i = 0; i < threads_count; ++i) {
    fs::create_directories((disk.path() / target_of(i)).parent_path());
    spit(disk.path() / target_of(i), "0");
  }
  disk.leave(room);
  std::vector<Tally> outcomes(threads_count);
  std::vector<std::uint64_t> trusted(threads_count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < threads_count; ++i) {
    threads.emplace_back([&, i] {
      trusted[i] = commit_until_it_fails(disk.path() / target_of(i), options, outcomes[i]);
    });
  }
  for (auto& thread : threads) thread.join();
  disk.restart();
  Tally all;
  for (std::size_t i = 0; i < threads_count; ++i) {
    const std::string found = slurp(disk.path() / target_of(i));
    all.acknowledged += outcomes[i].acknowledged;
    all.unconfirmed += outcomes[i].unconfirmed;
    all.refused += outcomes[i].refused;
    all.lost += found.empty() || std::stoull(found) < trusted[i];
  }
  return all;
}

/// Whether nothing was lost.
bool run_rounds(const std::string& type, std::size_t rounds, const Way& way) {
  Tally all;
  std::size_t refused_in = 0;
  std::size_t lost_in = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    // Another moment of death each time: after some dozens of blocks of the journal, or hundreds.
    const Tally one = run_round(type, way, (16U + round % 64U * 11U) * 4096U);
    all.acknowledged += one.acknowledged;
    all.unconfirmed += one.unconfirmed;
    all.refused += one.refused;
    all.lost += one.lost;
    refused_in += one.refused > 0;
    lost_in += one.lost > 0;
  }
  std::printf(
      "%-4s %-8s %-5s  %4zu rounds, %7zu acknowledged (%zu not confirmed), %zu refused by the "
      "question in %zu rounds, %zu lost in %zu rounds\n",
      type.c_str(), way.protocol == ProtocolChoice::fast ? "fast" : "portable",
      way.grouped ? "group" : "alone", rounds, all.acknowledged, all.unconfirmed, all.refused,
      refused_in, all.lost, lost_in);
  std::fflush(stdout);
  return all.lost == 0;
}

int run_all(const std::string& type, std::size_t rounds) {
  bool passed = true;
  for (const auto protocol : {ProtocolChoice::portable, ProtocolChoice::fast}) {
    for (const bool grouped : {false, true}) {
      passed = run_rounds(type, rounds, {protocol, grouped}) && passed;
    }
  }
  return passed ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string type = count > 1 ? arguments[1] : "";
  const auto rounds = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 0;
  if ((type != "ext4" && type != "xfs") || rounds == 0) {
    std::fprintf(stderr, "engine_full_device ext4|xfs ROUNDS\n");
    return 2;
  }
  if (!can_mount()) {
    std::printf("perdure: skipped: this user may not mount\n");
    return 0;
  }
  try {
    return run_all(type, rounds);
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "%s: %s\n", type.c_str(), thrown.what());
    return 2;
  }
}
