// SPDX-License-Identifier: BSL-1.0
// The one key that decides which state is current: looks at it, and swaps its record.
//
//   E1  A swap compares the key's value, which is never put twice: each commit has a random token
//       in it, and a fence counts up. Revisions of the cluster would not do: a cluster that was set
//       back to a backup counts the same numbers again.
//   E2  The key is never deleted: where there is no state its record says so. A request that
//       expects "no key" can't be done any more once there was one.
//   E3  A swap is sent once. When its answer is lost, find_out() tells what became of it:
//       the new token is there:             done
//       the old state, as it was:           a fence puts it again, with the next count. The late
//                                           request fails its compare from then on: not done, and
//                                           tried again
//       the old state, put again since:     somebody has fenced already: the same
//       another state:                      done if the new token is among the previous generations
//                                           or the damaged states, otherwise unknown
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
  Buffer value{};  ///< Its bytes; none where there is no key.
  RootRecord record{};

  [[nodiscard]] Revision revision() const {
    return {record.state.absent ? std::string() : record.state.token};
  }
  /// Whether both have the same state. All looks without a state count as the same.
  [[nodiscard]] bool has_same_state(const RootLook& other) const {
    return record.state.absent ? other.record.state.absent : record.state == other.record.state;
  }
  /// Whether a commit that follows this look would be the same after the other one.
  [[nodiscard]] bool is_same(const RootLook& other) const {
    return has_same_state(other) && record.previous == other.record.previous;
  }
};

/// The end of a swap.
struct Swapped {
  enum class End {
    done,       ///< The new record is in place, or was until somebody replaced it.
    overtaken,  ///< Another state is there. Nothing was done.
    hindered,   ///< The state is the expected one, but a previous generation was set aside, or
                ///< another compare failed. Nothing was done.
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
  /// Puts `next`, which has a new token, in the place of the record that was `seen`, and does the
  /// rest of the transaction with it. An error has the fate `unchanged`, and then it holds for
  /// good, or `unknown`.
  Result<Swapped> swap(RootLook seen, const RootRecord& next, const Txn& rest, Deadline deadline);

  /// 32 random digits.
  Result<std::string> draw_token();

 private:
  enum class Became { done, undone };

  Result<RootLook> parse(const std::vector<KeyValue>& keys) const;
  Result<Became> find_out(RootLook& seen, const std::string& token, Deadline deadline);
  Result<bool> was_done(const RootLook& now, const std::string& token, Deadline deadline);

  Client& client_;
  const Keys& keys_;
  Environment& environment_;
};

}  // namespace perdure::etcd
