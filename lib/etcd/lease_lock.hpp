// SPDX-License-Identifier: BSL-1.0
// A lock that is a key under a lease: advice, since the lease may end before its holder knows.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <perdure/error.hpp>
#include <perdure/state_store.hpp>

#include "etcd/client.hpp"
#include "etcd/keys.hpp"
#include "linux/fork.hpp"

namespace perdure::etcd {

/// Holds the key, and keeps its lease alive by a thread with a connection of its own. The
/// destructor ends the lease. It waits a second for the answer; without one the lease ends by
/// itself. In a forked child it does neither.
class LeaseLock final : public StateStore::Lock {
 public:
  LeaseLock(EtcdOptions options, Environment& environment, std::uint64_t lease);
  LeaseLock(const LeaseLock&) = delete;
  LeaseLock& operator=(const LeaseLock&) = delete;
  ~LeaseLock() override;

 private:
  void keep_alive();

  const MadeBy made_by_{};
  EtcdOptions options_;
  Client client_;
  std::uint64_t lease_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> over_{false};
  std::thread keeper_;
};

/// Waits for the lock. ErrorKind::lock_timeout when the time is up, ErrorKind::stopped when
/// `wait.stop` says so.
Result<std::unique_ptr<StateStore::Lock>> take_lease_lock(Client& client, const Keys& keys,
                                                          const EtcdOptions& options,
                                                          Environment& environment,
                                                          const LockWait& wait);

}  // namespace perdure::etcd
