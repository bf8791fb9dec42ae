// SPDX-License-Identifier: BSL-1.0
// Takes a key that nobody has, and keeps it alive while it is needed.
#include "etcd/lease_lock.hpp"

#include <algorithm>
#include <utility>

#include "base/make_error.hpp"

namespace perdure::etcd {
namespace {

constexpr std::string_view step = "take the state's lock";

Error at_step(Error error, const Keys& keys) {
  error.step = step;
  error.path = keys.prefix();
  error.reading = false;
  return error;
}

/// A try; false where somebody else holds it.
Result<bool> try_key(Client& client, const Keys& keys, std::uint64_t lease) {
  const std::string own = std::to_string(lease);
  Txn txn;
  txn.expect_missing(keys.lock());
  txn.put(keys.lock(), as_bytes(own), lease);
  txn.otherwise_read(keys.lock());
  BOOST_OUTCOME_TRY(const Answer found, client.ask(txn, client.deadline()));
  if (found.succeeded) return true;
  // The answer to an earlier try of ours may have been lost.
  return !found.reads.front().empty() && as_text(found.reads.front().front().value) == own;
}

/// As long as it lives, the calls of a client end when a wait shall stop.
class Stopping {
 public:
  Stopping(Client& client, const StopCondition& stop) : client_(client) { client_.stop_when(stop); }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping() { client_.stop_when({}); }

 private:
  Client& client_;
};

bool is_stop(const Error& error) {
  return error.cause == std::errc::operation_canceled;
}

}  // namespace

LeaseLock::LeaseLock(EtcdOptions options, Environment& environment, std::uint64_t lease)
    : options_(std::move(options)), client_(options_, environment), lease_(lease) {
  client_.stop_when([this] { return over_.load(); });
  keeper_ = std::thread([this] { keep_alive(); });
}

LeaseLock::~LeaseLock() {
  if (!made_by_.this_process()) {
    keeper_.detach();  // the thread is not there, and the lease is the parent's
    return;
  }
  {
    const std::lock_guard guard(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  keeper_.join();
  client_.end_lease(lease_);
}

/// A lease that was lost is not taken again: others may have had the lock since.
void LeaseLock::keep_alive() {
  const auto pause = std::max<std::chrono::milliseconds>(
      std::chrono::milliseconds(options_.lock_ttl_s) / 3, std::chrono::milliseconds(100));
  std::unique_lock guard(mutex_);
  while (!changed_.wait_for(guard, pause, [&] { return over_.load(); })) {
    guard.unlock();
    client_.keep_lease(lease_, client_.deadline());
    guard.lock();
  }
}

Result<std::unique_ptr<StateStore::Lock>> take_lease_lock(Client& client, const Keys& keys,
                                                          const EtcdOptions& options,
                                                          Environment& environment,
                                                          const LockWait& wait) {
  const auto began = environment.monotonic();
  const Stopping stopping(client, wait.stop);
  auto lease = client.grant_lease(options.lock_ttl_s, client.deadline());
  bool stopped = !lease && is_stop(lease.error());
  for (unsigned tries = 1; lease; ++tries) {
    auto taken = try_key(client, keys, lease.value());
    if (taken && taken.value()) {
      return std::make_unique<LeaseLock>(options, environment, lease.value());
    }
    // A process that was stopped while it waited may have lost its lease.
    const bool lost = !taken && taken.error().cause == lease_ended();
    stopped = wait.stop.is_met();
    if (!taken && !lost && !stopped) return at_step(std::move(taken.error()), keys);
    const auto waited =
        std::chrono::floor<std::chrono::milliseconds>(environment.monotonic() - began);
    if (stopped || waited >= wait.timeout_ms) break;
    client.pause(tries, client.deadline());
    if (lost) {
      lease = client.grant_lease(options.lock_ttl_s, client.deadline());
      stopped = !lease && is_stop(lease.error());
    } else {  // a waiting caller keeps its lease alive, too
      client.keep_lease(lease.value(), client.deadline());
    }
  }
  if (!lease && !stopped) return at_step(std::move(lease.error()), keys);
  if (lease) client.end_lease(lease.value());
  return make_error(step, keys.prefix(), stopped ? ErrorKind::stopped : ErrorKind::lock_timeout,
                    "another program has this state open or is saving it");
}

}  // namespace perdure::etcd
