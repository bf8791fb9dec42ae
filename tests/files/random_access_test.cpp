// SPDX-License-Identifier: BSL-1.0
// A streamed file that is written out of order, or through its descriptor.
#include <sys/mman.h>
#include <unistd.h>

#include <perdure/atomic_file.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// With the native file system.
int descriptor_of(AtomicFile& file) {
  return static_cast<int>(file.handle().value());
}

}  // namespace

TEST_CASE("a file is written in any order, and published as a whole", "[P2]") {
  const TempDirectory directory;
  spit(directory / "target", "old");
  const bool verified = GENERATE(false, true);
  WriteOptions options;
  options.verify = verified;
  auto file = AtomicFile::create(directory / "target", options).value();
  REQUIRE_OK(file.write("0123456789"));
  REQUIRE_OK(file.write_at(2, as_bytes("ab")));
  REQUIRE_OK(file.write_at(9, as_bytes("cde")));
  REQUIRE_OK(file.write("f"));
  REQUIRE_OK(file.write_at(16, as_bytes("g")));
  CHECK(file.size() == 17);
  CHECK(slurp(directory / "target") == "old");
  const auto receipt = file.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == 17);
  CHECK(slurp(directory / "target") == std::string("01ab45678cdef\0\0\0g", 17));
  CHECK(list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("a file is written through its descriptor, and a mapping of it") {
  const TempDirectory directory;
  WriteOptions options;
  options.verify = true;
  auto file = AtomicFile::create(directory / "target", options).value();
  REQUIRE_OK(file.write("begin, "));
  const int descriptor = descriptor_of(file);
  REQUIRE(::ftruncate(descriptor, 4096) == 0);
  void* const mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  REQUIRE(mapped != MAP_FAILED);
  static_cast<char*>(mapped)[7] = 'x';
  REQUIRE(::munmap(mapped, 4096) == 0);
  REQUIRE(::pwrite(descriptor, "end", 3, 4093) == 3);
  const auto receipt = file.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == 4096);
  std::string expected(4096, '\0');
  expected.replace(0, 8, "begin, x").replace(4093, 3, "end");
  CHECK(slurp(directory / "target") == expected);
}

TEST_CASE("what is appended comes behind what was written through the descriptor") {
  const TempDirectory directory;
  auto file = AtomicFile::create(directory / "target").value();
  REQUIRE(::pwrite(descriptor_of(file), "mapped ", 7, 0) == 7);
  REQUIRE_OK(file.write("appended"));
  const auto receipt = file.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == 15);
  CHECK(slurp(directory / "target") == "mapped appended");
}

TEST_CASE("a disk that gives something else back than was written out of order is found out",
          "[verify]") {
  const TempDirectory directory;
  struct Decaying final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<void> evict(Handle file) override {
      (void)ForwardingFileSystem::write_at(file, 1, as_bytes("?"));
      return ForwardingFileSystem::evict(file);
    }
  };
  Decaying disk(native_file_system());
  WriteOptions options;
  options.verify = true;
  auto file = AtomicFile::create(directory / "target", options, {&disk, &native_environment()});
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write_at(3, as_bytes("abc")));
  const auto receipt = file.value().commit();
  REQUIRE_FALSE(receipt);
  CHECK(receipt.error().kind == ErrorKind::verify);
  CHECK(list(directory.path()).empty());
}

TEST_CASE("a write beyond all sizes ends the file with a reason, and leaves the target") {
  const TempDirectory directory;
  spit(directory / "target", "old");
  for (const std::uint64_t offset : {UINT64_MAX, UINT64_MAX - 2, std::uint64_t{1} << 63U}) {
    auto file = AtomicFile::create(directory / "target").value();
    const auto written = file.write_at(offset, as_bytes("abc"));
    REQUIRE_FALSE(written);
    CHECK(written.error().cause == std::errc::file_too_large);
    CHECK(file.commit().error().kind == ErrorKind::invalid_argument);
    CHECK(file.handle().error().kind == ErrorKind::invalid_argument);
    CHECK(file.write_at(0, as_bytes("a")).error().kind == ErrorKind::invalid_argument);
  }
  CHECK(slurp(directory / "target") == "old");
  CHECK(list(directory.path()) == std::vector<std::string>{"target"});
}

namespace {

/// Answers a copy within the kernel with an error, and counts them.
struct Refusing final : ForwardingFileSystem {
  Refusing(std::errc with, std::uint64_t from_call)
      : ForwardingFileSystem(native_file_system()), error(with), first(from_call) {}
  SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                      std::uint64_t to_offset, std::uint64_t size) override {
    if (++calls >= first) return std::make_error_code(error);
    return ForwardingFileSystem::copy_range(from, from_offset, to, to_offset, size);
  }
  std::errc error;
  std::uint64_t first;
  std::uint64_t calls = 0;
};

/// The whole file, in pieces.
Result<void> append_all(AtomicFile& file, Handle source, std::uint64_t piece) {
  for (std::uint64_t offset = 0;;) {
    BOOST_OUTCOME_TRY(const std::uint64_t count, file.append_from(source, offset, piece));
    CHECK(count <= piece);
    if (count == 0) return success();
    offset += count;
  }
}

}  // namespace

TEST_CASE("a file is copied into another one within the kernel, or else by reading it", "[P2]") {
  const TempDirectory directory;
  const std::string content = [] {
    std::string text;
    for (int i = 0; i < 60'000; ++i) text += std::to_string(i);
    return text;
  }();
  spit(directory / "source", content);
  const auto refusal =
      GENERATE(std::errc::cross_device_link, std::errc::invalid_argument,
               std::errc::operation_not_supported, std::errc::function_not_supported);
  const std::uint64_t first = GENERATE(1, 2, 100);
  const bool verified = GENERATE(false, true);
  Refusing files(refusal, first);
  const OwnedHandle at(
      files, files.open_directory(Handle::working_directory, directory.path().native()).value());
  const OwnedHandle source(files, files.open_file(at.get(), "source").value());
  WriteOptions options;
  options.verify = verified;
  System system;
  system.files = &files;
  system.environment = &native_environment();
  auto file = AtomicFile::create(directory / "target", options, system).value();
  REQUIRE_OK(file.write("begin "));
  REQUIRE_OK(append_all(file, source.get(), 100'000));
  REQUIRE_OK(file.write(" end"));
  CHECK(file.size() == content.size() + 10);
  const auto receipt = file.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == content.size() + 10);
  CHECK(slurp(directory / "target") == "begin " + content + " end");
  CHECK((files.calls == 0) == verified);  // verify needs the bytes
}

TEST_CASE("a copy that fails within the kernel and outside ends the file, and the target stays") {
  const TempDirectory directory;
  spit(directory / "target", "old");
  spit(directory / "source", "new");
  /// A disk that gives nothing back.
  struct Unreadable final : ForwardingFileSystem {
    Unreadable() : ForwardingFileSystem(native_file_system()) {}
    SysResult<std::uint64_t> copy_range(Handle /*from*/, std::uint64_t /*from_offset*/,
                                        Handle /*to*/, std::uint64_t /*to_offset*/,
                                        std::uint64_t /*size*/) override {
      return std::make_error_code(std::errc::io_error);
    }
    SysResult<std::size_t> read_at(Handle /*file*/, std::uint64_t /*offset*/,
                                   std::span<std::byte> /*out*/) override {
      return std::make_error_code(std::errc::io_error);
    }
  };
  Unreadable files;
  const OwnedHandle at(
      files, files.open_directory(Handle::working_directory, directory.path().native()).value());
  const OwnedHandle source(files, files.open_file(at.get(), "source").value());
  System system;
  system.files = &files;
  system.environment = &native_environment();
  auto file = AtomicFile::create(directory / "target", {}, system).value();
  const auto copied = append_all(file, source.get(), 100);
  REQUIRE_FAILS(system, unchanged, copied);
  CHECK(copied.error().cause == std::errc::io_error);
  CHECK(copied.error().reading);  // the file that was to be copied is at fault
  REQUIRE_FAILS(invalid_argument, unchanged, file.commit());
  CHECK(list(directory.path()) == std::vector<std::string>{"source", "target"});
}
