// SPDX-License-Identifier: BSL-1.0
// A directory of the test's own, and plain ways to look at files that owe nothing to the library.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <boost/filesystem.hpp>

namespace perdure::test {

namespace fs = boost::filesystem;

/// A new, empty directory (mode 0700), gone with all that is in it when this is.
class TempDirectory {
 public:
  explicit TempDirectory(const fs::path& base = fs::temp_directory_path()) {
    std::string text = (base / "perdure-test-XXXXXX").native();
    if (::mkdtemp(text.data()) == nullptr) throw std::runtime_error("mkdtemp " + text);
    path_ = text;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    boost::system::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(const fs::path& below) const { return path_ / below; }

 private:
  fs::path path_;
};

/// All bytes of a file; throws where it can't be read.
inline std::string slurp(const fs::path& path) {
  std::ifstream in(path.native(), std::ios::binary);
  if (!in) throw std::runtime_error("can't read " + path.native());
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

/// Makes or rewrites a file, in place, and sets its mode exactly.
inline void spit(const fs::path& path, std::string_view text, mode_t mode = 0644) {
  std::ofstream out(path.native(), std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out || ::chmod(path.c_str(), mode) != 0) {
    throw std::runtime_error("can't write " + path.native());
  }
}

/// The leaf names in a directory, sorted.
inline std::vector<std::string> list(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().native());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Those of them that are temps of the library.
inline std::vector<std::string> temps_in(const fs::path& directory) {
  auto names = list(directory);
  names.erase(std::remove_if(names.begin(), names.end(),
                             [](std::string_view name) {
                               return !name.ends_with(".perdure-tmp") &&
                                      !name.ends_with(".perdure-put");
                             }),
              names.end());
  return names;
}

inline struct stat status_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("can't stat " + path.native());
  return status;
}

inline mode_t mode_of(const fs::path& path) {
  return status_of(path).st_mode & 07777U;
}

/// Sets the process's umask while it lives.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

}  // namespace perdure::test
