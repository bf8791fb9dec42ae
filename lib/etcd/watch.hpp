// SPDX-License-Identifier: BSL-1.0
// Hears changes of a state's key, over a connection of its own.
#pragma once

#include <memory>
#include <string>

#include <perdure/state_store.hpp>

#include "etcd/client.hpp"
#include "etcd/http.hpp"

namespace perdure::etcd {

/// One watch of etcd, at one member. It works on the thread that waits, and has none of its own.
class KeyWatch final : public StateStore::Watch {
 public:
  KeyWatch(EtcdOptions options, Environment& environment)
      : options_(std::move(options)), client_(options_, environment), environment_(environment) {}

  /// Returns when the member has begun to watch; false where none does.
  bool begin(const std::string& key);
  Heard wait(const LockWait& wait) override;

 private:
  EtcdOptions options_;
  Client client_;
  Environment& environment_;
  std::unique_ptr<HttpStream> stream_;
};

}  // namespace perdure::etcd
