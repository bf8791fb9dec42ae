// SPDX-License-Identifier: BSL-1.0
#include "proxy.hpp"

#include <array>
#include <chrono>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <utility>

#include "server.hpp"

namespace perdure::test {
namespace {

constexpr int tick_ms = 20;  // how soon it notices that it is over

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// A request comes in two parts. By default the kernel would keep the second one back until the
/// first one is acknowledged, which takes 40 ms.
void send_at_once(int socket) {
  const int yes = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

/// The bytes that are there; empty at the end.
std::string receive(int socket) {
  std::array<char, 65'536> buffer{};
  const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

/// Closes a socket at the end of its block.
class Socket {
 public:
  explicit Socket(int socket) : socket_(socket) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (socket_ >= 0) ::close(socket_);
  }
  [[nodiscard]] int get() const { return socket_; }

 private:
  int socket_;
};

}  // namespace

CuttingProxy::CuttingProxy(std::vector<std::uint16_t> servers, std::uint16_t own_port)
    : servers_(std::move(servers)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(own_port);
  socklen_t size = sizeof(address);
  const bool listening =
      ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::listen(listener_, 64) == 0 &&
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!listening) throw std::runtime_error("no port for the proxy");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

CuttingProxy::~CuttingProxy() {
  {
    const std::lock_guard guard(mutex_);
    over_ = true;  // from now on nothing starts
  }
  acceptor_.join();
  for (Work& work : works_) work.thread.join();
  ::close(listener_);
}

template <class Function>
bool CuttingProxy::start(Function work) {
  const std::lock_guard guard(mutex_);
  if (over_) return false;
  for (auto one = works_.begin(); one != works_.end();) {
    if (one->ended) {
      one->thread.join();
      one = works_.erase(one);
    } else {
      ++one;
    }
  }
  Work& added = works_.emplace_back();
  added.thread = std::thread([&added, work] {
    work();
    added.ended = true;
  });
  return true;
}

void CuttingProxy::accept_all() {
  while (!over_) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, tick_ms) != 1) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0 && !start([this, client] { serve(client); })) ::close(client);
  }
}

Cut CuttingProxy::draw_cut() {
  const unsigned each = each_;
  const unsigned number = ++puts_;
  if (each != 0 && number % each == 0) return static_cast<Cut>(1 + number / each % 3);
  return next_.exchange(Cut::nothing);
}

int CuttingProxy::connect_server() const {
  for (const std::uint16_t port : servers_) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    send_at_once(server);
    const sockaddr_in address = loopback(port);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      return server;
    }
    ::close(server);
  }
  return -1;
}

void CuttingProxy::send_late(const std::string& request) {
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const Socket server(connect_server());
  if (server.get() >= 0 && send_all(server.get(), request)) {
    pollfd waiting{.fd = server.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&waiting, 1, 5000);
  }
  ++late_;
}

void CuttingProxy::answer_all(std::string body) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  const std::lock_guard guard(mutex_);
  own_answer_ = body.empty() ? body : head + body;
}

std::string CuttingProxy::own_answer() {
  const std::lock_guard guard(mutex_);
  return own_answer_;
}

void CuttingProxy::serve(int accepted) {
  const Socket client(accepted);
  const Socket server(connect_server());
  if (server.get() < 0) return;
  const unsigned number = opened_++;
  send_at_once(client.get());
  std::string request;  // since the last answer
  bool cut_answer = false;
  while (!over_ && number >= cut_before_) {
    std::array<pollfd, 2> waiting{pollfd{.fd = client.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = server.get(), .events = POLLIN, .revents = 0}};
    if (::poll(waiting.data(), waiting.size(), tick_ms) < 1) continue;
    if (waiting[0].revents != 0) {
      const std::string bytes = receive(client.get());
      if (bytes.empty()) return;
      if (request.empty()) ++requests_;
      request += bytes;
      if (const std::string own = own_answer(); !own.empty()) {
        if (!request.ends_with('}')) continue;  // all bodies end like this
        request.clear();
        if (!send_all(client.get(), own)) return;
        continue;
      }
      const bool puts = request.find("requestPut") != std::string::npos;
      const Cut cut = puts ? draw_cut() : Cut::nothing;
      if (cut != Cut::nothing) ++cuts_;
      if (cut == Cut::request) return;
      if (cut == Cut::late) {
        (void)start([this, request] { send_late(request); });
        return;
      }
      cut_answer = cut_answer || cut == Cut::answer;
      if (!send_all(server.get(), bytes)) return;
    }
    if (waiting[1].revents != 0) {
      const std::string bytes = receive(server.get());
      if (!bytes.empty() && number < mute_before_) continue;
      if (bytes.empty() || cut_answer || !send_all(client.get(), bytes)) return;
      request.clear();
    }
  }
}

}  // namespace perdure::test
