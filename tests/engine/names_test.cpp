// SPDX-License-Identifier: BSL-1.0
// Names on disk, version tokens, mountinfo, the words of errors, the built-in serializers.
#include "engine/names.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <set>
#include <sys/stat.h>

#include <perdure/file_version.hpp>
#include <perdure/files.hpp>
#include <perdure/serializer.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "linux/mount_info.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;

namespace {

std::string temp_name(const std::string& leaf) {
  testing::ManualEnvironment environment(7);
  return names::make_temp(leaf, environment).value();
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::error_code code(int error) {
  return {error, std::generic_category()};
}

}  // namespace

TEST_CASE("a temp's name is recognized as one, whatever its leaf") {
  const std::string bad_utf8(255, '\x80');
  for (const std::string& leaf :
       {std::string("a"), std::string("config.json"), std::string(".hidden"), std::string(255, 'x'),
        repeated("\xC3\xA4", 127), repeated("\xF0\x9F\x92\xBE", 63), bad_utf8,
        "x" + bad_utf8.substr(1)}) {
    const std::string name = temp_name(leaf);
    CAPTURE(leaf, name);
    CHECK(names::is_temp(name));
    CHECK(name.size() <= names::length_max);
    CHECK(name.find('/') == std::string::npos);
  }
}

TEST_CASE("a temp's name begins with its leaf, cut between characters") {
  CHECK(temp_name("config.json").starts_with(".config.json."));
  // 255 - 2 dots - 16 random - 12 suffix = 225 bytes: 112 letters of two bytes, and one too many.
  const std::string name = temp_name(repeated("\xC3\xA4", 127));
  CHECK(name.starts_with("." + repeated("\xC3\xA4", 112) + "."));
}

TEST_CASE("other names are not temps", "[P15]") {
  const std::string good = temp_name("a");
  REQUIRE(names::is_temp(good));
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a.perdure-tmp"),
        std::string(".perdure-tmp"), std::string(".a.perdure-tmp"), good.substr(1), good + "x",
        good.substr(0, good.size() - 1), std::string(".a.0123456789abcdeU.perdure-tmp"),
        std::string(".a.0123456789abcde.perdure-tmp"),
        std::string(".a-0123456789abcdef.perdure-tmp"),
        std::string("..0123456789abcdef.perdure-tmp"), std::string(".a.perdure-lock"),
        "." + std::string(300, 'a') + good}) {
    CAPTURE(name);
    CHECK_FALSE(names::is_temp(name));
  }
}

TEST_CASE("temps of one leaf have different names, each of 80 random bits", "[P17]") {
  testing::ManualEnvironment environment(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(names::make_temp("a", environment).value());
  CHECK(seen.size() == 1000);
}

TEST_CASE("no randomness, no name") {
  testing::ManualEnvironment environment;
  environment.fail_random(EIO);
  CHECK(names::make_temp("a", environment).error() == code(EIO));
}

TEST_CASE("each leaf has a lock of its own, also where its name must be shortened") {
  std::set<std::string> locks;
  std::size_t leaves = 0;
  const auto add = [&](const std::string& leaf) {
    const std::string lock = names::lock_of(leaf);
    CAPTURE(leaf, lock);
    CHECK(lock.size() <= names::length_max);
    CHECK_FALSE(names::is_temp(lock));
    CHECK(locks.insert(lock).second);
    ++leaves;
  };
  for (std::size_t size = 1; size <= 255; ++size) add(std::string(size, 'a'));
  for (const char last : {'b', 'c', 'd'}) add(std::string(254, 'a') + last);
  add(std::string(255, '\x80'));
  add(std::string(254, '\x80') + '\x81');
  CHECK(names::lock_of("a") == ".a.perdure-lock");
  CHECK(locks.size() == leaves);
}

TEST_CASE("no leaf can be named so that it shares the lock of a long one", "[P17]") {
  // The long leaf's lock without its dot and suffix, taken as a leaf.
  for (const std::string& leaf : {std::string(255, 'a'), std::string(255, '\x80'),
                                  std::string(224, 'a') + repeated("\xF0\x9F\x92\xBE", 7)}) {
    const std::string lock = names::lock_of(leaf);
    const std::string twin = lock.substr(1, lock.size() - 1 - std::string(".perdure-lock").size());
    CAPTURE(twin);
    CHECK(names::lock_of(twin) != lock);
  }
}

TEST_CASE("leaves that can't be targets are told why") {
  CHECK(names::fault_of_leaf("a").empty());
  CHECK(names::fault_of_leaf("...").empty());
  CHECK(names::fault_of_leaf("") == "the name is empty");
  CHECK(names::fault_of_leaf(".") == "the name means a directory");
  CHECK(names::fault_of_leaf("..") == "the name means a directory");
  CHECK_FALSE(names::fault_of_leaf("a/b").empty());
  CHECK_FALSE(names::fault_of_leaf(std::string_view("a\0b", 3)).empty());
}

TEST_CASE("a version's token reads back as the same version") {
  const Version plain{.device = 0x10300000002,
                      .inode = 12,
                      .birth_ns = 5,
                      .size = 4096,
                      .mtime_ns = 1'700'000'000'123'456'789,
                      .ctime_ns = -1};
  const Version extreme{.device = UINT64_MAX,
                        .inode = UINT64_MAX,
                        .birth_ns = INT64_MIN,
                        .size = UINT64_MAX,
                        .mtime_ns = INT64_MAX,
                        .ctime_ns = INT64_MIN};
  for (const Version& version : {plain, extreme, Version::absent(), Version{.inode = 1}}) {
    const std::string token = to_string(version);
    CAPTURE(token);
    CHECK(token.find_first_of(" \t\n'\"") == std::string::npos);
    CHECK(parse_version(token).value() == version);
  }
  CHECK(to_string(plain) == "v1:10300000002:12:5:4096:1700000000123456789:-1");
  CHECK(to_string(Version::absent()) == "absent");
}

TEST_CASE("a text that is not a version token is refused and quoted", "[P18]") {
  for (const std::string& token :
       {std::string(), std::string("v1"), std::string("v1:"), std::string("v1:1:2:3:4:5"),
        std::string("v1:1:2:3:4:5:6:7"), std::string("v1:1:2:3:4:5:6 "),
        std::string(" v1:1:2:3:4:5:6"), std::string("v2:1:2:3:4:5:6"),
        std::string("v1:1:-2:3:4:5:6"), std::string("v1:1:2:3:4:5:x"), std::string("v1:1:2::4:5:6"),
        std::string("v1:1:99999999999999999999:3:4:5:6"), std::string("v1:0:0:0:0:0:0"),
        std::string("v1:1:02:3:4:5:6"), std::string("v1:A:2:3:4:5:6"),
        std::string("v1:1:2:-0:4:5:6"), std::string("Absent"),
        std::string("v1:1:2:3:4:5:6\0", 16)}) {
    CAPTURE(token);
    const auto parsed = parse_version(token);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().kind == ErrorKind::invalid_argument);
    CHECK(parsed.error().message().find("'" + token + "'") != std::string::npos);
  }
}

TEST_CASE("a mount is found by its id, with both kinds of options, once each") {
  const std::string text =
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
      "36 22 98:0 /mnt1 /mnt/with\\040space\\134x rw,noatime master:1 shared:7 - xfs /dev/root "
      "rw,attr2,noquota\n"
      "360 22 0:5 / /dev rw - tmpfs none rw\n";
  FileSystemInfo info;
  REQUIRE(find_mount(text, 36, info));
  CHECK(info.mount_point == "/mnt/with space\\x");
  CHECK(info.type == "xfs");
  CHECK(info.source == "/dev/root");
  CHECK(info.mount_options == std::vector<std::string>{"rw", "noatime", "attr2", "noquota"});
  REQUIRE(find_mount(text, 360, info = {}));
  CHECK(info.type == "tmpfs");
  CHECK_FALSE(find_mount(text, 3, info));
}

TEST_CASE("mountinfo that is cut short or damaged finds nothing and reads nothing beyond it",
          "[P18]") {
  const std::string line = "36 22 98:0 / /m rw - xfs /dev/root rw";
  FileSystemInfo info;
  REQUIRE(find_mount(line, 36, info));
  for (std::size_t size = 0; size + 3 < line.size(); ++size) {
    CAPTURE(line.substr(0, size));
    CHECK_FALSE(find_mount(line.substr(0, size), 36, info));
  }
  CHECK_FALSE(find_mount("36 a b c d e f g h i j k l m n o p", 36, info));
  REQUIRE(find_mount("36 22 98:0 / /m\\ \\04 - - - xfs \\1 rw", 36, info));
}

TEST_CASE("an error is one sentence: what, which path, why, what became of the target, what to do",
          "[P19]") {
  const auto message = [](ErrorKind kind, Fate fate, std::error_code cause, std::string detail) {
    return Error{.kind = kind,
                 .fate = fate,
                 .cause = cause,
                 .step = "sync the new content",
                 .path = "/a/b",
                 .detail = std::move(detail)}
        .message();
  };
  CHECK(message(ErrorKind::system, Fate::unchanged, code(ENOSPC), "") ==
        "'/a/b': could not sync the new content: No space left on device; the target is "
        "unchanged; free some space on that file system");
  CHECK(message(ErrorKind::system, Fate::visible, code(EIO), "twice") ==
        "'/a/b': could not sync the new content: Input/output error (twice); the new state is "
        "in place, but a power cut may still undo it; check the disk and the kernel's log");
  CHECK(message(ErrorKind::conflict, Fate::unchanged, {}, "the target exists already") ==
        "'/a/b': could not sync the new content: the target exists already; the target is "
        "unchanged");
  CHECK(message(ErrorKind::system, Fate::unknown, code(EAGAIN), "") ==
        "'/a/b': could not sync the new content: Resource temporarily unavailable; whether the "
        "target is old "
        "or new is not known: read it again");
  CHECK(message(ErrorKind::metadata, Fate::unchanged, code(EPERM), "the mode can't be kept") ==
        "'/a/b': could not sync the new content: Operation not permitted (the mode can't be "
        "kept); the target is unchanged");
  CHECK(Error{}.message() == "could not do it: system; the target is unchanged");
}

TEST_CASE("raw bytes and text pass unchanged through their serializers") {
  const std::string text("a\0\r\n\xff", 5);
  Buffer buffer;
  BufferSink sink(buffer);
  REQUIRE_OK(Text().serialize(text, sink));
  CHECK(as_text(buffer) == text);
  CHECK(Text().deserialize(buffer).value() == text);
  REQUIRE_OK(RawBytes().serialize(as_bytes(text), sink));
  CHECK(as_text(buffer) == text + text);
  CHECK(RawBytes().deserialize(buffer).value() == buffer);
  static_assert(Serializer<Text, std::string>);
  static_assert(SerializerFor<RawBytes, Bytes>);
}

// ext4 has times up to 2446. They overflowed: a later time looked earlier, or was undefined.
TEST_CASE("a time that 64 bits of nanoseconds don't hold is the nearest that they do") {
  const test::TempDirectory at("/dev/shm");
  test::spit(at / "file", "");
  const auto mtime_at = [&](time_t seconds) {
    const timespec time{seconds, 7};
    const std::array times{time, time};
    REQUIRE(::utimensat(AT_FDCWD, (at / "file").c_str(), times.data(), 0) == 0);
    const auto version = read_version(at / "file");
    REQUIRE_OK(version);
    return version.value().mtime_ns;
  };
  constexpr time_t year_2262 = 9'223'372'035;
  CHECK(mtime_at(year_2262) == 9'223'372'035'000'000'007);
  CHECK(mtime_at(9'223'372'036) == std::numeric_limits<std::int64_t>::max());
  CHECK(mtime_at(15'000'000'000) == std::numeric_limits<std::int64_t>::max());
  CHECK(mtime_at(-1) == -999'999'993);
  CHECK(mtime_at(-15'000'000'000) == std::numeric_limits<std::int64_t>::min());
}
