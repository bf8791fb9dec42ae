// SPDX-License-Identifier: BSL-1.0
// Many files at once by write_files: each has its own outcome, and they share what is dear.
#include <thread>

#include <perdure/files.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Claiming;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// `count` files, so many in each directory, with a content of their own.
struct Images {
  Images(const boost::filesystem::path& at, std::size_t count, std::size_t directories = 1) {
    for (std::size_t d = 0; d < directories; ++d) {
      boost::filesystem::create_directories(at / ("d" + std::to_string(d)));
    }
    for (std::size_t i = 0; i < count; ++i) contents.push_back("content " + std::to_string(i));
    for (std::size_t i = 0; i < count; ++i) {
      const auto directory = at / ("d" + std::to_string(i % directories));
      files.push_back({directory / std::to_string(i), as_bytes(contents[i])});
    }
  }
  std::vector<std::string> contents;
  std::vector<NewFile> files;
};

System through(FileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

}  // namespace

TEST_CASE("a batch writes each file, and says of each what was reached", "[P9]") {
  const TempDirectory at;
  Images images(at.path(), 600, 3);  // more than become durable together
  const auto results = write_files(images.files);
  REQUIRE(results.size() == 600);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE_OK(results[i]);
    CHECK(results[i].value().durability == Durability::durable);
    CHECK(results[i].value().bytes == images.contents[i].size());
    CHECK(results[i].value().commits_per_sync > 1);
    CHECK(test::slurp(images.files[i].target) == images.contents[i]);
  }
  CHECK(write_files({}).empty());
}

TEST_CASE("what becomes of one file of a batch says nothing of the others", "[P9]") {
  const TempDirectory at;
  Images images(at.path(), 4);
  boost::filesystem::create_directory(images.files[1].target);
  test::spit(images.files[2].target, "somebody's");
  images.files[2].expected = Version::absent();
  images.files.push_back({at / "missing/file", as_bytes("lost")});
  images.files.push_back({images.files[3].target, as_bytes("once more")});
  const auto results = write_files(images.files);
  REQUIRE_OK(results[0]);
  REQUIRE_FAILS(not_regular, unchanged, results[1]);
  REQUIRE_FAILS(conflict, unchanged, results[2]);
  REQUIRE_OK(results[3]);
  REQUIRE_FAILS(system, unchanged, results[4]);
  REQUIRE_FAILS(invalid_argument, unchanged, results[5]);
  CHECK(results[5].error().path == images.files[3].target.native());
  CHECK(test::slurp(images.files[2].target) == "somebody's");
  CHECK(test::slurp(images.files[3].target) == "content 3");
  CHECK(test::temps_in(at / "d0").empty());
}

TEST_CASE("a batch shares its syncs: portable each directory's, fast one for all",
          "[P20][budget]") {
  const TempDirectory at;
  const Images images(at.path(), 64, 4);
  Claiming ext4(test::good_ext4());
  struct Row {
    ProtocolChoice choice;
    std::uint64_t file_syncs;
    std::uint64_t directory_syncs;
    std::uint64_t awaited;
  };
  for (const Row& row :
       {Row{ProtocolChoice::portable, 64, 4, 0}, Row{ProtocolChoice::automatic, 1, 0, 64}}) {
    FaultyFileSystem counting(ext4);
    WriteOptions options;
    options.protocol = row.choice;
    const auto results = write_files(images.files, options, through(counting));
    for (const auto& result : results) {
      REQUIRE_OK(result);
      CHECK(result.value().commits_per_sync == (row.awaited == 0 ? 16 : 64));
    }
    CHECK(counting.calls(Operation::sync_file) == row.file_syncs);
    CHECK(counting.calls(Operation::sync_directory) == row.directory_syncs);
    CHECK(counting.calls(Operation::await_writeback) == row.awaited);
  }
}

TEST_CASE("whichever call of a batch fails, each file is old or new, and is said to be what it is",
          "[P9][P19]") {
  const auto protocol = GENERATE(ProtocolChoice::portable, ProtocolChoice::automatic);
  const std::string type = GENERATE("ext4", "btrfs");
  for (std::uint64_t n = 1;; ++n) {
    const TempDirectory at("/dev/shm");
    const Images images(at.path(), 4, 2);
    for (const NewFile& file : images.files) test::spit(file.target, "old");
    FileSystemInfo info = test::good_ext4();
    info.type = type;
    info.sync_reports = true;
    Claiming claiming(info);
    FaultyFileSystem faulty(claiming);
    faulty.fail({.call = n, .error = EIO});
    WriteOptions options;
    options.protocol = protocol;
    const auto results = write_files(images.files, options, through(faulty));
    const bool fired = faulty.fired() != 0;
    CAPTURE(n, faulty.log().size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string now = test::slurp(images.files[i].target);
      CHECK((now == "old" || now == images.contents[i]));
      if (results[i]) CHECK(now == images.contents[i]);
      if (!results[i]) {
        INFO(results[i].error().message());
        const Path& target = images.files[i].target;
        const std::string& path = results[i].error().path;  // or of the directory that won't open
        CHECK((path == target.native() || path == target.parent_path().native()));
        if (results[i].error().fate == Fate::unchanged) CHECK(now == "old");
        if (results[i].error().fate == Fate::visible) CHECK(now == images.contents[i]);
      }
    }
    if (!fired) break;
  }
}

// The error of the hint was dropped. Where ext4 finds no space for content that it took, it gives
// the pages up, and a later fsync has nothing to write.
TEST_CASE("a file of a batch whose writeback can't begin fails, and the others don't",
          "[P9][P19]") {
  const TempDirectory at;
  const Images images(at.path(), 3);
  for (const NewFile& file : images.files) test::spit(file.target, "old");
  Claiming ext4(test::good_ext4());
  WriteOptions options;
  options.protocol = GENERATE(ProtocolChoice::portable, ProtocolChoice::automatic);
  const auto write_with = [&](int error) {
    FaultyFileSystem faulty(ext4);
    faulty.fail({.operation = Operation::start_writeback, .call = 2, .error = error});
    return write_files(images.files, options, through(faulty));
  };
  for (const int error : {ENOSPC, EIO}) {
    const auto results = write_with(error);
    REQUIRE_OK(results[0]);
    REQUIRE_FAILS(system, unchanged, results[1]);
    CHECK(results[1].error().cause.value() == error);
    REQUIRE_OK(results[2]);
    CHECK(test::slurp(images.files[1].target) == "old");
  }
  for (const int error : {ENOSYS, EINVAL, EOPNOTSUPP, EINTR}) {  // the sync does it all
    CAPTURE(error);
    for (const auto& result : write_with(error)) REQUIRE_OK(result);
  }
}

TEST_CASE("a small batch on btrfs syncs what is its own, a larger one everything", "[P9]") {
  const TempDirectory at;
  FileSystemInfo info;
  info.type = "btrfs";
  info.sync_reports = true;
  WriteOptions options;
  options.protocol = ProtocolChoice::automatic;
  const auto calls_of = [&](std::size_t files) {
    Claiming btrfs(info);
    FaultyFileSystem counting(btrfs);
    const Images images(at.path(), files);
    for (const auto& result : write_files(images.files, options, through(counting))) {
      REQUIRE_OK(result);
    }
    return std::pair(counting.calls(Operation::sync_file_system),
                     counting.calls(Operation::sync_file));
  };
  CHECK(calls_of(3) == std::pair<std::uint64_t, std::uint64_t>(0, 3));
  CHECK(calls_of(64) == std::pair<std::uint64_t, std::uint64_t>(2, 0));
  info.sync_reports = false;  // an old kernel, which would not say that something was lost
  CHECK(calls_of(64) == std::pair<std::uint64_t, std::uint64_t>(0, 64));
}

TEST_CASE("two batches that lock the same files in other orders do not wait for each other",
          "[P8]") {
  const TempDirectory at("/dev/shm");
  const Images images(at.path(), 20);
  std::vector<NewFile> backwards(images.files.rbegin(), images.files.rend());
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::minutes(2);
  std::vector<std::string> wrong(2);
  const auto write = [&](std::span<const NewFile> files, std::string& words) {
    for (int round = 0; round < 10; ++round) {
      for (const auto& result : write_files(files, options)) {
        if (!result) words = result.error().message();
      }
    }
  };
  std::thread other([&] { write(backwards, wrong[1]); });
  write(images.files, wrong[0]);
  other.join();
  CHECK(wrong == std::vector<std::string>(2));
}

TEST_CASE("device flushes of a batch of 64: fast at most 3, whole at most 6", "[P20][budget]") {
  struct Row {
    test::DiskKind kind;
    Protocol protocol;
    std::uint64_t flushes_max;
  };
  for (const Row& row :
       {Row{test::ext4_disk, Protocol::fast, 3}, Row{test::xfs_disk, Protocol::fast, 3},
        Row{test::btrfs_disk, Protocol::whole, 6}}) {
    const test::Disk disk(row.kind);
    if (!disk.error().empty()) return test::skip(row.kind.name + ": " + disk.error());
    const Images images(disk.path(), 64, 4);
    WriteOptions options;
    options.protocol = ProtocolChoice::automatic;
    disk.sync();
    const auto before = disk.flushes();
    for (const auto& result : write_files(images.files, options)) {
      REQUIRE_OK(result);
      CHECK(result.value().protocol == row.protocol);
      CHECK(result.value().commits_per_sync == 64);
    }
    CAPTURE(row.kind.name);
    CHECK(disk.flushes() - before <= row.flushes_max);
    CHECK(disk.flushes() - before >= 1);
  }
}
