// SPDX-License-Identifier: BSL-1.0
// Goes from member to member, and tells a refusal from a lost answer.
#include "etcd/client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>

#include "base/make_error.hpp"
#include "state/pause.hpp"

namespace perdure::etcd {
namespace {

constexpr std::string_view step = "ask etcd";
constexpr std::string_view txn_path = "/v3/kv/txn";

/// The codes of gRPC that the gateway hands on.
enum class Code {
  invalid_argument = 3,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  out_of_range = 11,
  unimplemented = 12,
  unauthenticated = 16
};

/// Whether this code means that the server did nothing. Other codes (it was stopped, it lost its
/// leader, it took too long) may come from a call that is done.
bool is_refusal(std::int64_t code) {
  switch (static_cast<Code>(code)) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::permission_denied:
    case Code::resource_exhausted:
    case Code::failed_precondition:
    case Code::out_of_range:
    case Code::unimplemented:
    case Code::unauthenticated:
      return true;
  }
  return false;
}

ErrorKind kind_of(std::int64_t code) {
  return static_cast<Code>(code) == Code::unimplemented ? ErrorKind::unsupported
                                                        : ErrorKind::system;
}

std::error_code refusal_cause(std::int64_t code, const std::string& words) {
  // etcd says this, as an invalid argument, to a call without a token.
  if (words.find("user name is empty") != std::string::npos) return key_rejected();
  switch (static_cast<Code>(code)) {
    case Code::permission_denied:
    case Code::unauthenticated:
      return key_rejected();
    case Code::not_found:
      return lease_ended();  // only leases are asked for by name
    case Code::resource_exhausted:
      return {EDQUOT, std::generic_category()};
    case Code::unimplemented:
      return {};
    default:
      return std::make_error_code(std::errc::invalid_argument);
  }
}

/// Whether the user's token has run out, or the cluster changed its users. Nothing was done then,
/// so the call may be made again with a new token.
bool wants_token(const Attempt& attempt) {
  return attempt.end == Attempt::End::undone &&
         (attempt.error.detail.find("invalid auth token") != std::string::npos ||
          attempt.error.detail.find("revision in header is old") != std::string::npos);
}

Attempt failed(Attempt::End end, ErrorKind kind, std::error_code cause, std::string words) {
  Attempt attempt;
  attempt.end = end;
  attempt.error = make_error(step, {}, kind, std::move(words));
  attempt.error.cause = cause;
  return attempt;
}

/// The end of a call whose answer is none that etcd gives.
Attempt misunderstood(const std::string& endpoint, const std::string& words) {
  return failed(Attempt::End::lost, ErrorKind::system, std::make_error_code(std::errc::io_error),
                endpoint + " does not answer as etcd does: " + words);
}

/// An answer of success has the status 200.
Attempt answered(const HttpOutcome& outcome, const std::string& endpoint) {
  if (outcome.status == 200) {
    auto answer = parse_answer(outcome.body);
    if (!answer) return misunderstood(endpoint, answer.error().detail);
    Attempt attempt;
    attempt.end = Attempt::End::answered;
    attempt.answer = std::move(answer.value());
    return attempt;
  }
  const auto refusal = parse_refusal(outcome.body);
  if (!refusal && outcome.status == 404) {
    return failed(Attempt::End::undone, ErrorKind::unsupported, {},
                  endpoint +
                      " has no gateway at /v3: etcd 3.4 or later is needed, with "
                      "--enable-grpc-gateway");
  }
  if (!refusal) return misunderstood(endpoint, "status " + std::to_string(outcome.status));
  const auto& [code, error, message] = refusal.value();
  const std::string& words = error.empty() ? message : error;
  auto cause = std::make_error_code(std::errc::io_error);
  if (is_refusal(code)) cause = refusal_cause(code, words);
  return failed(is_refusal(code) ? Attempt::End::undone : Attempt::End::lost, kind_of(code), cause,
                endpoint + " says: " + words);
}

}  // namespace

std::error_code lease_ended() noexcept {
  return {EKEYEXPIRED, std::generic_category()};
}

Attempt Client::post(std::string_view path, const std::string& body, Deadline deadline) {
  using std::chrono::milliseconds;
  const std::string& endpoint = options_.endpoints[endpoint_];
  const auto left = std::chrono::ceil<milliseconds>(deadline - environment_.monotonic());
  const auto timeout = std::min(options_.request_timeout_ms, left);
  if (timeout <= milliseconds(0)) {
    return failed(Attempt::End::undone, ErrorKind::system,
                  std::make_error_code(std::errc::timed_out), "the call has no time left");
  }
  const HttpOutcome outcome =
      http_.post(endpoint + std::string(path), body, token_, timeout, stop_);
  if (outcome.status != 0) return answered(outcome, endpoint);
  return failed(outcome.sent ? Attempt::End::lost : Attempt::End::undone, ErrorKind::system,
                outcome.cause, endpoint + ": " + outcome.words);
}

Attempt Client::authenticate(Deadline deadline) {
  token_.clear();
  const auto user = user_text(options_.user, options_.password);
  if (!user) {
    return failed(Attempt::End::undone, ErrorKind::system, key_rejected(),
                  "the name of the user, or the password, is not UTF-8");
  }
  Attempt attempt = post("/v3/auth/authenticate", user.value(), deadline);
  if (attempt.end == Attempt::End::answered) token_ = attempt.answer.token;
  // A wrong name or password is an invalid argument of this call.
  if (attempt.error.cause == std::errc::invalid_argument) attempt.error.cause = key_rejected();
  if (attempt.end == Attempt::End::lost) attempt.end = Attempt::End::undone;  // of the call itself
  return attempt;
}

Attempt Client::once(std::string_view path, const std::string& body, Deadline deadline) {
  if (!options_.user.empty() && token_.empty()) {
    Attempt attempt = authenticate(deadline);
    if (attempt.end != Attempt::End::answered) return attempt;
  }
  Attempt attempt = post(path, body, deadline);
  if (options_.user.empty() || !wants_token(attempt)) return attempt;
  Attempt again = authenticate(deadline);
  if (again.end != Attempt::End::answered) return again;
  return post(path, body, deadline);
}

void Client::pause(unsigned tries, Deadline deadline) {
  std::uint16_t drawn = 32'768;
  (void)environment_.random(std::as_writable_bytes(std::span(&drawn, 1)));  // or half of the time
  const std::chrono::nanoseconds longest =
      std::chrono::milliseconds(10) * (std::int64_t{1} << std::min(tries, 6U));
  const auto left = deadline - environment_.monotonic();
  pause_for(std::min<std::chrono::nanoseconds>(longest * drawn / 65'536, left), stop_,
            environment_);
}

Result<Answer> Client::ask(std::string_view path, const std::string& body, Deadline deadline) {
  for (unsigned tries = 1;; ++tries) {
    Attempt attempt = once(path, body, deadline);
    if (attempt.end == Attempt::End::answered) return std::move(attempt.answer);
    const bool refused = attempt.error.cause == std::errc::invalid_argument ||
                         attempt.error.cause == key_rejected() ||
                         attempt.error.cause == lease_ended() ||
                         attempt.error.kind == ErrorKind::unsupported;
    const bool stopped = attempt.error.cause == std::errc::operation_canceled;
    if (refused || stopped || is_over(deadline)) return reading(std::move(attempt.error));
    next_endpoint();
    if (tries % options_.endpoints.size() == 0) pause(tries, deadline);
    const bool told = stop_.is_met();
    if (told) attempt.error.cause = std::make_error_code(std::errc::operation_canceled);
    if (told || is_over(deadline)) return reading(std::move(attempt.error));
  }
}

Attempt Client::tell(std::string_view path, const std::string& body, Deadline deadline) {
  for (unsigned tries = 1;; ++tries) {
    Attempt attempt = once(path, body, deadline);
    if (attempt.end == Attempt::End::answered) return attempt;
    const bool unsent = attempt.end == Attempt::End::undone &&
                        (attempt.error.cause == std::errc::connection_refused ||
                         attempt.error.cause == std::errc::host_unreachable ||
                         attempt.error.cause == std::errc::timed_out ||
                         attempt.error.cause == std::errc::connection_reset);
    if (!unsent && attempt.end == Attempt::End::undone) return attempt;
    next_endpoint();
    if (!unsent || is_over(deadline)) return attempt;
    if (tries % options_.endpoints.size() == 0) pause(tries, deadline);
    if (stop_.is_met() || is_over(deadline)) return attempt;
  }
}

Result<Answer> Client::ask(const Txn& txn, Deadline deadline) {
  BOOST_OUTCOME_TRY(Answer answer, ask(txn_path, txn.text(), deadline));
  if (txn.is_answered_by(answer)) return answer;
  return reading(misunderstood(options_.endpoints[endpoint_], "members are missing").error);
}

Attempt Client::tell(const Txn& txn, Deadline deadline) {
  Attempt attempt = tell(txn_path, txn.text(), deadline);
  if (attempt.end != Attempt::End::answered || txn.is_answered_by(attempt.answer)) return attempt;
  return misunderstood(options_.endpoints[endpoint_], "members are missing");
}

std::unique_ptr<HttpStream> Client::stream(std::string_view path, std::string body) const {
  return std::make_unique<HttpStream>(options_, options_.endpoints[endpoint_] + std::string(path),
                                      std::move(body), token_);
}

Result<std::uint64_t> Client::grant_lease(std::chrono::seconds ttl_s, Deadline deadline) {
  const auto count = static_cast<std::uint64_t>(ttl_s.count());
  BOOST_OUTCOME_TRY(const Answer answer, ask("/v3/lease/grant", grant_text(count), deadline));
  if (answer.lease != 0) return answer.lease;
  return reading(misunderstood(options_.endpoints[endpoint_], "a lease is missing").error);
}

void Client::keep_lease(std::uint64_t lease, Deadline deadline) {
  (void)tell("/v3/lease/keepalive", lease_text(lease), deadline);
}

void Client::end_lease(std::uint64_t lease) {
  stop_when({});
  (void)tell("/v3/lease/revoke", lease_text(lease), deadline(std::chrono::seconds(1)));
}

}  // namespace perdure::etcd
