// SPDX-License-Identifier: BSL-1.0
// The file system and environment of the operating system.
#pragma once

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// The two seams below the engine, passed together. Does not own them: both must outlive whoever
/// was given them.
struct System {
  FileSystem* files = nullptr;
  Environment* environment = nullptr;
};

/// Linux. Without state, so that one serves every thread; lives until the program ends.
[[nodiscard]] FileSystem& native_file_system() noexcept;
/// The kernel's clocks and its random numbers.
[[nodiscard]] Environment& native_environment() noexcept;

/// The system that every call uses unless it is told otherwise.
[[nodiscard]] inline System native_system() noexcept {
  return {&native_file_system(), &native_environment()};
}

}  // namespace perdure
