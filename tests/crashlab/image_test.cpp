// SPDX-License-Identifier: BSL-1.0
// States laid on the disk have the bytes that they should, and equal ones equal hashes.
#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/device.hpp"
#include "disk/recorder.hpp"
#include "host/posix.hpp"
#include "states/state_image.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"

using namespace crashlab;

namespace {

constexpr std::size_t disk_size = 64 * page_size;

/// A base of 'b' in page 1; then 8 kB of '1' at page 1, flushed; then 8 kB of '2' at page 1, 4 kB
/// of zeros at page 2 and 512 bytes of '3' at page 5, pending.
struct Scene {
  Pages served{disk_size, Pages::Sharing::own};
  Recording recording;
  std::vector<CrashPoint> points;

  static std::vector<std::byte> filled(std::size_t size, char value) {
    return std::vector<std::byte>(size, static_cast<std::byte>(value));
  }

  Scene() {
    served.write(page_size, filled(page_size, 'b'));
    Recorder recorder;
    recorder.begin(served);
    const auto write = [&](std::size_t at, std::size_t size, char value) {
      served.write(at, filled(size, value));
      recorder.answered(recorder.write(at, filled(size, value)));
    };
    write(page_size, 2 * page_size, '1');
    recorder.answered(recorder.flush());
    write(page_size, 2 * page_size, '2');
    served.zero(2 * page_size, page_size);
    recorder.answered(recorder.zeros(2 * page_size, page_size));
    write(5 * page_size, 512, '3');
    recording = recorder.end();
    points = crash_points(recording, false);
  }

  char at(std::size_t offset) const { return static_cast<char>(served.bytes()[offset]); }
};

}  // namespace

TEST_CASE("A state is the durable content and the kept writes in their order") {
  Scene scene;
  StateImage image(scene.recording, scene.served, 512);
  REQUIRE(scene.points.size() == 2);
  image.rewind();
  image.advance(scene.points[0]);
  image.apply(scene.points[0], {});
  CHECK(scene.at(page_size) == 'b');
  CHECK(scene.at(2 * page_size) == 0);
  CHECK(scene.at(5 * page_size) == 0);

  image.advance(scene.points[1]);
  image.apply(scene.points[1], {});
  CHECK(scene.at(page_size) == '1');
  CHECK(scene.at(3 * page_size - 1) == '1');
  image.apply(scene.points[1], {{0, 1, 2}, {}});
  CHECK(scene.at(page_size) == '2');
  CHECK(scene.at(2 * page_size) == 0);
  CHECK(scene.at(5 * page_size) == '3');
  image.apply(scene.points[1], {{0}, {}});
  CHECK(scene.at(2 * page_size) == '2');
  CHECK(scene.at(5 * page_size) == 0);
}

TEST_CASE("What a mounted state wrote is gone in the next one") {
  Scene scene;
  StateImage image(scene.recording, scene.served, 512);
  image.rewind();
  image.advance(scene.points[0]);
  image.apply(scene.points[0], {});
  scene.served.write(40 * page_size, Scene::filled(10, 'x'));
  scene.served.write(page_size, Scene::filled(10, 'x'));
  image.apply(scene.points[0], {});
  CHECK(scene.at(40 * page_size) == 0);
  CHECK(scene.at(page_size) == 'b');
}

TEST_CASE("Equal contents have equal hashes, whatever led to them") {
  Scene scene;
  StateImage image(scene.recording, scene.served, 512);
  image.rewind();
  image.advance(scene.points[0]);
  const ImageHash base = image.apply(scene.points[0], {});
  const ImageHash all = image.apply(scene.points[0], {{0}, {}});
  CHECK(base != all);
  image.advance(scene.points[1]);
  CHECK(image.apply(scene.points[1], {}) == all);
  image.rewind();
  image.advance(scene.points[0]);
  CHECK(image.apply(scene.points[0], {}) == base);
}

TEST_CASE("A torn write has whole sectors, some new and some old") {
  Scene scene;
  StateImage image(scene.recording, scene.served, 512);
  image.rewind();
  image.advance(scene.points[0]);
  image.advance(scene.points[1]);
  image.apply(scene.points[1], {{0}, {{0, Tear::Kind::prefix, 3, 0}}});
  CHECK(scene.at(page_size + 3 * 512 - 1) == '2');
  CHECK(scene.at(page_size + 3 * 512) == '1');
  image.apply(scene.points[1], {{0}, {{0, Tear::Kind::suffix, 1, 0}}});
  CHECK(scene.at(3 * page_size - 513) == '1');
  CHECK(scene.at(3 * page_size - 512) == '2');
  image.apply(scene.points[1], {{0}, {{0, Tear::Kind::scattered, 0, 7}}});
  for (std::size_t sector = 0; sector < 16; ++sector) {
    const std::size_t at = page_size + sector * 512;
    for (std::size_t i = 1; i < 512; ++i) REQUIRE(scene.at(at + i) == scene.at(at));
  }
}

// A mount reads what was laid out and writes what comes to its mind: the next state must show
// neither what the kernel remembers of the last one, nor what that mount wrote.
TEST_CASE("what is laid on the disk is what the kernel reads by way of its cache") {
  if (!perdure::test::is_root() || ::access("/dev/fuse", R_OK | W_OK) != 0) {
    perdure::test::skip("needs root and FUSE");
    return;
  }
  const perdure::test::TempDirectory directory;
  DeviceOptions options;
  options.directory = directory.file("disk");
  options.file_name = "device";
  REQUIRE(::mkdir(options.directory.c_str(), 0700) == 0);
  Pages pages(64 * page_size, Pages::Sharing::shared);
  Device device(pages, options);
  device.begin_recording();
  {
    const UniqueFd disk(must(::open(device.path().c_str(), O_RDWR | O_CLOEXEC), "open"));
    const auto put = [&](off_t page, char letter) {
      const std::string text(page_size, letter);
      must(static_cast<int>(::pwrite(disk.get(), text.data(), text.size(),
                                     page * static_cast<off_t>(page_size))),
           "write");
    };
    put(0, 'a');
    put(40, 'b');
    must(::fsync(disk.get()), "flush");
    put(0, 'c');
    put(41, 'd');
    put(63, 'e');
  }
  const Recording recording = device.end_recording();
  StateImage image(recording, pages, 512);
  const UniqueFd cached(must(::open(device.cached_path().c_str(), O_RDWR | O_CLOEXEC), "open"));
  const std::string scribble(page_size, 's');
  int states = 0;
  for (int pass = 0; pass < 2; ++pass) {
    image.rewind();
    for (const CrashPoint& point : crash_points(recording, false)) {
      image.advance(point);
      for (const Choice& choice : choices(recording, point, Tier::subsets, {})) {
        image.apply(point, choice);
        image.publish(cached.get());
        const auto wanted = pages.bytes();
        std::vector<std::byte> seen(wanted.size());
        REQUIRE(::pread(cached.get(), seen.data(), seen.size(), 0) ==
                static_cast<ssize_t>(seen.size()));
        REQUIRE(std::ranges::equal(seen, wanted));
        for (const std::size_t page : {7U, 50U}) REQUIRE(pages.page(page)[0] == std::byte{0});
        for (const off_t page : {0, 7, 50}) {  // the mount
          must(static_cast<int>(::pwrite(cached.get(), scribble.data(), scribble.size(),
                                         page * static_cast<off_t>(page_size))),
               "write");
        }
        ++states;
      }
    }
  }
  CHECK(states > 20);
}
