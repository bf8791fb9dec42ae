// SPDX-License-Identifier: BSL-1.0
// A recording comes back the same, and a damaged one is refused.
#include "recording/recording.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "disk/recorder.hpp"
#include "host/posix.hpp"
#include "support/catch.hpp"

using namespace crashlab;

namespace {

std::vector<std::byte> filled(std::size_t size, char value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

Recording sample() {
  Pages pages(16 * page_size, Pages::Sharing::own);
  pages.write(page_size, filled(100, 'b'));
  Recorder recorder;
  recorder.begin(pages);
  const auto first = recorder.write(0, filled(512, '1'));
  recorder.answered(first);
  const auto flush = recorder.flush();
  recorder.answered(flush);
  recorder.ack("first");
  recorder.write(512, filled(1024, '2'));  // never answered
  recorder.strike(Fault::Kind::write_error, 4096, 512);
  recorder.failed_write(4096, filled(512, '3'));
  recorder.answered(recorder.zeros(8192, 4096));
  recorder.ack("second");
  return recorder.end();
}

UniqueFd saved(const Recording& recording) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  recording.save(fd.get());
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace

TEST_CASE("A recording survives being saved and loaded") {
  const Recording recording = sample();
  const Recording loaded = Recording::load(saved(recording).get());
  CHECK(loaded.size == recording.size);
  CHECK(loaded.end == recording.end);
  CHECK(loaded.base == recording.base);
  CHECK(loaded.data == recording.data);
  REQUIRE(loaded.writes.size() == 4);
  CHECK(loaded.writes[0].answered == 2);
  CHECK(loaded.writes[1].answered == never);
  CHECK_FALSE(loaded.writes[1].failed);
  CHECK(loaded.writes[2].failed);
  CHECK(loaded.writes[3].kind == Write::Kind::zeros);
  REQUIRE(loaded.strikes.size() == 1);
  CHECK(loaded.strikes[0].kind == Fault::Kind::write_error);
  CHECK(loaded.strikes[0].at < loaded.writes[2].received);
  CHECK(loaded.flushes.size() == 1);
  REQUIRE(loaded.acks.size() == 2);
  CHECK(loaded.acks[1].text == "second");
}

TEST_CASE("A damaged recording is refused", "[P18]") {
  const UniqueFd fd = saved(sample());
  const auto size = ::lseek(fd.get(), 0, SEEK_END);
  SECTION("a flipped bit anywhere in its body") {
    for (off_t at = 32; at < size; at += 7) {
      std::byte byte{};
      REQUIRE(::pread(fd.get(), &byte, 1, at) == 1);
      const std::byte flipped = byte ^ std::byte{4};
      REQUIRE(::pwrite(fd.get(), &flipped, 1, at) == 1);
      ::lseek(fd.get(), 0, SEEK_SET);
      CHECK_THROWS_AS(Recording::load(fd.get()), Failure);
      REQUIRE(::pwrite(fd.get(), &byte, 1, at) == 1);
    }
  }
  SECTION("an end that is missing") {
    REQUIRE(::ftruncate(fd.get(), size - 1) == 0);
    ::lseek(fd.get(), 0, SEEK_SET);
    CHECK_THROWS_AS(Recording::load(fd.get()), Failure);
  }
}

TEST_CASE("A write outside of the disk is refused, although its checksum is right", "[P18]") {
  Recording recording = sample();
  recording.writes[1].offset = recording.size - 512;  // 1024 bytes long
  CHECK_THROWS_AS(Recording::load(saved(recording).get()), Failure);
}

TEST_CASE("A recording cut at a moment has what came before it, and no later answer") {
  const Recording recording = sample();
  const Recording part = recording.until(recording.acks[0].at);
  REQUIRE(part.writes.size() == 1);
  CHECK(part.flushes.size() == 1);
  CHECK(part.acks.empty());
  CHECK(part.data.size() == 512);
  const Recording early = recording.until(recording.writes[0].answered);
  REQUIRE(early.writes.size() == 1);
  CHECK(early.writes[0].answered == never);
}
