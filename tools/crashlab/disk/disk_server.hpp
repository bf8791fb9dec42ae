// SPDX-License-Identifier: BSL-1.0
// The event loop of the process that serves the disk.
#pragma once

#define FUSE_USE_VERSION 31

#include <chrono>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include <fuse3/fuse_lowlevel.h>

#include "disk/acks.hpp"
#include "disk/device_options.hpp"
#include "disk/pages.hpp"
#include "disk/recorder.hpp"

namespace crashlab {

/// One thread takes requests from FUSE, commands from the laboratory and acknowledgements from the
/// workload, one at a time: so they have one order, and it is the recording's.
class DiskServer {
 public:
  /// Descriptors that it was born with.
  struct Wires {
    int control;    ///< commands of one byte, each answered
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
    bool operator<(const Due& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void answer_later(fuse_req_t request, Recorder::Ticket ticket, std::size_t written,
                    std::uint32_t latency_us);
  void answer(const Due& due);
  /// A dead disk answers with EIO; true when it did.
  bool refuses(fuse_req_t request) const;
  void answer_due();
  void take_request();
  bool take_command();
  void finish_recording();
  std::optional<std::chrono::nanoseconds> time_left() const;

  Pages& pages_;
  DeviceOptions options_;
  Wires wires_;
  bool mounted_ = false;  // until then /dev/fuse can't be read
  bool begin_wanted_ = false;
  bool dead_ = false;
  std::uint64_t order_ = 0;
  Recorder recorder_;
  std::priority_queue<Due> due_;
  std::optional<AckServer> acks_;
  std::unique_ptr<fuse_session, void (*)(fuse_session*)> session_;
  fuse_buf buffer_{};
};

}  // namespace crashlab
