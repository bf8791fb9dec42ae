// SPDX-License-Identifier: BSL-1.0
// The way from a SimulatedFileSystem to the simulation behind it.
#pragma once

#include <memory>
#include <utility>

#include <perdure/testing/simulated_file_system.hpp>

#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

/// For the explorer alone.
struct SimulationAccess {
  static Simulation& of(SimulatedFileSystem& files) { return *files.simulation_; }
  static std::unique_ptr<SimulatedFileSystem> make(Disk disk) {
    return std::unique_ptr<SimulatedFileSystem>(
        new SimulatedFileSystem(std::make_unique<Simulation>(std::move(disk))));
  }
};

}  // namespace perdure::testing
