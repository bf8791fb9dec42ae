// SPDX-License-Identifier: BSL-1.0
// Whether the files of a test are stamped by a clock that ticks.
#pragma once

#include <string>

#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure::test {

/// Whether two changes of a file in this directory may have one stamp: then the library looks
/// again, or reads, where it would do without.
inline bool has_coarse_stamps(const std::string& directory) {
  FileSystem& files = native_file_system();
  const OwnedHandle at(files, files.open_directory(Handle::working_directory, directory).value());
  return files.stamps(at.get(), files.stat(at.get()).value()) != Stamps::fine;
}

}  // namespace perdure::test
