// SPDX-License-Identifier: BSL-1.0
// The bytes of states, in parts below their names: sends, reads and clears them.
//
//   E4  Parts are put before, or with, the first record that names them. The commit that removes
//       the last such record erases them, or puts its own content of one part in their place. So
//       the content of a state stays the same as long as any record names it.
//   E5  Parts that are sent before their commit are claimed by an upload key under a lease. The
//       commit expects that key and erases it; clear() erases only what has neither a record nor a
//       claim, and expects that both stay so. A content that was cleared is never committed.
#pragma once

#include <cstdint>
#include <vector>

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

  /// Says in `state` in how many parts the content will lie. Sends one of several parts now, under
  /// the state's token, and has `txn` expect it.
  Result<void> send(Bytes image, StateRecord& state, Txn& txn, Deadline deadline);
  /// Makes a content that was not sent ahead a part of the commit. If it can, it puts the content
  /// in the place of one in `freed`; it erases the others. Names the content in `state`.
  void put(Bytes image, StateRecord& state, const std::vector<StateRecord>& freed, Txn& txn) const;
  /// The bytes of a record. Where parts are missing, the rest is returned, and its reader finds it
  /// damaged: such a record is evidence, too.
  Result<Buffer> read(const StateRecord& state, Deadline deadline);
  /// Erases the parts that killed commits have sent.
  Result<void> clear(Deadline deadline);

 private:
  Result<std::uint64_t> claim(const StateRecord& state, Deadline deadline);
  [[nodiscard]] Error send_failure(Error error) const;

  Client& client_;
  const Keys& keys_;
  const EtcdOptions& options_;
};

}  // namespace perdure::etcd
