// SPDX-License-Identifier: BSL-1.0
// The store in etcd, for the tracker's suite: all its states are on one server.
#include "server.hpp"
#include "state/suite.hpp"

namespace perdure::test {

std::vector<StoreKind> store_kinds() {
  if (!has_etcd()) return {};
  static const EtcdServer server;
  const auto open = [](const std::string& state) {
    return open_etcd_store(state, server.patient());
  };
  return {{.name = "etcd", .open = open}};
}

}  // namespace perdure::test
