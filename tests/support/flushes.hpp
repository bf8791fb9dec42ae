// SPDX-License-Identifier: BSL-1.0
// How often a program asked the disk to make something durable.
#pragma once

#include <cstdint>

#include <perdure/testing/faulty_file_system.hpp>

namespace perdure::test {

/// Every call that flushes the disk's cache, or writes past it.
inline std::uint64_t flushes(const testing::FaultyFileSystem& files) {
  using testing::Operation;
  std::uint64_t sum = 0;
  for (const Operation operation :
       {Operation::sync_file, Operation::sync_data, Operation::sync_directory,
        Operation::sync_file_system, Operation::write_through}) {
    sum += files.calls(operation);
  }
  return sum;
}

}  // namespace perdure::test
