// SPDX-License-Identifier: BSL-1.0
// A directory of the test's own, and plain ways to look at files that owe nothing to the library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include <boost/filesystem.hpp>

namespace perdure::test {

namespace fs = boost::filesystem;

/// Which kind of file system a directory is to lie on.
enum class Medium {
  disk,                    ///< TMPDIR, otherwise /var/tmp.
  memory,                  ///< /dev/shm where the machine has it, otherwise as `disk`.
  memory_with_attributes,  ///< The same, if it has attributes of users: since Linux 6.6.
};

/// Whether files in /dev/shm can have extended attributes of users.
inline bool memory_has_attributes() {
  static const bool has = [] {
    std::string probe = "/dev/shm/perdure-test-XXXXXX";
    if (::mkdtemp(probe.data()) == nullptr) return false;
    const bool set = ::setxattr(probe.c_str(), "user.test", "1", 1, 0) == 0;
    ::rmdir(probe.c_str());
    return set;
  }();
  return has;
}

inline fs::path base_of(Medium medium) {
  const bool in_memory = medium == Medium::memory
                             ? ::access("/dev/shm", W_OK) == 0
                             : medium == Medium::memory_with_attributes && memory_has_attributes();
  if (in_memory) return "/dev/shm";
  const char* const set = std::getenv("TMPDIR");
  return set != nullptr ? set : "/var/tmp";
}

/// A new, empty directory (mode 0700), gone with all that is in it when this is.
class TempDirectory {
 public:
  explicit TempDirectory(Medium medium = Medium::disk) : TempDirectory(base_of(medium)) {}
  explicit TempDirectory(const fs::path& base) {
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
  /// The path of a file in it as text, for command lines and system calls.
  [[nodiscard]] std::string file(const std::string& leaf) const { return (path_ / leaf).native(); }

  /// Makes or rewrites a file, in place.
  void put(const std::string& leaf, std::string_view content) const;
  /// All bytes of a file, "(none)" where there is no such file.
  [[nodiscard]] std::string get(const std::string& leaf) const;
  /// Whether a file is exactly this. A failed test does not print the content.
  [[nodiscard]] bool holds(const std::string& leaf, std::string_view content) const;
  void remove(const std::string& leaf) const { fs::remove(path_ / leaf); }
  /// Every name in it, sorted, but not the lock files: those stay by design.
  [[nodiscard]] std::vector<std::string> names() const;
  /// The names that have `part` in them.
  [[nodiscard]] std::vector<std::string> names_with(const std::string& part) const;

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

/// The names that are temps of the library.
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

/// Sets the time of modification, and that of the last access with it. Not Boost's: its time_t may
/// have 32 bits where ours has 64.
inline void set_mtime(const fs::path& path, std::int64_t mtime_ns) {
  constexpr std::int64_t second = 1'000'000'000;
  const timespec time{.tv_sec = mtime_ns / second, .tv_nsec = static_cast<long>(mtime_ns % second)};
  const timespec times[2] = {time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) {
    throw std::runtime_error("can't set the time of " + path.native());
  }
}

inline void TempDirectory::put(const std::string& leaf, std::string_view content) const {
  std::ofstream(file(leaf), std::ios::binary) << content << std::flush;
}

inline std::string TempDirectory::get(const std::string& leaf) const {
  return fs::is_regular_file(path_ / leaf) ? slurp(path_ / leaf) : "(none)";
}

inline bool TempDirectory::holds(const std::string& leaf, std::string_view content) const {
  return fs::is_regular_file(path_ / leaf) && slurp(path_ / leaf) == content;
}

inline std::vector<std::string> TempDirectory::names() const {
  std::vector<std::string> all = list(path_);
  std::erase_if(all, [](const auto& name) { return name.find(".perdure-lock") != name.npos; });
  return all;
}

inline std::vector<std::string> TempDirectory::names_with(const std::string& part) const {
  std::vector<std::string> all = names();
  std::erase_if(all, [&](const auto& name) { return name.find(part) == name.npos; });
  return all;
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
