// SPDX-License-Identifier: BSL-1.0
// A directory for a test, and what the tests of the tracker keep in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <perdure/state_tracker.hpp>

namespace perdure::test {

/// A directory of its own; removed with all in it. In memory where the test asks for that and the
/// machine has it, otherwise on a disk (TMPDIR or /var/tmp).
class Place {
 public:
  enum class On { disk, memory };

  explicit Place(On where = On::memory) {
    const char* const set = std::getenv("TMPDIR");
    std::string base = set != nullptr ? set : "/var/tmp";
    if (where == On::memory && ::access("/dev/shm", W_OK) == 0) base = "/dev/shm";
    path_ = base + "/perdure-test.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& leaf) const { return path_ + "/" + leaf; }
  void put(const std::string& leaf, const std::string& content) const {
    std::ofstream(path_ + "/" + leaf, std::ios::binary) << content << std::flush;
  }
  [[nodiscard]] std::string get(const std::string& leaf) const {
    std::ifstream file(path_ + "/" + leaf, std::ios::binary);
    if (!file) return "(none)";
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void remove(const std::string& leaf) const { std::filesystem::remove(path_ + "/" + leaf); }
  /// Every name in it, sorted, but not the lock files: those stay by design.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      const std::string name = entry.path().filename().string();
      if (name.find(".perdure-lock") == std::string::npos) all.push_back(name);
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  /// The names that have `part` in them.
  [[nodiscard]] std::vector<std::string> names_with(const std::string& part) const {
    std::vector<std::string> all = names();
    std::erase_if(all, [&](const std::string& name) { return name.find(part) == name.npos; });
    return all;
  }

 private:
  std::string path_;
};

struct Count {
  std::uint64_t value = 0;
  std::vector<std::string> notes;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value, notes))

using CountTracker = StateTracker<Count>;

inline void increment(Count& count) {
  ++count.value;
}

}  // namespace perdure::test
