// SPDX-License-Identifier: BSL-1.0
// A proxy between a store and its server, which cuts connections at a moment of choice.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace perdure::test {

/// The fate of the next request that puts something.
enum class Cut {
  nothing,  ///< It goes through, and so does its answer.
  request,  ///< The connection ends before the server has the request.
  answer,   ///< The connection ends when the server has answered.
  late,     ///< The connection ends at once, and the server gets the request some time later.
};

/// Passes bytes on between a port of its own and the server's. The parts of it that run are joined
/// when it is destroyed.
class CuttingProxy {
 public:
  /// The server is at one of these ports. 0: the kernel chooses the proxy's own port.
  explicit CuttingProxy(std::vector<std::uint16_t> servers, std::uint16_t own_port = 0);
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  ~CuttingProxy();

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void cut_next(Cut cut) { next_ = cut; }
  /// Ends the connections that are open now.
  void cut_open() { cut_before_ = opened_.load(); }
  /// From now on nothing that servers send on the connections that are open now gets through.
  void mute_open() { mute_before_ = opened_.load(); }
  /// From now on every request has this answer, with the status 200, and the server none of them.
  /// An empty one ends that.
  void answer_all(std::string body);
  /// How many requests came.
  [[nodiscard]] unsigned requests() const { return requests_; }
  /// From now on each request of so many is cut, in each way in turn.
  void cut_each(unsigned requests) { each_ = requests; }
  /// How many requests were cut.
  [[nodiscard]] unsigned cuts() const { return cuts_; }
  /// How many of them the server got late, and has answered.
  [[nodiscard]] unsigned late_requests() const { return late_; }

 private:
  /// A connection or a late request, and whether it has ended.
  struct Work {
    std::atomic<bool> ended = false;
    std::thread thread;
  };

  void accept_all();
  /// False when it is over: the work is not begun.
  template <class Function>
  bool start(Function work);
  void serve(int client);
  /// The fate of a request that puts something.
  Cut draw_cut();
  void send_late(const std::string& request);
  [[nodiscard]] int connect_server() const;
  [[nodiscard]] std::string own_answer();

  std::vector<std::uint16_t> servers_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> over_ = false;
  std::atomic<Cut> next_ = Cut::nothing;
  std::atomic<unsigned> requests_ = 0;
  std::atomic<unsigned> cuts_ = 0;
  std::atomic<unsigned> opened_ = 0;
  std::atomic<unsigned> cut_before_ = 0;   // connections with lower numbers end
  std::atomic<unsigned> mute_before_ = 0;  // those hear nothing
  std::atomic<unsigned> late_ = 0;
  std::atomic<unsigned> each_ = 0;
  std::atomic<unsigned> puts_ = 0;
  std::mutex mutex_;
  std::string own_answer_;
  std::list<Work> works_;
  std::thread acceptor_;
};

}  // namespace perdure::test
