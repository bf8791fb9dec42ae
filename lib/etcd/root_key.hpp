// SPDX-License-Identifier: BSL-1.0
// The one key that decides which state is current: looks at it, and swaps its record.
//
//   E1  A swap compares the key's mod_revision and its value. The revision counts up with each put
//       of the cluster; the value has a random token, so that a cluster which was set back to a
//       backup, and counts the same numbers again, has no revision that was there before.
//   E2  The key is never deleted: where there is no state its record says so. A request that
//       expects "no key" can't be done any more once there was one.
//   E3  A swap is sent once. When its answer is lost, find_out() tells what became of it:
//       the new token is there:             done
//       the old record, the old revision:   fence() puts the same record again, under the next
//                                           revision. The late request fails its compare from then
//                                           on: not done, and tried again
//       the old record, another revision:   somebody has fenced already: the same
//       another record:                     done if the new token is among the records of other
//                                           generations, otherwise unknown
#pragma once

#include <cstdint>
#include <string>

#include <perdure/error.hpp>
#include <perdure/state_store.hpp>

#include "etcd/client.hpp"
#include "etcd/keys.hpp"
#include "etcd/wire.hpp"

namespace perdure::etcd {

/// The key at one moment.
struct RootLook {
  Buffer value{};                  ///< Its bytes; none where there is no key.
  std::uint64_t mod_revision = 0;  ///< 0 where there is no key.
  StateRecord record{};

  [[nodiscard]] Revision revision() const { return {record.absent ? std::string() : record.token}; }
  [[nodiscard]] bool is_same_state(const RootLook& other) const {
    return record.absent ? other.record.absent : record == other.record;
  }
};

/// The end of a swap.
struct Swapped {
  enum class End {
    done,       ///< The new record is in place, or was until somebody replaced it.
    overtaken,  ///< Another record is there. Nothing was done.
    hindered,   ///< The record was the expected one, and another compare failed. Nothing was done.
  };
  End end = End::done;
  RootLook now{};
};

class RootKey {
 public:
  using Deadline = Client::Deadline;

  RootKey(Client& client, const Keys& keys, Environment& environment)
      : client_(client), keys_(keys), environment_(environment) {}

  Result<RootLook> look(Deadline deadline);
  /// Puts `next`, which has a new token, in the place of what was `seen`, and does the rest of the
  /// transaction with it. An error has the fate `unchanged`, and then it holds for good, or
  /// `unknown`.
  Result<Swapped> swap(RootLook seen, const StateRecord& next, const Txn& rest, Deadline deadline);

  /// 32 random digits.
  Result<std::string> draw_token();

 private:
  enum class Became { done, undone };

  Result<RootLook> parse(const std::vector<KeyValue>& keys) const;
  Result<Became> find_out(RootLook& seen, const StateRecord& next, Deadline deadline);
  Result<bool> was_done(const StateRecord& next, Deadline deadline);

  Client& client_;
  const Keys& keys_;
  Environment& environment_;
};

}  // namespace perdure::etcd
