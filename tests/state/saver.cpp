// SPDX-License-Identifier: BSL-1.0
// Saves a small state so many times, by a writer that expects a version or by a tracker; to be
// looked at from outside.
//   saver writer|tracker FILE SAVES
#include <cstdlib>
#include <string>

#include <perdure/atomic_writer.hpp>

#include "count.hpp"

using namespace perdure;

namespace {

bool save_as_writer(const Path& path, int saves) {
  const auto writer = AtomicWriter::bind(path.parent_path());
  if (!writer) return false;
  Version expected = Version::absent();
  (void)std::remove(path.c_str());
  for (int i = 0; i < saves; ++i) {
    const auto receipt =
        writer.value().commit(path.filename().native(), "{\"value\": 1}", {.expected = expected});
    if (!receipt) return false;
    expected = receipt.value().version;
  }
  return true;
}

bool save_as_tracker(const Path& path, int saves) {
  auto tracker = test::CountTracker::open(path);
  if (!tracker) return false;
  for (int i = 0; i < saves; ++i) {
    if (!tracker.value().update(test::increment)) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bool as_writer = std::string(argv[1]) == "writer";
  const int saves = std::atoi(argv[3]);
  return (as_writer ? save_as_writer(argv[2], saves) : save_as_tracker(argv[2], saves)) ? 0 : 1;
}
