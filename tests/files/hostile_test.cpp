// SPDX-License-Identifier: BSL-1.0
// Places and things where a commit can't work: each gives an error that a person can act on, and
// leaves the target as it was.
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/attributes.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

void check_words(const Error& error, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    CAPTURE(word, error.message());
    CHECK(error.message().find(word) != std::string::npos);
  }
}

/// Fills the file system that `directory` lies on to its last block.
void fill(const fs::path& directory) {
  for (const std::size_t size : {std::size_t{1} << 16U, std::size_t{4096}, std::size_t{1}}) {
    const std::string block(size, 'f');
    const int fd = ::open((directory / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    ::fsync(fd);
    ::close(fd);
  }
}

/// Commits of several sizes and kinds over "target" fail, and leave it alone.
void check_full(const fs::path& directory) {
  for (const std::size_t size : {std::size_t{8192}, std::size_t{600'000}, std::size_t{3} << 20U}) {
    const std::string image(size, 'n');
    CAPTURE(size);
    const auto failed = write_file(directory / "target", image);
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().cause == std::errc::no_space_on_device);
    check_words(failed.error(), {"target'", "No space left on device", "the target is unchanged",
                                 "free some space"});
    auto file = AtomicFile::create(directory / "target");
    if (file) {
      auto done = file.value().write(as_bytes(image));
      if (done) {
        const auto receipt = file.value().commit();
        CHECK_FALSE(receipt.has_value());
        CHECK(receipt.error().fate == Fate::unchanged);
      }
    }
    CHECK(test::slurp(directory / "target") == "old content");
    CHECK(test::temps_in(directory).empty());
  }
}

}  // namespace

TEST_CASE("full disk: tmpfs", "[P19]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory at;
  const test::Mount mount({"-t", "tmpfs", "-o", "size=1m", "tmpfs", at.path().native()});
  REQUIRE(mount.error() == "");
  test::spit(at / "target", "old content");
  fill(at.path());
  check_full(at.path());
  fs::remove(at / "filler");
  REQUIRE_OK(write_file(at / "target", "new"));
}

TEST_CASE("full disk: a small ext4", "[P19]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const test::Disk disk(8, {"mkfs.ext4", "-q", "-F", "-m", "0"});
  if (!disk.error().empty()) return test::skip(disk.error());
  test::spit(disk.path() / "target", "old content");
  fill(disk.path());
  check_full(disk.path());
  fs::remove(disk.path() / "filler");
  REQUIRE_OK(write_file(disk.path() / "target", "new"));
}

TEST_CASE("a quota that is used up", "[P19]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old content");
  for (const auto operation : {testing::Operation::create, testing::Operation::write_at,
                               testing::Operation::sync_file, testing::Operation::rename}) {
    testing::FaultyFileSystem files(native_file_system());
    files.fail({.operation = operation, .error = EDQUOT});
    const auto failed = write_file(directory / "target", "new", {},
                                   {.files = &files, .environment = &native_environment()});
    REQUIRE_FAILS(system, unchanged, failed);
    check_words(failed.error(),
                {"target'", "quota exceeded", "the target is unchanged", "free some space"});
    CHECK(test::slurp(directory / "target") == "old content");
    CHECK(test::temps_in(directory.path()).empty());
  }
}

TEST_CASE("a mount that is read-only", "[P19]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory at;
  const test::Mount mount({"-t", "tmpfs", "tmpfs", at.path().native()});
  REQUIRE(mount.error() == "");
  test::spit(at / "target", "old content");
  REQUIRE(test::run({"mount", "-o", "remount,ro", at.path().native()}).status == 0);
  WriteOptions coordinated;
  coordinated.coordinate = true;
  for (const auto& options : {WriteOptions(), coordinated}) {
    const auto failed = write_file(at / "target", "new", options);
    REQUIRE_FAILS(system, unchanged, failed);
    check_words(failed.error(), {"target'", "Read-only file system", "remount it for writing"});
  }
  REQUIRE_FAILS(system, unchanged, remove_file(at / "target"));
  const auto probed = probe(at.path());
  REQUIRE_FAILS(system, unchanged, probed);
  CHECK(probed.error().detail == "");  // it made no temp that could be left
  CHECK(as_text(read_file(at / "target").value().bytes) == "old content");
}

TEST_CASE("a directory that is missing, or a file") {
  const TempDirectory directory;
  const auto missing = write_file(directory / "none" / "target", "new");
  REQUIRE_FAILS(system, unchanged, missing);
  check_words(missing.error(), {"open the directory", "none'", "No such file or directory",
                                "make the directory first"});
  test::spit(directory / "file", "old");
  WriteOptions options;
  options.make_parents = true;
  for (const auto& path : {directory / "file" / "target", directory / "file" / "a" / "target"}) {
    const auto failed = write_file(path, "new", options);
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().cause == std::errc::not_a_directory);
  }
  CHECK(test::slurp(directory / "file") == "old");
}

TEST_CASE("a directory as the target, a trailing slash, an empty path") {
  const TempDirectory directory;
  fs::create_directory(directory / "target");
  const auto failed = write_file(directory / "target", "new");
  REQUIRE_FAILS(not_regular, unchanged, failed);
  check_words(failed.error(), {"it is a directory"});
  REQUIRE_FAILS(invalid_argument, unchanged,
                write_file((directory / "target").native() + "/", "new"));
  REQUIRE_FAILS(invalid_argument, unchanged, write_file(directory / "target" / ".", "new"));
  REQUIRE_FAILS(invalid_argument, unchanged, write_file(directory / "target" / "..", "new"));
  REQUIRE_FAILS(invalid_argument, unchanged, write_file("", "new"));
  REQUIRE_FAILS(invalid_argument, unchanged, write_file("/", "new"));
  REQUIRE_FAILS(invalid_argument, unchanged, read_file(directory.path().native() + "/"));
  REQUIRE_FAILS(not_regular, unchanged, remove_file(directory / "target"));
  REQUIRE_FAILS(not_regular, unchanged, read_file(directory / "target"));
  const auto writer = AtomicWriter::bind(directory.path());
  REQUIRE_OK(writer);
  for (const char* leaf : {"", ".", "..", "a/b", "/etc/x"}) {
    REQUIRE_FAILS(invalid_argument, unchanged, writer.value().commit(leaf, "new"));
  }
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("a path with a zero byte means no other path") {
  // The system calls see the path only up to there: the file went into another directory.
  const TempDirectory directory;
  fs::create_directory(directory / "a");
  const std::string zero("\0", 1);
  for (const auto& path : {fs::path((directory / "a").native() + zero + "b/target"),
                           fs::path((directory / "a" / "target").native() + zero + "x")}) {
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(path, "new"));
    REQUIRE_FALSE(read_file(path).has_value());
    REQUIRE_FALSE(remove_file(path).has_value());
    REQUIRE_FALSE(AtomicFile::create(path).has_value());
  }
  REQUIRE_FAILS(invalid_argument, unchanged, clean((directory / "a").native() + zero));
  REQUIRE_FAILS(invalid_argument, unchanged, probe((directory / "a").native() + zero));
  CHECK(test::list(directory / "a").empty());
}

TEST_CASE("names of 255 bytes work, with a lock and a temp, and longer ones fail") {
  const TempDirectory directory;
  WriteOptions options;
  options.coordinate = true;
  for (const std::string& leaf : {std::string(255, 'x'), std::string(254, 'x') + "y",
                                  std::string(127, 'z') + std::string(128, '\xff')}) {
    REQUIRE_OK(write_file(directory / leaf, "new", options));
    REQUIRE_OK(write_file(directory / leaf, "newer", options));
    CHECK(test::slurp(directory / leaf) == "newer");
  }
  CHECK(test::list(directory.path()).size() == 6);
  const auto failed = write_file(directory / std::string(256, 'x'), "new");
  REQUIRE_FAILS(system, unchanged, failed);
  check_words(failed.error(), {"File name too long", "choose a shorter name"});
}

TEST_CASE("no permission") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  test::spit(directory / "target", "old", 0666);  // the file is open to all: its directory counts
  const auto said = test::as_user(
      test::nobody, [&] { return test::say(write_file(directory / "target", "new")); });
  CHECK(said == "'" + (directory / "target").native() +
                    "': could not create a temp: Permission denied; the target is unchanged; the "
                    "temp lies beside the target: give this user write permission for the "
                    "directory");
  REQUIRE(::chmod(directory.path().c_str(), 0700) == 0);
  CHECK(test::as_user(test::nobody, [&] {
          return test::say(write_file(directory / "target", "new"));
        }).find("Permission denied") != std::string::npos);
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("a file of another user in a directory like /tmp can't be replaced", "[P17]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 01777) == 0);
  test::spit(directory / "target", "old", 0666);
  const auto said = test::as_user(test::nobody, [&] {
    WriteOptions options;
    options.metadata = Metadata::fixed(0644);
    return test::say(write_file(directory / "target", "new", options));
  });
  CHECK(said.find("Operation not permitted") != std::string::npos);
  CHECK(said.find("the target is unchanged") != std::string::npos);
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("a FIFO, a socket, a device are refused as targets, and nobody waits for them", "[P17]") {
  const TempDirectory directory;
  const auto target = directory / "target";
  SECTION("FIFO") {
    REQUIRE(::mkfifo(target.c_str(), 0666) == 0);
  }
  SECTION("socket") {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    target.native().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
  }
  SECTION("device") {
    if (::mknod(target.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
      return test::skip("needs root to make a device");
    }
  }
  const auto mode = test::status_of(target).st_mode;
  const auto failed = write_file(target, "new");
  REQUIRE_FAILS(not_regular, unchanged, failed);
  check_words(failed.error(), {"it is a FIFO, a socket or a device"});
  REQUIRE_FAILS(not_regular, unchanged, AtomicFile::create(target));
  REQUIRE_FAILS(not_regular, unchanged, read_file(target));
  CHECK(test::status_of(target).st_mode == mode);
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("an immutable or append-only file: a clear error, and it can be read") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const auto mark = [&](const char* flag) {
    return test::run({"chattr", flag, (directory / "target").native()});
  };
  for (const auto& [set, unset] : {std::pair{"+i", "-i"}, std::pair{"+a", "-a"}}) {
    const auto marked = mark(set);
    if (marked.status != 0) return test::skip("chattr: " + marked.said());
    const auto failed = write_file(directory / "target", "new");
    const auto removed = remove_file(directory / "target");
    const auto read = read_file(directory / "target");
    const auto version = read_version(directory / "target");
    REQUIRE(mark(unset).status == 0);
    REQUIRE_FAILS(system, unchanged, failed);
    check_words(failed.error(), {"marked immutable or append-only", "lsattr"});
    REQUIRE_FAILS(system, unchanged, removed);
    REQUIRE_OK(read);  // found: reading asked whether it could be replaced
    REQUIRE_OK(version);
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  }
}

TEST_CASE("too many open files", "[P19]") {
  if (test::sanitized) return test::skip("a sanitizer needs a descriptor now and then itself");
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const auto writer = AtomicWriter::bind(directory.path());
  REQUIRE_OK(writer);
  std::vector<int> taken;
  for (int fd = 0; (fd = ::dup(1)) >= 0 && taken.size() < 100'000;) taken.push_back(fd);
  const bool exhausted = taken.size() < 100'000;
  const auto failed = writer.value().commit("target", "new");
  for (const int fd : taken) ::close(fd);
  if (!exhausted) return test::skip("the limit of open files is too high to reach");
  REQUIRE_FAILS(system, unchanged, failed);
  check_words(failed.error(), {"Too many open files", "ulimit -n"});
  REQUIRE_OK(writer.value().commit("target", "new"));
}
