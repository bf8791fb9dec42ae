// SPDX-License-Identifier: BSL-1.0
// Content and version of a file that others change while it is read.
#include <array>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <utility>

#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;

namespace {

/// Lets somebody else at the file before the first block of each pass is read, so many times.
class Interrupted final : public ForwardingFileSystem {
 public:
  Interrupted(int times, std::function<void(int)> other)
      : ForwardingFileSystem(native_file_system()), left_(times), other_(std::move(other)) {}

  int passes = 0;

  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    const auto got = ForwardingFileSystem::read_at(file, offset, out);
    if (offset == 0) ++passes;
    if (offset == 0 && left_-- > 0) other_(passes);
    return got;
  }

 private:
  int left_;
  std::function<void(int)> other_;
};

/// Writes in place and sets the time of modification back, until the kernel's clock has ticked.
void write_secretly(const boost::filesystem::path& path, std::string_view text) {
  const auto before = test::status_of(path);
  auto now = before;
  do {
    test::spit(path, text);
    const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
    now = test::status_of(path);
  } while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

System through(FileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

}  // namespace

TEST_CASE("a write in place that sets the time of modification back is noticed", "[P5]") {
  const TempDirectory at;
  const auto path = at / "target";
  test::spit(path, "old content");
  Interrupted files(1, [&](int) { write_secretly(path, "new content"); });
  const auto read = read_file(path, UINT64_MAX, through(files));
  REQUIRE_OK(read);
  CHECK(as_text(read.value().bytes) == "new content");
  // The stamps alone: on a coarse clock, one of both looks may have come within the tick.
  CHECK(read.value().version.same_stamps(read_version(path).value()));
}

TEST_CASE("a file that is replaced while it is read is read once more, and not forever", "[P5]") {
  const TempDirectory at;
  const auto path = at / "target";
  test::spit(path, "content 0");
  Interrupted files(INT32_MAX, [&](int pass) {
    REQUIRE_OK(write_file(path, "content " + std::to_string(pass)));
  });
  const auto read = read_file(path, UINT64_MAX, through(files));
  REQUIRE_OK(read);
  // The file as it was when it was opened: others have replaced it since, and its version says so.
  CHECK(as_text(read.value().bytes) == "content 0");
  CHECK(files.passes <= 3);
  CHECK_FALSE(read.value().version == read_version(path).value());
}

TEST_CASE("a file that is rewritten again and again while it is read is a conflict", "[P5]") {
  const TempDirectory at;
  const auto path = at / "target";
  test::spit(path, "content 0");
  Interrupted files(INT32_MAX,
                    [&](int pass) { write_secretly(path, "content " + std::to_string(pass)); });
  REQUIRE_FAILS(conflict, unchanged, read_file(path, UINT64_MAX, through(files)));
}
