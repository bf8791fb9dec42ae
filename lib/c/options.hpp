// SPDX-License-Identifier: BSL-1.0
// The arguments of the C interface, checked and put into the types of C++.
#pragma once

#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/perdure.h>
#include <perdure/root_options.hpp>
#include <perdure/tracker_options.hpp>
#include <perdure/transaction_options.hpp>

namespace perdure::c {

/// A null pointer means the defaults. A call without defaults refuses it as a wrong argument.
/// `step` is for the error.
Result<Path> path_of(const char* path, std::string_view step);
Result<Bytes> bytes_of(const void* bytes, std::size_t size, std::string_view step);
Result<Version> version_of(const char* version, std::string_view step);

Result<WriteOptions> options_of(const perdure_write_options* options, std::string_view step);
/// For a removal, which uses few of them.
Result<WriteOptions> remove_options_of(const perdure_write_options* options, std::string_view step);
Result<TransactionOptions> options_of(const perdure_root_options* options, std::string_view step);
/// For a root that is held open: it is always durable, and its protocol is the log.
Result<RootOptions> log_options_of(const perdure_root_options* options, std::string_view step);

struct StateSettings {
  TrackerOptions tracker;
  bool json = false;
};
Result<StateSettings> options_of(const perdure_state_options* options, std::string_view step);

}  // namespace perdure::c
