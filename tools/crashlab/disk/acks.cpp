// SPDX-License-Identifier: BSL-1.0
// Takes acknowledgements over a socket.
#include "disk/acks.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace crashlab {
namespace {

constexpr std::size_t line_max = 4096;
constexpr std::size_t clients_max = 256;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Failure(path + ": too long for a socket's name; choose a shorter --state-dir");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

void answer(int fd, std::string_view text) {
  // A client may have gone, or may not read: the disk must not wait for it.
  [[maybe_unused]] const ssize_t sent =
      ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

AckServer::AckServer(UniqueFd listening, Record record)
    : listening_(std::move(listening)), record_(std::move(record)) {}

void AckServer::add_polls(std::vector<pollfd>& polls) const {
  polls.push_back({listening_.get(), POLLIN, 0});
  for (const Client& client : clients_) polls.push_back({client.fd.get(), POLLIN, 0});
}

void AckServer::serve(const std::vector<pollfd>& polls, std::size_t first) {
  for (std::size_t i = clients_.size(); i-- > 0;) {
    if (polls[first + 1 + i].revents == 0) continue;
    if (!serve_client(clients_[i]))
      clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (polls[first].revents != 0) {
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd && clients_.size() < clients_max) clients_.push_back({std::move(fd), {}});
  }
}

bool AckServer::serve_client(Client& client) {
  char block[1024];
  const ssize_t count = ::read(client.fd.get(), block, sizeof block);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  client.pending.append(block, static_cast<std::size_t>(count));
  for (std::size_t end; (end = client.pending.find('\n')) != std::string::npos;) {
    std::string line = client.pending.substr(0, end);
    client.pending.erase(0, end + 1);
    const bool recorded = record_(std::move(line));
    answer(client.fd.get(), recorded ? "ok\n" : "error: nothing is being recorded\n");
  }
  if (client.pending.size() <= line_max) return true;
  answer(client.fd.get(), "error: the line is longer than 4096 bytes\n");
  return false;
}

UniqueFd listen_for_acks(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd fd(must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
       "bind " + path);
  must(::listen(fd.get(), 64), "listen on " + path);
  return fd;
}

void send_ack(const std::string& socket_path, const std::string& text) {
  if (text.find('\n') != std::string::npos) throw Failure("an acknowledgement is one line");
  const sockaddr_un address = address_of(socket_path);
  const UniqueFd fd(must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  must(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
       "connect to the laboratory at " + socket_path);
  write_all(fd.get(), text + "\n", "send the acknowledgement");
  std::string reply;
  char byte = 0;
  while (reply.find('\n') == std::string::npos) {
    const ssize_t count = ::read(fd.get(), &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      throw Failure("the laboratory went away before the acknowledgement was recorded");
    reply += byte;
  }
  if (reply != "ok\n") throw Failure(reply.substr(0, reply.size() - 1));
}

}  // namespace crashlab
