// SPDX-License-Identifier: BSL-1.0
// The event loop of the process that serves the disk.
#pragma once

#define FUSE_USE_VERSION 31

#include <chrono>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string_view>
#include <vector>

#include <fuse3/fuse_lowlevel.h>

#include "disk/acks.hpp"
#include "disk/device_options.hpp"
#include "disk/medium.hpp"
#include "disk/pages.hpp"
#include "disk/recorder.hpp"

namespace crashlab {

inline constexpr std::size_t command_max = 64 << 10;

/// One thread takes requests from FUSE, commands from the laboratory and acknowledgements from the
/// workload, one at a time. So they have one order, that of the recording.
class DiskServer {
 public:
  /// The descriptors with which the process starts.
  struct Wires {
    int control;    ///< commands of one letter and what belongs to it, each answered
    int recording;  ///< where the recording is to be written
    int fuse;       ///< /dev/fuse, not blocking; the laboratory mounts it
  };

  DiskServer(Pages& pages, const DeviceOptions& options, const Wires& wires);
  ~DiskServer();
  DiskServer(const DiskServer&) = delete;
  DiskServer& operator=(const DiskServer&) = delete;

  /// Returns when the laboratory is gone or the file system is unmounted.
  void run();

 private:
  friend struct Requests;

  /// A request whose answer waits for its time.
  struct Due {
    Clock::time_point at;
    std::uint64_t order;  // of requests due at the same time, the older is answered first
    fuse_req_t request;
    Recorder::Ticket ticket;
    std::size_t written;  // what to answer a write; 0: answer without a count
    int error = 0;        // answered instead
    bool operator<(const Due& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void answer_later(fuse_req_t request, Recorder::Ticket ticket, std::size_t written,
                    std::uint32_t latency_us, int error = 0);
  void answer(const Due& due);
  /// Answers a write that a fault strikes; false: it is to be done. `data` is empty for zeros.
  bool spoiled(fuse_req_t request, std::uint64_t offset, std::uint64_t length,
               std::span<const std::byte> data);
  void answer_due();
  void take_request();
  bool take_command();
  void place(std::string_view numbers);
  void finish_recording();
  std::optional<std::chrono::nanoseconds> time_left() const;

  Pages& pages_;
  DeviceOptions options_;
  Wires wires_;
  bool mounted_ = false;  // until then /dev/fuse can't be read
  bool begin_wanted_ = false;
  std::uint64_t order_ = 0;
  Recorder recorder_;
  Medium medium_;
  std::priority_queue<Due> due_;
  std::optional<AckServer> acks_;
  std::unique_ptr<fuse_session, void (*)(fuse_session*)> session_;
  fuse_buf buffer_{};
};

}  // namespace crashlab
