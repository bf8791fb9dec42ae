// SPDX-License-Identifier: BSL-1.0
// Versions where stamps can't tell: coarse clocks, inodes that are reused, foreign stamps.
#include <functional>
#include <string>
#include <vector>

#include <boost/filesystem.hpp>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"
#include "support/ticking.hpp"

namespace perdure {
namespace {

using test::TempDirectory;
using test::TickingEnvironment;
using testing::ManualEnvironment;
using testing::SimulatedFileSystem;

/// A disk on which all changes of a test fall into one tick.
struct CoarseDisk {
  CoarseDisk() {
    files.stop_clock();
    files.put("/d/target", "old");
  }
  [[nodiscard]] System system() { return {&files, &environment}; }
  [[nodiscard]] Version version() { return read_version("/d/target", system()).value(); }

  SimulatedFileSystem files;
  ManualEnvironment environment;
};

/// Other programs' changes between a look and the commit that expects it, all of one size.
struct Meddling {
  std::string name;
  std::function<void(CoarseDisk&)> meddle;
};
const std::vector<Meddling> meddlings{
    {"written in place",
     [](CoarseDisk& disk) {
       const Handle directory = disk.files.open_directory(Handle::working_directory, "/d").value();
       const Handle file = disk.files.open_lock(directory, "target").value();
       REQUIRE(disk.files.write_at(file, 0, as_bytes("OLD")).value() == 3);
       REQUIRE(disk.files.close(file));
       REQUIRE(disk.files.close(directory));
     }},
    {"replaced twice, with its inode again",
     [](CoarseDisk& disk) {
       REQUIRE_OK(write_file("/d/target", "mid", {}, disk.system()));
       REQUIRE_OK(write_file("/d/target", "OLD", {}, disk.system()));
     }},
};

TEST_CASE("two contents never have one version, however coarse the clock is", "[P5]") {
  for (const auto& [name, meddle] : meddlings) {
    INFO(name);
    CoarseDisk disk;
    const Version before = disk.version();
    meddle(disk);
    const Version after = disk.version();
    CHECK(after != before);
    CHECK(after.same_stamps(before));  // else this test shows nothing
  }
}

TEST_CASE("a commit that expects a version notices what a coarse clock hides", "[P5]") {
  using Act = std::function<Result<void>(const Version&, System)>;
  const std::vector<std::pair<std::string, Act>> acts{
      {"write_file",
       [](const Version& version, System system) -> Result<void> {
         BOOST_OUTCOME_TRY(write_file("/d/target", "new", {.expected = version}, system));
         return success();
       }},
      {"AtomicFile",
       [](const Version& version, System system) -> Result<void> {
         BOOST_OUTCOME_TRY(auto file,
                           AtomicFile::create("/d/target", {.expected = version}, system));
         BOOST_OUTCOME_TRY(file.commit());
         return success();
       }},
      {"remove_file",
       [](const Version& version, System system) {
         return remove_file("/d/target", {.expected = version}, system);
       }},
      {"write_files",
       [](const Version& version, System system) -> Result<void> {
         const std::array files{
             NewFile{.target = "/d/target", .image = as_bytes("new"), .expected = version}};
         BOOST_OUTCOME_TRY(std::move(write_files(files, {}, system).front()));
         return success();
       }},
      {"Transaction",
       [](const Version& version, System system) -> Result<void> {
         TransactionOptions options;
         options.system = system;
         BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/d", options));
         BOOST_OUTCOME_TRY(transaction.expect("target", version));
         BOOST_OUTCOME_TRY(transaction.put("target", "new"));
         BOOST_OUTCOME_TRY(transaction.commit());
         return success();
       }},
  };
  for (const auto& [act_name, act] : acts) {
    for (const auto& [name, meddle] : meddlings) {
      INFO(act_name << " of a target that was " << name);
      CoarseDisk disk;
      const Version version = disk.version();
      meddle(disk);
      REQUIRE_FAILS(conflict, unchanged, act(version, disk.system()));
      CHECK(disk.files.content("/d/target") == "OLD");
    }
    INFO(act_name << " of a target that nobody touched");
    CoarseDisk disk;
    REQUIRE_OK(act(disk.version(), disk.system()));
  }
}

TEST_CASE("the version of a receipt is that of its content under a coarse clock", "[P5]") {
  CoarseDisk disk;
  const auto receipt = write_file("/d/target", "one", {.report_version = true}, disk.system());
  REQUIRE_OK(receipt);
  CHECK(receipt.value().version == disk.version());
  REQUIRE_OK(write_file("/d/target", "mid", {}, disk.system()));
  REQUIRE_OK(write_file("/d/target", "two", {}, disk.system()));
  REQUIRE_FAILS(
      conflict, unchanged,
      write_file("/d/target", "new", {.expected = receipt.value().version}, disk.system()));
}

TEST_CASE("a reader waits out the tick of a change, and needs no hash then", "[P5]") {
  CoarseDisk disk;
  TickingEnvironment ticking(disk.files);
  const auto read = read_file("/d/target", 100, {&disk.files, &ticking});
  REQUIRE_OK(read);
  CHECK(ticking.sleeps() == 1);
  CHECK(read.value().version.content == 0);
}

TEST_CASE("versions of a file that nobody changed are equal, within the tick or behind it",
          "[P5]") {
  CoarseDisk disk;
  TickingEnvironment ticking(disk.files);
  const System system{&disk.files, &ticking};
  const auto first = read_version("/d/target", system);
  REQUIRE_OK(first);
  CHECK(ticking.sleeps() == 1);
  CHECK(first.value() == read_version("/d/target", system).value());
  CHECK(first.value() == read_file("/d/target", 100, system).value().version);
}

/// Stamps files by a clock of which nothing is known, and runs `between` before the second read.
class ForeignFileSystem final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  Stamps stamps(Handle /*handle*/, const Status& /*status*/) override { return Stamps::foreign; }
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    if (++reads == 2 && between) between();
    return ForwardingFileSystem::read_at(file, offset, out);
  }

  int reads = 0;
  std::function<void()> between;
};

TEST_CASE("content under foreign stamps is read until two passes agree", "[P5]") {
  CoarseDisk disk;
  ForeignFileSystem foreign(disk.files);
  foreign.between = [&] { meddlings.front().meddle(disk); };
  const auto read = read_file("/d/target", 100, {&foreign, &disk.environment});
  REQUIRE_OK(read);
  CHECK(as_text(read.value().bytes) == "OLD");
  CHECK(read.value().version.content != 0);
}

TEST_CASE("a version of the content holds for the content, in whatever file", "[P5]") {
  const TempDirectory directory;
  const auto target = directory / "target";
  test::spit(target, "old");
  const Version version = read_content_version(target).value();
  CHECK(parse_version(to_string(version)).value() == version);
  SECTION("another mode, another name") {
    REQUIRE(::chmod(target.c_str(), 0600) == 0);
    boost::filesystem::create_hard_link(target, directory / "link");
  }
  SECTION("a copy in its place") {
    boost::filesystem::copy_file(target, directory / "copy");
    boost::filesystem::rename(directory / "copy", target);
  }
  REQUIRE_OK(write_file(target, "new", {.expected = version}));
  REQUIRE_FAILS(conflict, unchanged, write_file(target, "new", {.expected = version}));
  CHECK(test::slurp(target) == "new");
}

TEST_CASE("versions with a hash survive their way through text", "[P5]") {
  CoarseDisk disk;
  const Version version = disk.version();
  REQUIRE(version.content != 0);
  CHECK(parse_version(to_string(version)).value() == version);
}

/// How this kernel stamps files in a directory of a real file system.
Stamps stamps_at(const boost::filesystem::path& at) {
  FileSystem& files = native_file_system();
  const OwnedHandle directory(files,
                              files.open_directory(Handle::working_directory, at.native()).value());
  return files.stamps(directory.get(), files.stat(directory.get()).value());
}

TEST_CASE("ext3 stamps by the tick on every kernel, and its versions have a hash", "[P5]") {
  const test::Disk disk(64, {"mkfs.ext3", "-q", "-F"});
  if (!disk.error().empty()) return test::skip(disk.error());
  CHECK(stamps_at(disk.path()) == Stamps::ticks);
  for (int i = 10; i < 60; ++i) {
    test::spit(disk.path() / "target", std::to_string(i));
    const Version version = read_version(disk.path() / "target").value();
    test::spit(disk.path() / "target", "99");
    REQUIRE_FAILS(conflict, unchanged,
                  write_file(disk.path() / "target", "new",
                             {.durability = Durability::none, .expected = version}));
  }
}

}  // namespace
}  // namespace perdure
