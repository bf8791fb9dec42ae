// SPDX-License-Identifier: BSL-1.0
// A server of etcd of the test's own: on loopback ports, in a directory of its own.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <perdure/etcd.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/program.hpp"
#include "support/rounds.hpp"

namespace perdure::test {

/// Whether there is an etcd to start. Otherwise the test says that it is skipped, and returns.
inline bool has_etcd() {
  static const bool has = run({"setpriv", "--pdeathsig", "KILL", "etcd", "--version"}).status == 0;
  if (!has) skip("etcd is not installed: scripts/setup etcd installs it");
  return has;
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A port of the loopback that nobody listens at. A server binds it later, and connections of other
/// programs take ports from 32768 on (ip_local_port_range): so it lies below.
inline std::uint16_t free_port() {
  static std::random_device entropy;
  std::uniform_int_distribution<std::uint16_t> ports(10'000, 32'767);
  for (int i = 0; i < 1'000; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(ports(entropy));
    const bool bound =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(socket);
    if (bound) return ntohs(address.sin_port);
  }
  throw std::runtime_error("no free port");
}

/// One server. A test that is killed leaves none: it gets the signal, too.
class EtcdServer {
 public:
  EtcdServer() : EtcdServer({}, {}) {}
  /// More arguments for each start, and as whom clients come. With a file of authorities they come
  /// by TLS.
  EtcdServer(std::vector<std::string> more, EtcdOptions clients)
      : more_(std::move(more)), clients_(std::move(clients)), peer_(free_port()) {
    start();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const {
    return (clients_.ca_file.empty() ? "http" : "https") +
           ("://127.0.0.1:" + std::to_string(port_));
  }
  /// Returns when it has stopped, if that is the signal.
  void send(int signal) const {
    process_->send(signal);
    if (signal == SIGSTOP) process_->wait_stopped();
  }
  /// Ends it at once; what it acknowledged is in its directory.
  void kill() {
    process_->send(SIGKILL);
    process_->wait();
    process_.reset();
  }
  /// Starts it again on what it has, at another port.
  void start() { start(free_port()); }
  void start(std::uint16_t port) {
    port_ = port;
    const std::string peer = "http://127.0.0.1:" + std::to_string(peer_);
    std::vector<std::string> arguments = {"setpriv",
                                          "--pdeathsig",
                                          "KILL",
                                          "etcd",
                                          "--data-dir",
                                          at_.file("data"),
                                          "--listen-client-urls",
                                          url(),
                                          "--advertise-client-urls",
                                          url(),
                                          "--listen-peer-urls",
                                          peer,
                                          "--initial-advertise-peer-urls",
                                          peer,
                                          "--initial-cluster",
                                          "default=" + peer,
                                          "--logger",
                                          "zap",
                                          "--log-level",
                                          "error"};
    arguments.insert(arguments.end(), more_.begin(), more_.end());
    process_ = std::make_unique<Program>(Start{.arguments = arguments});
    // Opening a store waits until the server answers, or says why it does not.
    const auto opened = open_etcd_store("probe", patient());
    if (!opened) throw std::runtime_error(opened.error().message());
  }

  /// Options of a store there that waits as long as a slow machine needs.
  [[nodiscard]] EtcdOptions patient() const {
    EtcdOptions options = clients_;
    options.endpoints = {url()};
    options.request_timeout_ms = seconds(20);
    options.call_timeout_ms = seconds(60);
    return options;
  }
  static std::chrono::milliseconds seconds(double count) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * within(count)));
  }

 private:
  TempDirectory at_{Medium::memory};
  std::vector<std::string> more_;
  EtcdOptions clients_;
  std::uint16_t peer_ = 0;
  std::uint16_t port_ = 0;
  std::unique_ptr<Program> process_;
};

/// A cluster of three members, each of which can be killed and started again on what it has.
class EtcdCluster {
 public:
  static constexpr unsigned size = 3;

  EtcdCluster() {
    std::string all;
    for (Member& member : members_) {
      member.client = free_port();
      member.peer = free_port();
      all += (all.empty() ? "" : ",") + name_of(member) + "=" + url_of(member.peer);
    }
    all_ = all;
    for (unsigned i = 0; i < members_.size(); ++i) start(i);
    wait_for(patient());
  }

  [[nodiscard]] std::string url(unsigned which) const { return url_of(members_.at(which).client); }
  void kill(unsigned which) {
    members_.at(which).process->send(SIGKILL);
    members_.at(which).process->wait();
    members_.at(which).process.reset();
  }
  void start(unsigned which) {
    Member& member = members_.at(which);
    const std::string client = url_of(member.client);
    const std::string peer = url_of(member.peer);
    member.process = std::make_unique<Program>(Start{.arguments = {"setpriv",
                                                                   "--pdeathsig",
                                                                   "KILL",
                                                                   "etcd",
                                                                   "--name",
                                                                   name_of(member),
                                                                   "--data-dir",
                                                                   at_.file(name_of(member)),
                                                                   "--listen-client-urls",
                                                                   client,
                                                                   "--advertise-client-urls",
                                                                   client,
                                                                   "--listen-peer-urls",
                                                                   peer,
                                                                   "--initial-advertise-peer-urls",
                                                                   peer,
                                                                   "--initial-cluster",
                                                                   all_,
                                                                   "--logger",
                                                                   "zap",
                                                                   "--log-level",
                                                                   "error"}});
  }
  /// Returns when this member takes requests.
  void wait_for(unsigned which) const {
    EtcdOptions options = patient();
    options.endpoints = {url_of(members_.at(which).client)};
    wait_for(options);
  }
  [[nodiscard]] EtcdOptions patient() const {
    EtcdOptions options;
    options.endpoints.clear();
    for (const Member& member : members_) options.endpoints.push_back(url_of(member.client));
    options.request_timeout_ms = EtcdServer::seconds(5);
    options.call_timeout_ms = EtcdServer::seconds(60);
    return options;
  }

 private:
  struct Member {
    std::uint16_t client = 0;
    std::uint16_t peer = 0;
    std::unique_ptr<Program> process;
  };

  static std::string name_of(const Member& member) { return "m" + std::to_string(member.peer); }
  static std::string url_of(std::uint16_t port) {
    return "http://127.0.0.1:" + std::to_string(port);
  }
  static void wait_for(const EtcdOptions& options) {
    const auto opened = open_etcd_store("probe", options);
    if (!opened) throw std::runtime_error(opened.error().message());
  }

  TempDirectory at_{Medium::memory};
  std::string all_;
  std::array<Member, size> members_;
};

}  // namespace perdure::test
