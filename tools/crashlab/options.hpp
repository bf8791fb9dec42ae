// SPDX-License-Identifier: BSL-1.0
// The user's options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "disk/fault.hpp"
#include "host/mounted_disk.hpp"
#include "recording/noise.hpp"

namespace crashlab {

/// `crashlab run`. Values that the user left open are filled in by complete().
struct RunOptions {
  std::string fs = "ext4";
  std::string layer = "none";  ///< the file system that lies upon it
  std::string mount_options;
  std::string mkfs_options;
  std::uint64_t size = 0;  ///< bytes; 0: the file system's default
  std::uint64_t seed = 1;
  std::uint64_t states_max = 10000;
  double time_max_s = 0;             ///< for exploring; 0: no limit
  std::uint64_t violations_max = 0;  ///< stop after so many; 0: go on
  std::string noise = "none";
  std::int64_t write_latency_us = -1;  ///< -1: 200 with noise, 0 without
  std::int64_t flush_latency_us = -1;
  std::uint64_t dies_at = 0;        ///< the disk dies before this call of the workload; 0: never
  std::vector<std::string> faults;  ///< of the disk, as Fault::parse() takes them
  std::uint32_t sector_size = 0;    ///< 0: the file system's default
  std::uint64_t fsck_every = 100;   ///< 0: never
  bool ignore_flushes = false;
  std::string setup;
  std::string workload;
  std::string check;
  std::string check_server;
  double workload_timeout_s = 300;
  double check_timeout_s = 60;
  double stall_max_s = 300;
  std::string state_dir;
  std::string keep;  ///< where violations are kept
  std::uint64_t keep_max = 10;
  std::string json;
  bool quiet = false;
  std::string guest;  ///< the kernel of an emulator; empty: this machine

  FsKind fs_kind() const { return crashlab::fs_kind(fs); }
  std::vector<Fault> disk_faults() const;
  /// Whether the workload may meet errors that are not its own.
  bool failing() const { return dies_at != 0 || !faults.empty(); }
  NoiseKind noise_kind() const { return crashlab::noise_kind(noise); }
  /// Fills in defaults; throws Failure for values that can't be meant.
  void complete();
  /// Makes the time limits those of a guest, where all is slower.
  void lengthen();
};

/// `crashlab judge`.
struct JudgeOptions {
  RunOptions run;
  std::vector<std::string> noises;  ///< a recording for each; empty: those that show most
  std::vector<std::string> command;
  std::string recover;
  std::vector<std::string> ignored;  ///< patterns of paths
  bool durable = false;              ///< the program's end promises that all it left is durable
  /// Fills in defaults; throws Failure for values that can't be meant.
  void complete();
};

/// `crashlab explore-calls`.
struct CallsOptions {
  RunOptions run;
  std::vector<std::string> noises;  ///< a recording for each; empty: those that show most
  std::string set = "one";          ///< which scripts: one, two, orders
  std::vector<std::string> only;    ///< these alone, by their names
  std::string preset;               ///< empty: the file system's own
  std::uint64_t scripts_max = 0;    ///< draw so many; 0: all
  std::uint64_t states_max = 0;     ///< of a recording, for each of its scripts; 0: the default
  std::size_t jobs = 0;             ///< processes with a disk each; 0: as many as processors
  std::string script_file;          ///< of the workload that such a run starts
  bool prepare = false;             ///< make the trees only
  /// Fills in defaults, except the preset; throws Failure for values that can't be meant.
  void complete();
};

/// `crashlab disk`.
struct DiskOptions {
  std::uint64_t size = std::uint64_t{256} << 20U;
  std::uint32_t write_latency_us = 0;
  std::uint32_t flush_latency_us = 0;
  std::string state_dir;
};

/// `crashlab show` and `crashlab mount`.
struct KeptOptions {
  std::string id;
  std::string guest;
  std::string keep;
  std::string state_dir;
  std::string at;                    ///< where to mount; a temporary directory when empty
  std::vector<std::string> command;  ///< runs while it is mounted; until Ctrl-C when empty
};

/// The place of violations when the user names none.
std::string default_keep(const std::string& state_dir);

}  // namespace crashlab
