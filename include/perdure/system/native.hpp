// SPDX-License-Identifier: BSL-1.0
// The file system and environment of the operating system.
#pragma once

#include <perdure/detail/export.hpp>

namespace perdure {

class Environment;
class FileSystem;
class Observer;

/// The seams of the engine, passed together: the two below it, and the observer. Does not own them:
/// they must outlive every object that was given the System. A call takes it as its last argument;
/// by default that is the operating system. TransactionOptions, TrackerOptions and the like have it
/// as their last field instead: every call on one root or tracker has to use the same.
struct System {
  FileSystem* files = nullptr;         ///< <perdure/system/file_system.hpp>
  Environment* environment = nullptr;  ///< <perdure/system/environment.hpp>
  Observer* observer = nullptr;        ///< <perdure/system/observer.hpp>; null: nobody is told.
};

/// Linux. It has no state, so one object serves every thread; it lives until the program ends. The
/// numbers of its handles are those of the process's descriptors.
[[nodiscard]] PERDURE_API FileSystem& native_file_system() noexcept;
/// The kernel's clocks and its random numbers.
[[nodiscard]] PERDURE_API Environment& native_environment() noexcept;

/// The system that every call uses unless it is told otherwise.
[[nodiscard]] inline System native_system() noexcept {
  return {&native_file_system(), &native_environment(), nullptr};
}

}  // namespace perdure
