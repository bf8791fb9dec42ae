// SPDX-License-Identifier: BSL-1.0
// A tracker on file systems that show a file otherwise than it was written: overlay, and two mounts
// of one directory that remember attributes, which stand for two hosts.
#include <memory>
#include <string>
#include <vector>

#include <boost/filesystem.hpp>

#include <perdure/files.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/file_system.hpp>

#include "count.hpp"
#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

namespace fs = boost::filesystem;

/// Two mounts of one directory, each with attributes that it remembers for a minute.
struct TwoHosts {
  TwoHosts() {
    for (const char* name : {"below", "one", "other"}) fs::create_directory(at / name);
    for (const char* name : {"one", "other"}) {
      mounts.emplace_back(std::make_unique<Mount>(
          std::vector<std::string>{"-t", "fuse.bindfs", "-o", "attr_timeout=60,entry_timeout=60",
                                   (at / "below").native(), (at / name).native()}));
      if (!mounts.back()->error().empty()) error = mounts.back()->error();
    }
  }
  TempDirectory at;
  std::vector<std::unique_ptr<Mount>> mounts;
  std::string error;
};

constexpr std::string_view not_mounted = "mount: ";

/// Saves a state twice that an image has, and says its value then, or what failed.
std::string save_on_overlay(const fs::path& at) {
  for (const char* name : {"lower", "upper", "work", "merged"}) fs::create_directory(at / name);
  {
    auto image = CountTracker::open(at / "lower/s").value();
    const auto made = image.update(increment);
    if (!made) return made.error().message();
  }
  const Mount overlay({"-t", "overlay", "-o",
                       "lowerdir=" + (at / "lower").native() + ",upperdir=" +
                           (at / "upper").native() + ",workdir=" + (at / "work").native(),
                       "none", (at / "merged").native()});
  if (!overlay.error().empty()) return overlay.error();
  auto tracker = CountTracker::open(at / "merged/s").value();
  for (int i = 0; i < 2; ++i) {
    const auto saved = tracker.update(increment);
    if (!saved) return saved.error().message();
  }
  return std::to_string(CountTracker::open(at / "merged/s").value().state()->value);
}

}  // namespace

TEST_CASE("a state from a lower layer of an overlay is saved at the first try", "[P5]") {
  if (!can_mount()) return skip("this user may not mount");
  const TempDirectory at;
  const std::string said = save_on_overlay(at.path());
  if (said.starts_with(not_mounted)) return skip(said);
  CHECK(said == "3");
}

// The overlay may not mark what it copied up, and showed the state's two names as two files.
TEST_CASE("a state from a lower layer is saved at the first try in a container without root",
          "[P5]") {
  const TempDirectory at;
  const std::string said = in_user_namespace([&] { return save_on_overlay(at.path()); });
  if (said.starts_with("no ") || said.starts_with(not_mounted)) return skip(said);
  CHECK(said == "3");
}

TEST_CASE("a version that another host replaced is a conflict, whatever a cache remembers",
          "[P5]") {
  if (!can_mount()) return skip("this user may not mount");
  if (run({"mergerfs", "--version"}).status != 0) return skip("mergerfs is not installed");
  const TwoHosts hosts;
  if (!hosts.error.empty()) return skip(hosts.error);
  REQUIRE_OK(write_file(hosts.at / "one/target", "old"));
  const Version seen = read_version(hosts.at / "one/target").value();
  SECTION("replaced") {
    REQUIRE_OK(write_file(hosts.at / "other/target", "new"));
  }
  SECTION("written in place") {
    spit(hosts.at / "other/target", "new");
  }
  REQUIRE_FAILS(conflict, unchanged,
                write_file(hosts.at / "one/target", "ours", {.expected = seen}));
  CHECK(slurp(hosts.at / "below/target") == "new");
}

TEST_CASE("a look asks past the attributes that a mount remembers", "[P5]") {
  if (!can_mount()) return skip("this user may not mount");
  if (run({"mergerfs", "--version"}).status != 0) return skip("mergerfs is not installed");
  const TwoHosts hosts;
  if (!hosts.error.empty()) return skip(hosts.error);
  FileSystem& files = native_file_system();
  const OwnedHandle one(
      files, files.open_directory(Handle::working_directory, (hosts.at / "one").native()).value());
  spit(hosts.at / "other/target", "old");
  CHECK(files.stat_at(one.get(), "target").value().version.size == 3);
  spit(hosts.at / "other/target", "longer");
  CHECK(files.stat_at(one.get(), "target").value().version.size == 6);
}

TEST_CASE("a tracker takes over the state that another host saved", "[P5]") {
  if (!can_mount()) return skip("this user may not mount");
  if (run({"mergerfs", "--version"}).status != 0) return skip("mergerfs is not installed");
  const TwoHosts hosts;
  if (!hosts.error.empty()) return skip(hosts.error);
  auto one = CountTracker::open(hosts.at / "one/s").value();
  REQUIRE_OK(one.update(increment));
  auto other = CountTracker::open(hosts.at / "other/s").value();
  REQUIRE_OK(other.update(increment));
  REQUIRE_OK(one.update(increment));
  CHECK(one.state()->value == 3);
  CHECK(one.generation() > other.generation());
}
