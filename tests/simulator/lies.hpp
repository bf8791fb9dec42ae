// SPDX-License-Identifier: BSL-1.0
// File systems that lie: what mutants put between the engine and the disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <perdure/testing/explore.hpp>
#include <perdure/testing/forwarding_file_system.hpp>

namespace perdure::test {

struct Lying : testing::ForwardingFileSystem {
  explicit Lying(testing::SimulatedFileSystem& below) : ForwardingFileSystem(below), disk(below) {}
  testing::SimulatedFileSystem& disk;  // NOLINT: for what lies beyond the seam
};

template <class T>
testing::Layer lying() {
  return [](testing::SimulatedFileSystem& disk) -> std::unique_ptr<FileSystem> {
    return std::make_unique<T>(disk);
  };
}

}  // namespace perdure::test
