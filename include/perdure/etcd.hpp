// SPDX-License-Identifier: BSL-1.0
// A tracked state in etcd, for several machines.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/state_store.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// How a store reaches etcd, and how long it waits.
struct EtcdOptions {
  /// URLs of members of one cluster, "http://HOST:PORT" or "https://HOST:PORT". A call goes to the
  /// member that answered last. If that one does not answer, the next member is asked.
  std::vector<std::string> endpoints = {"http://127.0.0.1:2379"};
  std::string user{};      ///< Of etcd's own users; empty: without one.
  std::string password{};  ///< Never part of an error or of a process's arguments.
  /// PEM; the authorities that https trusts, instead of the system's.
  std::string ca_file{};
  std::string certificate_file{};  ///< PEM; of this client, where the cluster asks for one.
  std::string key_file{};          ///< PEM; the key of the certificate.
  std::chrono::milliseconds connect_timeout_ms{2000};  ///< Of one connection.
  std::chrono::milliseconds request_timeout_ms{5000};  ///< Of one request and its answer.
  std::chrono::milliseconds call_timeout_ms{15'000};   ///< Of a call of the store, with all tries.
  std::chrono::seconds lock_ttl_s{10};  ///< How long a lock outlives a holder that was killed.
  /// The largest state that is read or written. It is held in memory several times over, and the
  /// servers keep each save until they are compacted.
  std::uint64_t size_max = std::uint64_t{64} << 20U;
  /// Bytes of content in one request. A larger state is sent in parts before it is committed. The
  /// servers refuse requests above their --max-request-bytes (1.5 MiB), which count the rest, too.
  std::uint64_t part_size_max = std::uint64_t{1} << 20U;
};

/// A state and its generations under the keys PREFIX/... of a cluster of etcd 3.4 or later, over
/// its JSON gateway. Any number of programs on any number of machines may have it open.
///
/// A commit is one transaction that compares the state's key. The compare holds against everybody;
/// the lock is advice. It is a lease, which a thread keeps alive as long as the lock is held. To
/// release the lock takes a second at most: without an answer its lease ends by itself. When a
/// commit's answer is lost, the store finds out what became of the commit before it returns. It
/// knows the commit by the random token that is stored with the state (docs/stores.md).
/// `Durability::durable` stands for the cluster's promise: a majority of its members have written
/// the state to their disks. Members that run with --unsafe-no-fsync have not, and no client can
/// see that.
///
/// Opening asks one member for its version: ErrorKind::unsupported below 3.4,
/// ErrorKind::too_new where a later perdure has written the state. `prefix` is not empty and does
/// not end with '/'. `system` gives time and randomness, and must outlive the store. At most 48
/// previous generations are kept.
PERDURE_ETCD_API Result<std::unique_ptr<StateStore>> open_etcd_store(
    const std::string& prefix, const EtcdOptions& options = {}, System system = native_system());

}  // namespace perdure
