// SPDX-License-Identifier: BSL-1.0
// The file system and environment of the operating system.
#pragma once

#include <perdure/detail/export.hpp>

namespace perdure {

class Environment;
class FileSystem;
class Observer;

/// The seams of the engine, passed together: two below it, and who is told what it does. Does not
/// own them: they must outlive whoever was given them. A call takes it last, and takes the
/// operating system if it is left out. Options that one root or one tracker keeps
/// (TransactionOptions, TrackerOptions) have it as their last field instead, since every call on
/// that root or tracker has to use the same.
struct System {
  FileSystem* files = nullptr;         ///< <perdure/system/file_system.hpp>
  Environment* environment = nullptr;  ///< <perdure/system/environment.hpp>
  Observer* observer = nullptr;        ///< <perdure/system/observer.hpp>; null: nobody is told.
};

/// Linux. Without state, so that one serves every thread; lives until the program ends. Its handles
/// are descriptors of the process, by their numbers.
[[nodiscard]] PERDURE_API FileSystem& native_file_system() noexcept;
/// The kernel's clocks and its random numbers.
[[nodiscard]] PERDURE_API Environment& native_environment() noexcept;

/// The system that every call uses unless it is told otherwise.
[[nodiscard]] inline System native_system() noexcept {
  return {&native_file_system(), &native_environment(), nullptr};
}

}  // namespace perdure
