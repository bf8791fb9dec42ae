// SPDX-License-Identifier: BSL-1.0
// The story that the library is told by.
#include <cerrno>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

System over(FaultyFileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

/// An old target, and a commit over it in which the first call of `operation` fails.
struct Failing {
  explicit Failing(Operation operation, int error) {
    test::spit(directory / "target", "old content");
    files.fail({.operation = operation, .call = 1, .error = error});
    outcome = write_file(directory / "target", "new", {}, over(files));
  }
  void check_nothing_changed() const {
    REQUIRE(files.fired() == 1);
    REQUIRE_FAILS(system, unchanged, *outcome);
    CHECK(test::slurp(directory / "target") == "old content");
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
    CHECK(files.handles_open() == 0);
  }

  TempDirectory directory;
  FaultyFileSystem files{native_file_system()};
  std::optional<Result<Receipt>> outcome;
};

}  // namespace

TEST_CASE("atomic replace is used", "[P1]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const auto before = test::status_of(directory / "target");
  FaultyFileSystem files(native_file_system());
  REQUIRE_OK(write_file(directory / "target", "new", {}, over(files)));
  CHECK(files.calls(Operation::rename) == 1);
  CHECK(test::slurp(directory / "target") == "new");
  CHECK(test::status_of(directory / "target").st_ino != before.st_ino);
  for (const auto& call : files.log()) {
    if (call.operation == Operation::create) CHECK(call.name != "target");
  }
}

TEST_CASE("temp cleaned up when the write fails", "[P16]") {
  Failing(Operation::write_at, ENOSPC).check_nothing_changed();
}

TEST_CASE("temp cleaned up when the sync fails", "[P16]") {
  Failing(Operation::sync_file, EIO).check_nothing_changed();
}

TEST_CASE("the existing file is not corrupted by a failure", "[P1]") {
  for (const auto operation : {Operation::create, Operation::write_at, Operation::list_xattrs,
                               Operation::stat, Operation::sync_file, Operation::rename}) {
    CAPTURE(to_string(operation));
    Failing(operation, EIO).check_nothing_changed();
  }
}

TEST_CASE("no temp left after success", "[P16]") {
  const TempDirectory directory;
  for (int i = 0; i < 3; ++i) {
    REQUIRE_OK(write_file(directory / "target", std::to_string(i)));
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  }
  auto file = AtomicFile::create(directory / "target");
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes("streamed")));
  REQUIRE_OK(file.value().commit());
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  CHECK(test::slurp(directory / "target") == "streamed");
}

TEST_CASE("the temp is in the target's directory") {
  const TempDirectory directory;
  boost::filesystem::create_directory(directory / "sub");
  auto file = AtomicFile::create(directory / "sub" / "target");
  REQUIRE_OK(file);
  const auto names = test::list(directory / "sub");
  REQUIRE(names.size() == 1);
  CHECK(names[0].starts_with(".target."));
  CHECK(test::list(directory.path()) == std::vector<std::string>{"sub"});
  REQUIRE_OK(file.value().discard());
  CHECK(test::list(directory / "sub").empty());
}

TEST_CASE("a writer is bound to its directory, wherever that is moved to") {
  const TempDirectory directory;
  boost::filesystem::create_directory(directory / "before");
  const auto writer = AtomicWriter::bind(directory / "before");
  REQUIRE_OK(writer);
  boost::filesystem::rename(directory / "before", directory / "after");
  REQUIRE_OK(writer.value().commit("target", "new"));
  CHECK(test::slurp(directory / "after" / "target") == "new");
}

TEST_CASE("an empty image makes an empty file") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  REQUIRE_OK(write_file(directory / "target", ""));
  CHECK(test::slurp(directory / "target").empty());
}

TEST_CASE("a large image is preallocated and comes back intact, verified") {
  const TempDirectory directory;
  std::string image(std::size_t{3} << 20U, '\0');
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<char>(i * 31 >> 7U);
  WriteOptions options;
  options.verify = true;
  FaultyFileSystem files(native_file_system());
  const auto receipt = write_file(directory / "target", image, options, over(files));
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == image.size());
  CHECK(files.calls(Operation::preallocate) == 1);
  CHECK(test::slurp(directory / "target") == image);
}

TEST_CASE("a streamed file gathers small writes and commits all of them, verified") {
  const TempDirectory directory;
  FaultyFileSystem files(native_file_system());
  WriteOptions options;
  options.verify = true;
  auto file = AtomicFile::create(directory / "target", options, over(files));
  REQUIRE_OK(file);
  std::string all;
  for (int i = 0; i < 20'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    REQUIRE(file.value().write(as_bytes(piece)).has_value());
    all += piece;
  }
  CHECK(file.value().size() == all.size());
  CHECK(files.calls(Operation::write_at) <= 3);
  const std::string large(200'000, 'L');
  REQUIRE_OK(file.value().write(as_bytes(large)));
  all += large;
  const auto receipt = file.value().commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().bytes == all.size());
  CHECK(test::slurp(directory / "target") == all);
  CHECK(files.handles_open() == 1);  // its directory's
}

TEST_CASE("a streamed file that is dropped or discarded leaves nothing", "[P16]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  {
    auto dropped = AtomicFile::create(directory / "target");
    REQUIRE_OK(dropped);
    REQUIRE_OK(dropped.value().write(as_bytes("new")));
  }
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  auto file = AtomicFile::create(directory / "target");
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().discard());
  REQUIRE_OK(file.value().discard());
  REQUIRE_FAILS(invalid_argument, unchanged, file.value().write(as_bytes("x")));
  REQUIRE_FAILS(invalid_argument, unchanged, file.value().commit());
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("a streamed file can be committed once, and never written to after it") {
  const TempDirectory directory;
  auto file = AtomicFile::create(directory / "target");
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes("new")));
  REQUIRE_OK(file.value().commit());
  REQUIRE_FALSE(file.value().write(as_bytes("more")).has_value());
  REQUIRE_FALSE(file.value().commit().has_value());
  CHECK(test::slurp(directory / "target") == "new");
}

TEST_CASE("a streamed file that was published can't be written to, even if its commit failed") {
  // The read of the new version failed after the publish, the descriptor stayed open, and the next
  // write went straight into the published target.
  const TempDirectory directory;
  FaultyFileSystem files(native_file_system());
  WriteOptions options;
  options.report_version = true;
  options.metadata = Metadata::fixed(0644);  // needs no look at the temp before the publish
  auto file = AtomicFile::create(directory / "target", options, over(files));
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes("new")));
  files.restart();
  files.fail({.operation = Operation::stat, .error = EIO, .from_then_on = true});
  REQUIRE_FAILS(system, durable, file.value().commit());
  files.heal();
  const std::string large(100'000, 'x');
  REQUIRE_FALSE(file.value().write(as_bytes(large)).has_value());
  CHECK(test::slurp(directory / "target") == "new");
}

TEST_CASE("a streamed file gives its target's lock back when the commit fails", "[P8]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  FaultyFileSystem files(native_file_system());
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  auto file = AtomicFile::create(directory / "target", options, over(files));
  REQUIRE_OK(file);
  files.restart();
  files.fail({.operation = Operation::list_xattrs_at, .error = EIO});
  REQUIRE_FAILS(system, unchanged, file.value().commit());
  CHECK(files.handles_open() == 1);  // its directory
  REQUIRE_OK(write_file(directory / "target", "other", options));
}

TEST_CASE("a streamed file sees what became of its target in the meantime") {
  const TempDirectory directory;
  SECTION("it was removed") {
    test::spit(directory / "target", "old", 0600);
    auto file = AtomicFile::create(directory / "target");
    REQUIRE_OK(file);
    boost::filesystem::remove(directory / "target");
    REQUIRE_OK(file.value().commit());
    CHECK(boost::filesystem::exists(directory / "target"));
  }
  SECTION("its mode was changed") {
    test::spit(directory / "target", "old", 0644);
    auto file = AtomicFile::create(directory / "target");
    REQUIRE_OK(file);
    test::spit(directory / "target", "old", 0600);
    REQUIRE_OK(file.value().commit());
    CHECK(test::mode_of(directory / "target") == 0600);
  }
  SECTION("a directory was made there") {
    auto file = AtomicFile::create(directory / "target");
    REQUIRE_OK(file);
    boost::filesystem::create_directory(directory / "target");
    REQUIRE_FAILS(not_regular, unchanged, file.value().commit());
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  }
  SECTION("a link was put there") {
    test::spit(directory / "real", "old");
    auto file = AtomicFile::create(directory / "target");
    REQUIRE_OK(file);
    boost::filesystem::create_symlink("real", directory / "target");
    REQUIRE_FAILS(symlink_refused, unchanged, file.value().commit());
    CHECK(test::slurp(directory / "real") == "old");
    CHECK(boost::filesystem::is_symlink(directory / "target"));
  }
}

TEST_CASE("a removed file is gone, durably, and removing a link spares what it points at") {
  const TempDirectory directory;
  test::spit(directory / "real", "content");
  boost::filesystem::create_symlink("real", directory / "target");
  FaultyFileSystem files(native_file_system());
  REQUIRE_OK(remove_file(directory / "target", {}, over(files)));
  CHECK(files.calls(Operation::sync_directory) == 1);
  CHECK(test::list(directory.path()) == std::vector<std::string>{"real"});
  const auto missing = remove_file(directory / "target");
  REQUIRE_FAILS(system, unchanged, missing);
  CHECK(missing.error().cause == std::errc::no_such_file_or_directory);
  WriteOptions options;
  options.durability = Durability::none;
  files.restart();
  REQUIRE_OK(remove_file(directory / "real", options, over(files)));
  CHECK(files.calls(Operation::sync_directory) == 0);
}

TEST_CASE("a file is read with the version of its content, links followed") {
  const TempDirectory directory;
  test::spit(directory / "real", std::string("a\0b", 3));
  boost::filesystem::create_symlink("real", directory / "link");
  const auto content = read_file(directory / "link");
  REQUIRE_OK(content);
  CHECK(as_text(content.value().bytes) == std::string_view("a\0b", 3));
  // The stamps alone: on a coarse clock, one of both looks may have come within the tick.
  CHECK(content.value().version.same_stamps(read_version(directory / "real").value()));
  CHECK(content.value().version.size == 3);
  CHECK(read_version(directory / "none").value().is_absent());
  REQUIRE_FAILS(invalid_argument, unchanged, read_file(directory / "link", 2));
  CHECK(read_file(directory / "none").error().cause == std::errc::no_such_file_or_directory);
  REQUIRE_FAILS(not_regular, unchanged, read_file(directory.path()));
}

TEST_CASE("a sparse file that no memory can hold is an error, not an exception", "[P18]") {
  if (test::sanitized) return test::skip("a sanitizer ends the program for so large a request");
  const TempDirectory directory;
  test::spit(directory / "target", "");
  if (::truncate((directory / "target").c_str(), off_t{1} << 43U) != 0) {
    return test::skip("this file system keeps no file of 8 TiB");
  }
  const auto read = read_file(directory / "target");
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().cause == std::errc::not_enough_memory);
}

TEST_CASE("clean removes what a crash left, and nothing else", "[P15]") {
  const TempDirectory directory;
  const std::string stale = ".target.0123456789abcdef.perdure-tmp";
  const std::string tried =
      ".link.0123456789abcdef.perdure-tmp";  // by a transaction that was killed
  test::spit(directory / "target", "content");
  test::spit(directory / stale, "half");
  test::spit(directory / ".target.perdure-lock", "");
  test::spit(directory / ".almost.0123456789abcde.perdure-tmp", "");
  boost::filesystem::create_directory(directory / ".dir.0123456789abcdef.perdure-tmp");
  test::spit(directory / ".dir.0123456789abcdef.perdure-tmp/file", "somebody's");
  boost::filesystem::create_symlink("target", directory / tried);
  auto live = AtomicFile::create(directory / "target");
  REQUIRE_OK(live);
  const auto before = test::list(directory.path());

  const auto dry = clean(directory.path(), {.dry_run = true});
  REQUIRE_OK(dry);
  CHECK(dry.value().removed == std::vector<std::string>{tried, stale});
  CHECK(test::list(directory.path()) == before);

  const auto cleaned = clean(directory.path());
  REQUIRE_OK(cleaned);
  CHECK(cleaned.value().removed == std::vector<std::string>{tried, stale});
  CHECK(cleaned.value().live.size() == 1);
  CHECK(cleaned.value().skipped.size() == 1);
  auto expected = before;
  for (const std::string& gone : {tried, stale}) std::erase(expected, gone);
  CHECK(test::list(directory.path()) == expected);
  REQUIRE_OK(live.value().commit());
}

TEST_CASE("a directory is probed without leaving anything in it", "[P16]") {
  const TempDirectory directory;
  const auto report = probe(directory.path());
  REQUIRE_OK(report);
  CHECK_FALSE(report.value().reason.empty());
  CHECK_FALSE(report.value().file_system.type.empty());
  CHECK(report.value().file_system.block_size > 0);
  CHECK(report.value().capabilities.size() >= 10);
  for (const auto& capability : report.value().capabilities) {
    CAPTURE(capability.name);
    CHECK(capability.supported == capability.reason.empty());
  }
  CHECK(test::list(directory.path()).empty());
}

TEST_CASE("clean leaves a transaction's apply temp to its recovery", "[P15]") {
  const TempDirectory directory;
  const std::string name = ".target.0123456789abcdef.perdure-put";
  test::spit(directory / name, "on its way");
  const auto report = clean(directory.path());
  REQUIRE_OK(report);
  CHECK(report.value().removed.empty());
  CHECK(report.value().skipped == std::vector<std::string>{name});
  CHECK(test::slurp(directory / name) == "on its way");
}

TEST_CASE("clean removes nothing where the kernel does not see every writer", "[P15]") {
  const TempDirectory directory;
  const std::string full = ".full.0123456789abcdef.perdure-tmp";
  const std::string empty = ".empty.0123456789abcdef.perdure-tmp";
  for (const char* type : {"overlay", "fuse.bindfs", "fuse", "nfs4", "cifs", "9p", "zfs", ""}) {
    CAPTURE(type);
    test::spit(directory / full, "half");
    test::spit(directory / empty, "");
    FileSystemInfo info;
    info.type = type;
    test::Claiming files(info);
    const auto report =
        clean(directory.path(), {}, {.files = &files, .environment = &native_environment()});
    REQUIRE_OK(report);
    CHECK(report.value().removed.empty());
    CHECK(report.value().skipped.size() == 2);
    CHECK(test::temps_in(directory.path()).size() == 2);
  }
}
