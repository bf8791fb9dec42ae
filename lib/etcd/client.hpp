// SPDX-License-Identifier: BSL-1.0
// Calls to a cluster: which member, how often, how long, and whether a call may have been done.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <perdure/error.hpp>
#include <perdure/etcd.hpp>
#include <perdure/lock_wait.hpp>
#include <perdure/system/environment.hpp>

#include "etcd/http.hpp"
#include "etcd/wire.hpp"

namespace perdure::etcd {

/// The cause where the server knows no such lease: it was revoked, or its time is over.
[[nodiscard]] std::error_code lease_ended() noexcept;

/// The end of one call that changes something.
struct Attempt {
  enum class End {
    answered,  ///< `answer` is the server's.
    undone,    ///< Nothing was sent, or the server refused before it did anything.
    lost,      ///< It was sent, and nobody knows whether it is done or will be.
  };
  End end = End::undone;
  Answer answer{};
  Error error{};  ///< Without a path.
};

/// The members of a cluster, one of which is asked at a time. For one thread at a time.
class Client {
 public:
  /// A moment of the environment's monotonic clock.
  using Deadline = std::chrono::nanoseconds;

  Client(const EtcdOptions& options, Environment& environment)
      : options_(options), environment_(environment), http_(options) {}

  /// The end of a call of the store that begins now.
  [[nodiscard]] Deadline deadline() const {
    return environment_.monotonic() + options_.call_timeout_ms;
  }
  /// The same for a call that takes no longer than `longest`.
  [[nodiscard]] Deadline deadline(std::chrono::milliseconds longest) const {
    return environment_.monotonic() + std::min(longest, options_.call_timeout_ms);
  }
  [[nodiscard]] bool is_over(Deadline deadline) const {
    return environment_.monotonic() >= deadline;
  }

  /// Calls from now on end soon after `stop` says so, with the cause
  /// std::errc::operation_canceled.
  void stop_when(StopCondition stop) { stop_ = std::move(stop); }

  /// A call that may be done several times, by one member after the other until the deadline.
  Result<Answer> ask(std::string_view path, const std::string& body, Deadline deadline);
  Result<Answer> ask(const Txn& txn, Deadline deadline);
  /// A call that is sent once: tried again only while nothing was sent.
  Attempt tell(std::string_view path, const std::string& body, Deadline deadline);
  Attempt tell(const Txn& txn, Deadline deadline);
  /// A lease that begins now.
  Result<std::uint64_t> grant_lease(std::chrono::seconds ttl_s, Deadline deadline);
  /// Makes the lease begin anew. Without an answer it ends when its time is over, as it should.
  void keep_lease(std::uint64_t lease, Deadline deadline);
  /// Ends the lease. Waits a second at most, whatever `stop` says: without an answer the lease ends
  /// by itself.
  void end_lease(std::uint64_t lease);
  /// A call whose answer is a stream of lines. It goes to the member that answered last, as the
  /// user of the last call.
  [[nodiscard]] std::unique_ptr<HttpStream> stream(std::string_view path, std::string body) const;
  /// Lets a random time pass, longer from try to try, or until it shall stop.
  void pause(unsigned tries, Deadline deadline);

 private:
  Attempt once(std::string_view path, const std::string& body, Deadline deadline);
  Attempt post(std::string_view path, const std::string& body, Deadline deadline);
  Attempt authenticate(Deadline deadline);
  void next_endpoint() { endpoint_ = (endpoint_ + 1) % options_.endpoints.size(); }

  const EtcdOptions& options_;
  Environment& environment_;
  HttpClient http_;
  std::size_t endpoint_ = 0;
  std::string token_;  ///< Of the user.
  StopCondition stop_{};
};

}  // namespace perdure::etcd
