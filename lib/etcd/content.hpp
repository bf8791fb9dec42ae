// SPDX-License-Identifier: BSL-1.0
// The bytes of states, in parts below their tokens: sends, reads and clears them.
//
//   E4  Parts are put before, or with, the record that names their token, and erased with the last
//       record that does.
//   E5  Parts that are sent before their commit are claimed by an upload key under a lease. The
//       commit expects that key and erases it; clear() erases only what has neither a record nor a
//       claim, and expects that both stay so. A content that was cleared is never committed.
#pragma once

#include <cstdint>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/state_store.hpp>

#include "etcd/client.hpp"
#include "etcd/keys.hpp"
#include "etcd/root_key.hpp"
#include "etcd/wire.hpp"

namespace perdure::etcd {

class Content {
 public:
  using Deadline = Client::Deadline;

  Content(Client& client, const Keys& keys, const EtcdOptions& options)
      : client_(client), keys_(keys), options_(options) {}

  /// Makes the content a part of the commit: as puts in `txn`, or sent now and expected by `txn`.
  /// Says in `record` in how many parts it lies.
  Result<void> send(Bytes image, StateRecord& record, Txn& txn, Deadline deadline);
  /// The bytes of a record. Where parts are missing the rest is returned, for its reader to find
  /// damaged: a record of nothing readable is evidence, too.
  Result<Buffer> read(const StateRecord& record, Deadline deadline);
  /// Erases what killed commits have sent.
  Result<void> clear(Deadline deadline);

 private:
  Result<std::uint64_t> claim(const StateRecord& record, Deadline deadline);
  [[nodiscard]] Error send_failure(Error error) const;

  Client& client_;
  const Keys& keys_;
  const EtcdOptions& options_;
};

}  // namespace perdure::etcd
