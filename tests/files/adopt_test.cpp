// SPDX-License-Identifier: BSL-1.0
// A file that another program wrote under a name of its own is committed like any other content.
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"
#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// The calls that change something or sync it, in order.
std::vector<Operation> changes_of(const FaultyFileSystem& files) {
  std::vector<Operation> calls;
  for (const Call& call : files.log()) {
    const bool counts = call.operation == Operation::sync_file ||
                        call.operation == Operation::sync_directory ||
                        call.operation == Operation::rename ||
                        call.operation == Operation::unlink || call.operation == Operation::create;
    if (counts) calls.push_back(call.operation);
  }
  return calls;
}

std::uint32_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("an adopted file is synced, renamed and its name made durable, and no temp is made") {
  const TempDirectory at;
  spit(at.file("part"), "written by others");
  FaultyFileSystem files(native_file_system());
  const auto receipt =
      AtomicFile::adopt(at.file("target"), at.file("part"), {}, {&files, &native_environment()});
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == 17);
  CHECK(receipt.value().durability == Durability::durable);
  CHECK(slurp(at.file("target")) == "written by others");
  CHECK(at.names() == std::vector<std::string>{"target"});
  CHECK(changes_of(files) ==
        std::vector<Operation>{Operation::sync_file, Operation::rename, Operation::sync_directory});
}

TEST_CASE("an adopted file gets the target's mode, or keeps its own where there is none") {
  const TempDirectory at;
  spit(at.file("part"), "new", 0600);
  spit(at.file("target"), "old", 0664);
  ::chmod(at.file("target").c_str(), 0664);
  REQUIRE_OK(AtomicFile::adopt(at.file("target"), at.file("part")));
  CHECK(mode_of(at.file("target")) == 0664);
  spit(at.file("part"), "new", 0600);
  REQUIRE_OK(AtomicFile::adopt(at.file("other"), at.file("part")));
  CHECK(mode_of(at.file("other")) == 0600);
}

TEST_CASE("an adopted file stays where it was when it can't be committed") {
  const TempDirectory at;
  spit(at.file("part"), "new");
  spit(at.file("target"), "old");
  const auto refused_with = [&](const WriteOptions& options) {
    const auto refused = AtomicFile::adopt(at.file("target"), at.file("part"), options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fate == Fate::unchanged);
    CHECK(slurp(at.file("part")) == "new");
    CHECK(slurp(at.file("target")) == "old");
    return refused.error().kind;
  };
  CHECK(refused_with({.existing = ExistingPolicy::keep}) == ErrorKind::exists);
  CHECK(refused_with({.expected = Version::absent()}) == ErrorKind::conflict);
  FaultyFileSystem files(native_file_system());
  for (const Operation operation : {Operation::rename, Operation::sync_file}) {
    files.fail({.operation = operation, .call = files.calls(operation) + 1, .error = EIO});
    const auto failed =
        AtomicFile::adopt(at.file("target"), at.file("part"), {}, {&files, &native_environment()});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().fate == Fate::unchanged);
    CHECK(slurp(at.file("part")) == "new");
    CHECK(slurp(at.file("target")) == "old");
  }
}

// The second try opened the file anew. The kernel had told the first of the lost content, marked
// its pages clean, and answered the second sync with success.
TEST_CASE("a file whose sync failed is not adopted again, until it is written anew") {
  for (const Operation operation : {Operation::sync_file, Operation::await_writeback}) {
    const TempDirectory at;
    spit(at.file("part"), "new");
    spit(at.file("target"), "old");
    Claiming ext4(good_ext4());
    FaultyFileSystem files(ext4);
    WriteOptions options;
    options.protocol =
        operation == Operation::sync_file ? ProtocolChoice::portable : ProtocolChoice::automatic;
    const auto adopt = [&] {
      return AtomicFile::adopt(at.file("target"), at.file("part"), options,
                               {&files, &native_environment()});
    };
    files.fail({.operation = operation, .call = 1, .error = EIO});
    REQUIRE_FAILS(system, unchanged, adopt());
    fs::rename(at / "part", at / "other");
    fs::rename(at / "other", at / "part");  // the same file
    const auto again = adopt();
    REQUIRE_FAILS(system, unchanged, again);
    CHECK(again.error().cause == std::errc::io_error);
    CHECK_THAT(again.error().message(), Contains("write it anew"));
    CHECK(slurp(at.file("target")) == "old");
    spit(at.file("anew"), "new");
    fs::rename(at / "anew", at / "part");
    REQUIRE_OK(adopt());
    CHECK(slurp(at.file("target")) == "new");
  }
}

TEST_CASE("what can't be adopted is refused in words, and stays") {
  const TempDirectory at;
  fs::create_directory(at / "below");
  fs::create_directory(at / "folder");
  spit(at.file("below/part"), "new");
  spit(at.file("part"), "new");
  fs::create_symlink("part", at / "link");
  const auto kind_of = [&](const std::string& written) {
    const auto refused = AtomicFile::adopt(at.file("target"), at.file(written));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Contains(at.file(written)));
    CHECK_FALSE(fs::exists(at / "target"));
    return refused.error().kind;
  };
  CHECK(kind_of("below/part") == ErrorKind::unsupported);
  CHECK(kind_of("folder") == ErrorKind::not_regular);
  CHECK(kind_of("link") != ErrorKind::unsupported);
  CHECK(kind_of("missing") == ErrorKind::system);
  CHECK(kind_of("target") == ErrorKind::invalid_argument);
  const int writing = ::open(at.file("part").c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(writing >= 0);
  CHECK(kind_of("part") == ErrorKind::conflict);
  ::close(writing);
  REQUIRE_OK(AtomicFile::adopt(at.file("target"), at.file("part")));
}

TEST_CASE("an adopted file can be verified, and committed by any protocol") {
  const TempDirectory at;
  const std::string large(1 << 20, 'x');
  spit(at.file("part"), large);
  const auto verified = AtomicFile::adopt(at.file("target"), at.file("part"), {.verify = true});
  REQUIRE_OK(verified);
  CHECK(slurp(at.file("target")) == large);
  spit(at.file("part"), "2");
  REQUIRE_OK(AtomicFile::adopt(at.file("target"), at.file("part"),
                               {.protocol = ProtocolChoice::automatic}));
  CHECK(slurp(at.file("target")) == "2");
  auto file = AtomicFile::create(at.file("text"));
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write("as text"));
  REQUIRE_OK(file.value().commit());
  CHECK(slurp(at.file("text")) == "as text");
}

// Found in review: on NFS the target kept its first name, too, by which its writer would write to
// it again.
TEST_CASE("an adopted file has one name, also where no rename spares what is there") {
  struct WithoutNoReplace final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      if (mode == RenameMode::no_replace) return std::make_error_code(std::errc::invalid_argument);
      return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    }
  };
  const TempDirectory at;
  spit(at.file("part"), "new");
  WithoutNoReplace files(native_file_system());
  REQUIRE_OK(AtomicFile::adopt(at.file("target"), at.file("part"),
                               {.existing = ExistingPolicy::keep},
                               {&files, &native_environment()}));
  CHECK(at.names() == std::vector<std::string>{"target"});
  fs::create_hard_link(at / "target", at / "part");
  const auto refused = AtomicFile::adopt(at.file("target"), at.file("part"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK_THAT(refused.error().message(), Contains("it has 2 names"));
}

// Found in review: others know its name, and the rename goes by the name.
TEST_CASE(
    "a file that is exchanged while it is adopted is not published as the one that was synced") {
  const TempDirectory at;
  struct Exchanging final : ForwardingFileSystem {
    Exchanging(FileSystem& base, std::function<void()> then)
        : ForwardingFileSystem(base), meddle(std::move(then)) {}
    SysResult<void> sync_file(Handle file) override {
      auto synced = ForwardingFileSystem::sync_file(file);
      meddle();
      return synced;
    }
    std::function<void()> meddle;
  };
  const auto adopt_while = [&](std::function<void()> meddle) {
    spit(at.file("part"), "new");
    spit(at.file("target"), "old");
    Exchanging files(native_file_system(), std::move(meddle));
    const auto refused =
        AtomicFile::adopt(at.file("target"), at.file("part"), {}, {&files, &native_environment()});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::conflict);
    CHECK(refused.error().fate == Fate::unchanged);
    CHECK(slurp(at.file("target")) == "old");
  };
  adopt_while([&] {
    fs::remove(at / "part");
    spit(at.file("part"), "half");
  });
  adopt_while([&] { std::ofstream(at.file("part"), std::ios::app) << "more"; });
  int writing = -1;
  adopt_while([&] { writing = ::open(at.file("part").c_str(), O_WRONLY | O_CLOEXEC); });
  ::close(writing);
  adopt_while([&] { fs::remove(at / "part"); });
}

TEST_CASE("the library's own names are not adopted") {
  const TempDirectory at;
  spit(at.file(".f.perdure-lock"), "");
  const auto refused = AtomicFile::adopt(at.file("target"), at.file(".f.perdure-lock"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::invalid_argument);
  CHECK(fs::exists(at / ".f.perdure-lock"));
}
