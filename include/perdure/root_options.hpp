// SPDX-License-Identifier: BSL-1.0
// How a root is held open.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <perdure/options.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// How a Root commits. The defaults are for small files that change often.
struct RootOptions {
  /// As TransactionOptions::private_directory; the log lies there, too.
  std::string private_directory = ".perdure";
  Metadata metadata = Metadata::preserve();
  /// As TransactionOptions::refuse_read_only.
  bool refuse_read_only = false;
  /// How long to wait for another holder of the root; 0 tries once.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// Bytes of each of the log's two segments, from 8 KiB to 1 GiB, in whole blocks of 4096. When
  /// one is full, what it published is settled. A log that is there keeps its size.
  std::uint64_t segment_size = std::uint64_t{4} << 20U;
  /// A commit with more bytes of new content than this goes through a journal, as that of a
  /// Transaction without a Root does; so does one that does not fit a segment.
  std::uint64_t record_size_max = std::uint64_t{1} << 20U;
  System system = native_system();
};

}  // namespace perdure
