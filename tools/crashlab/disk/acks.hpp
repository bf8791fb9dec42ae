// SPDX-License-Identifier: BSL-1.0
// Acknowledgements: the workload says what must survive from now on.
#pragma once

#include <functional>
#include <poll.h>
#include <string>
#include <vector>

#include "host/posix.hpp"

namespace crashlab {

/// Takes acknowledgements from a socket, within the disk's event loop, so that each has its place
/// among the disk's answers. A client sends lines. Each is answered by the line "ok" once recorded,
/// or by "error: ..." when nothing is being recorded or the line is too long.
class AckServer {
 public:
  /// Returns whether the acknowledgement was recorded.
  using Record = std::function<bool(std::string)>;

  AckServer(UniqueFd listening, Record record);

  void add_polls(std::vector<pollfd>& polls) const;
  /// Serves the descriptors that are ready in the polls that add_polls() appended at `first`.
  void serve(const std::vector<pollfd>& polls, std::size_t first);

 private:
  struct Client {
    UniqueFd fd;
    std::string pending;
  };

  bool serve_client(Client& client);

  UniqueFd listening_;
  Record record_;
  std::vector<Client> clients_;
};

/// A listening socket at `path`; a path that is too long for a socket's name is a Failure.
UniqueFd listen_for_acks(const std::string& path);

/// Sends one acknowledgement and returns when it is recorded; throws Failure when it isn't.
void send_ack(const std::string& socket_path, const std::string& text);

}  // namespace crashlab
