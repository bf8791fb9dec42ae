// SPDX-License-Identifier: BSL-1.0
// Which requests a fault strikes, and what becomes of them.
#include "disk/medium.hpp"

#include <string>

#include "disk/places.hpp"
#include "host/posix.hpp"
#include "support/catch.hpp"

using namespace crashlab;
using Fate = Medium::WriteFate::Kind;

namespace {

constexpr std::uint64_t disk_size = 64 * page_size;

struct Disk {
  std::vector<Fault::Kind> strikes;
  Medium medium;

  explicit Disk(const std::vector<std::string>& faults, bool armed = true)
      : medium(
            parsed(faults), disk_size, 1,
            [this](Fault::Kind kind, std::uint64_t, std::uint64_t) { strikes.push_back(kind); }) {
    if (armed) medium.arm();
  }
  Fate write(std::uint64_t sector = 0) { return medium.write(sector * fault_sector, 4096).kind; }

 private:
  static std::vector<Fault> parsed(const std::vector<std::string>& texts) {
    std::vector<Fault> faults;
    for (const std::string& text : texts) faults.push_back(Fault::parse(text));
    return faults;
  }
};

}  // namespace

TEST_CASE("A fault's text comes back the same") {
  for (const std::string text :
       {"write-error@7", "write-error@7+", "write-error@each", "flush-error@each+", "lost@each/5",
        "lost:16-31", "misdirect@1", "read-error:8-15,32-39", "rot:a/file"}) {
    CHECK(Fault::parse(text).text() == text);
  }
}

TEST_CASE("A fault that can not be meant is refused") {
  for (const std::string text : {"", "write-error", "write-error@0", "write-error@x", "lost@each/0",
                                 "lost@each/x", "write-error@+", "slow@3", "flush-error:0-7",
                                 "rot@3", "read-error@each", "lost:9-8", "rot:"}) {
    INFO(text);
    CHECK_THROWS_AS(Fault::parse(text), Failure);
  }
}

TEST_CASE("A numbered fault strikes once, or from then on") {
  Disk once({"write-error@2"});
  CHECK(once.write() == Fate::done);
  const auto failed = once.medium.write(0, 4096);
  CHECK(failed.kind == Fate::failed);
  CHECK(failed.maybe_there);
  CHECK(once.write() == Fate::done);
  CHECK(once.strikes.size() == 1);

  Disk onward({"write-error@2+", "flush-error@2"});
  CHECK(onward.write() == Fate::done);
  CHECK_FALSE(onward.medium.flush_fails());
  for (int i = 0; i < 3; ++i) {
    const auto refused = onward.medium.write(0, 4096);
    CHECK(refused.kind == Fate::failed);
    CHECK_FALSE(refused.maybe_there);
  }
  CHECK(onward.medium.flush_fails());
  CHECK_FALSE(onward.medium.flush_fails());
}

TEST_CASE("Nothing is counted, and nothing fails, before a disk is armed") {
  Disk disk({"write-error@1", "flush-error@1", "read-error:0-7", "rot:0-7"}, false);
  CHECK(disk.write() == Fate::done);
  CHECK_FALSE(disk.medium.flush_fails());
  CHECK_FALSE(disk.medium.read_fails(0, 4096));
  CHECK_FALSE(disk.medium.rots(0, 4096));
  disk.medium.arm();
  CHECK(disk.write() == Fate::failed);
}

TEST_CASE("A range fails where it is touched, and nowhere else") {
  Disk disk({"write-error:16-16", "read-error:16-16"});
  CHECK(disk.write(8) == Fate::done);
  CHECK(disk.write(9) == Fate::failed);
  CHECK(disk.write(16) == Fate::failed);
  CHECK(disk.write(17) == Fate::done);
  CHECK_FALSE(disk.medium.read_fails(8 * fault_sector, 8 * fault_sector));
  CHECK(disk.medium.read_fails(9 * fault_sector, 8 * fault_sector));
}

TEST_CASE("A misdirected write stays on the disk and goes to another place") {
  for (std::uint64_t at = 0; at < disk_size; at += page_size) {
    Disk disk({"misdirect@1"});
    const auto fate = disk.medium.write(at, page_size);
    REQUIRE(fate.kind == Fate::misdirected);
    CHECK(fate.offset != at);
    CHECK(fate.offset + page_size <= disk_size);
    CHECK(fate.offset % page_size == 0);
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {  // and never meets its own place
    Medium medium({Fault::parse("misdirect@1")}, disk_size, seed, [](auto, auto, auto) {});
    medium.arm();
    const auto fate = medium.write(8 * page_size, 4 * page_size);
    CHECK((fate.offset >= 12 * page_size || fate.offset + 4 * page_size <= 8 * page_size));
  }
  Disk disk({"misdirect@1"});
  CHECK(disk.medium.write(0, disk_size).kind == Fate::lost);  // it fills the disk
}

TEST_CASE("Rot flips one bit of each sector of its range, the same whatever is read with it") {
  Disk disk({"rot:8-15"});
  const auto read = [&](std::uint64_t from, std::size_t length) {
    std::vector<std::byte> bytes(length);
    disk.medium.rot(from, bytes);
    return bytes;
  };
  const auto wide = read(0, 4 * page_size);
  int wrong = 0;
  for (const std::byte byte : wide) {
    const auto value = std::to_integer<unsigned>(byte);
    if (value == 0) continue;
    CHECK((value & (value - 1)) == 0);
    ++wrong;
  }
  CHECK(wrong == 8);
  const auto part = read(10 * fault_sector, fault_sector);
  CHECK(std::equal(part.begin(), part.end(), wide.begin() + 10 * fault_sector));
}

TEST_CASE("A power cut leaves what belongs to the medium, and no other fault") {
  Disk disk({"write-error@1+", "flush-error@1+", "read-error:0-7"});
  disk.medium.die();
  CHECK(disk.write() == Fate::failed);
  disk.medium.cut_power();
  CHECK(disk.write() == Fate::done);
  CHECK_FALSE(disk.medium.flush_fails());
  CHECK(disk.medium.read_fails(0, 512));
}

TEST_CASE("A file is found where its pages are, copies and all") {
  Pages pages(disk_size, Pages::Sharing::own);
  std::string content(2 * page_size + 100, 'a');
  content.replace(page_size, page_size, page_size, 'b');
  const auto put = [&](std::size_t page, const std::string& text) {
    pages.write(page * page_size, std::as_bytes(std::span(text)));
  };
  put(3, std::string(page_size, 'a'));
  put(4, std::string(page_size, 'b'));
  put(9, std::string(100, 'a'));
  put(12, std::string(page_size, 'b'));
  put(20, std::string(page_size, 'c'));
  const auto places = places_of(pages, content);
  REQUIRE(places.size() == 3);
  CHECK(places[0].from == 3 * page_size);
  CHECK(places[0].to == 5 * page_size);
  CHECK(places[1].from == 9 * page_size);
  CHECK(places[2].from == 12 * page_size);
  CHECK_THROWS_AS(places_of(pages, std::string(50, 'z')), Failure);
  CHECK_THROWS_AS(places_of(pages, std::string(5000, '\0')), Failure);
}
