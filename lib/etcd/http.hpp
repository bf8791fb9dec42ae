// SPDX-License-Identifier: BSL-1.0
// One HTTP request at a time, and whether it was sent.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <perdure/etcd.hpp>
#include <perdure/lock_wait.hpp>

namespace perdure {

/// The cause where one side refuses the other's certificate, password or token. To try again does
/// not help.
[[nodiscard]] std::error_code key_rejected() noexcept;

/// The end of a request.
struct HttpOutcome {
  long status = 0;  ///< Of the answer; 0 where there is none.
  std::string body{};
  bool sent = false;  ///< Some of the request may have reached the server.
  std::error_code cause{};
  std::string words{};  ///< Of the library, for people.
};

/// A request whose answer goes on, line by line, whenever the server has news. For one thread at a
/// time.
class HttpStream {
 public:
  HttpStream(const EtcdOptions& options, const std::string& url, std::string body,
             const std::string& authorization);
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;
  ~HttpStream();

  /// Receives for `timeout_ms`, or until a line is there.
  void run(std::chrono::milliseconds timeout_ms);
  /// The next line that is there, without its end.
  std::optional<std::string> take_line();
  /// Whether no more lines will come than are there.
  [[nodiscard]] bool is_over() const;

 private:
  struct Transfer;
  std::unique_ptr<Transfer> transfer_;
};

/// Keeps connections to the servers open. For one thread at a time.
class HttpClient {
 public:
  explicit HttpClient(const EtcdOptions& options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Posts `body` once: where a connection ends, nothing is sent again. `authorization` may be
  /// empty. Without an answer it ends soon after `stop` says so, with the cause
  /// std::errc::operation_canceled.
  HttpOutcome post(const std::string& url, std::string_view body, const std::string& authorization,
                   std::chrono::milliseconds timeout_ms, const StopCondition& stop = {});

 private:
  struct Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace perdure
