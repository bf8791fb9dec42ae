// SPDX-License-Identifier: BSL-1.0
// A root, a service and an attacker on one machine.
#pragma once

#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <perdure/state.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

namespace perdure::test {

inline constexpr uid_t attacker = 12345;
inline constexpr uid_t service = 12346;

inline uid_t owner_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_uid;
}

inline void give(const fs::path& path, uid_t user) {
  REQUIRE(::lchown(path.c_str(), user, user) == 0);
}

/// A directory for all to plant in, one of a service, and files of root's that nobody may touch.
struct Scene {
  Scene() {
    fs::permissions(directory.path(), fs::perms(0755));
    for (const auto& made : {shared(), home(), roots()}) fs::create_directory(made);
    REQUIRE(::chmod(shared().c_str(), 01777) == 0);
    REQUIRE(::chmod(roots().c_str(), 0755) == 0);
    REQUIRE(::chmod(home().c_str(), 0755) == 0);
    give(home(), service);
    spit(victim(), "root's", 0600);
  }
  [[nodiscard]] fs::path shared() const { return directory / "shared"; }
  [[nodiscard]] fs::path home() const { return directory / "home"; }
  [[nodiscard]] fs::path roots() const { return directory / "roots"; }
  [[nodiscard]] fs::path victim() const { return roots() / "victim"; }
  void check_victim() const {
    CHECK(list(roots()) == std::vector<std::string>{"victim"});
    CHECK(slurp(victim()) == "root's");
    CHECK(owner_of(victim()) == 0);
  }
  static fs::path plant(const fs::path& path, std::string_view content, uid_t user = attacker) {
    spit(path, content, 0666);
    give(path, user);
    return path;
  }

  TempDirectory directory;
};

struct Count {
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value))
using CountTracker = StateTracker<Count, Json<Count>>;

inline TrackerOptions count_options() {
  TrackerOptions options;
  options.previous_max = 2;
  return options;
}

}  // namespace perdure::test
