// SPDX-License-Identifier: BSL-1.0
// The address of a state: a file, or keys of a cluster of etcd.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <perdure/state_store.hpp>
#include <perdure/state_tracker.hpp>

namespace perdure::cli {

/// Whether it is etcd://HOST:PORT[,HOST:PORT...]/PREFIX, or the same with etcds:// for TLS.
[[nodiscard]] bool is_etcd_address(std::string_view address);

/// Opens that state. The user, the password and the certificate files come from the environment
/// (docs/etcd.md), never from the command line, where ps can see them.
Result<std::unique_ptr<StateStore>> open_etcd_address(const std::string& address,
                                                      std::uint64_t size_max, System system);

/// Refuses options of files for a state that is not in a file.
Result<void> check_address_options(const std::string& address, const FileStoreOptions& options);

/// Opens a tracker of the state at `address`.
template <class T, class S>
Result<StateTracker<T, S>> open_tracker(const std::string& address, const TrackerOptions& options,
                                        S serializer, T defaults, Migrations<S> migrations) {
  using Tracker = StateTracker<T, S>;
  if (!is_etcd_address(address)) {
    return Tracker::open(address, options, std::move(serializer), std::move(defaults),
                         std::move(migrations));
  }
  BOOST_OUTCOME_TRY(check_address_options(address, options.file));
  BOOST_OUTCOME_TRY(auto store, open_etcd_address(address, options.file.size_max, options.system));
  return Tracker::open(std::move(store), options, std::move(serializer), std::move(defaults),
                       std::move(migrations));
}

}  // namespace perdure::cli
