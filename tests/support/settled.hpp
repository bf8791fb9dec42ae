// SPDX-License-Identifier: BSL-1.0
// Waits until the stamps of a tree tell all, for tests that count what is read anew where they
// don't.
#pragma once

#include <chrono>
#include <thread>

#include <perdure/system/native.hpp>

#include "engine/version.hpp"
#include "support/directory.hpp"

namespace perdure::test {

/// Returns when the library takes the stamps of every file beneath the directory for settled, or
/// never will. A time to wait for would be a guess: an emulator may be late with a tick, and where
/// its clock has whole milliseconds some stamps look like those of exFAT, which has to wait longer.
inline void settle_stamps(const fs::path& directory) {
  FileSystem& files = native_file_system();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.symlink_status().type() != fs::regular_file) continue;
    const std::string parent = entry.path().parent_path().native();
    const OwnedHandle at(files, files.open_directory(Handle::working_directory, parent).value());
    const auto now = [&] {
      return files.stat_at(at.get(), entry.path().filename().native()).value();
    };
    if (files.stamps(at.get(), now()) == Stamps::foreign) return;
    while (!is_settled(files, at.get(), now())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace perdure::test
