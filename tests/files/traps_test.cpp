// SPDX-License-Identifier: BSL-1.0
// The traps that others fell into, by the name of who did. Each test fails for an engine that
// does as they did.
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

struct Bench {
  Bench() { test::spit(directory / "target", "old content"); }
  Result<Receipt> commit(std::string_view text, const WriteOptions& options = {}) {
    return write_file(directory / "target", text, options, system());
  }
  System system() { return {.files = &files, .environment = &native_environment()}; }
  [[nodiscard]] std::string target() const { return test::slurp(directory / "target"); }
  [[nodiscard]] bool clean() const {
    return test::list(directory.path()) == std::vector<std::string>{"target"};
  }
  /// Where in the log the first call of this kind is; past the end when there is none.
  [[nodiscard]] std::size_t position(Operation operation) const {
    const auto log = files.log();
    std::size_t at = 0;
    while (at < log.size() && log[at].operation != operation) ++at;
    return at;
  }
  [[nodiscard]] std::size_t last(Operation operation) const {
    const auto log = files.log();
    std::size_t at = 0;
    for (std::size_t i = 0; i < log.size(); ++i) {
      if (log[i].operation == operation) at = i;
    }
    return at;
  }

  TempDirectory directory;
  FaultyFileSystem files{native_file_system()};
};

}  // namespace

TEST_CASE("trap: short write published as success (write-file-atomic)", "[P1]") {
  Bench bench;
  const std::string text(1000, 'n');
  SECTION("a short write goes on") {
    bench.files.script(Operation::write_at, {61, 1, 300});
    REQUIRE_OK(bench.commit(text));
    CHECK(bench.target() == text);
    CHECK(bench.files.calls(Operation::write_at) == 4);
  }
  SECTION("a short write, then an error") {
    bench.files.script(Operation::write_at, {61, -1});
    REQUIRE_FAILS(system, unchanged, bench.commit(text));
    CHECK(bench.target() == "old content");
    CHECK(bench.clean());
  }
  SECTION("a short write, then the disk is full") {
    bench.files.script(Operation::write_at, {61, -ENOSPC});
    REQUIRE_FAILS(system, unchanged, bench.commit(text));
    CHECK(bench.target() == "old content");
  }
  SECTION("a write of nothing does not count as progress or as success") {
    bench.files.script(Operation::write_at, {61, 0});
    REQUIRE_FAILS(system, unchanged, bench.commit(text));
    CHECK(bench.target() == "old content");
    CHECK(bench.clean());
  }
  SECTION("the same in a stream") {
    auto file = AtomicFile::create(bench.directory / "target", {}, bench.system());
    REQUIRE_OK(file);
    bench.files.script(Operation::write_at, {61, 1, 300});
    REQUIRE_OK(file.value().write(as_bytes(text)));
    REQUIRE_OK(file.value().commit());
    CHECK(bench.target() == text);
  }
}

TEST_CASE("trap: temp leaked when the sync fails (atomic-write-file)", "[P16]") {
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    Bench bench;
    bench.files.fail({.operation = Operation::sync_file, .error = error});
    REQUIRE_FAILS(system, unchanged, bench.commit("new"));
    CHECK(bench.clean());
    CHECK(bench.files.calls(Operation::sync_file) == 1);  // never again after an error
  }
}

TEST_CASE("trap: mode or owner changed after the sync (natefinch/atomic, write-file-atomic)",
          "[P3]") {
  Bench bench;
  REQUIRE(::chmod((bench.directory / "target").c_str(), 0640) == 0);
  WriteOptions options;
  SECTION("preserved") {
    if (test::is_root()) {
      REQUIRE(::chown((bench.directory / "target").c_str(), 1234, 1234) == 0);
    }
  }
  SECTION("fixed") {
    options.metadata = Metadata::fixed(04750);
  }
  REQUIRE_OK(bench.commit("new", options));
  const auto synced = bench.position(Operation::sync_file);
  REQUIRE(bench.files.calls(Operation::sync_file) == 1);
  CHECK(bench.files.calls(Operation::set_mode) == 1);
  CHECK(bench.last(Operation::set_mode) < synced);
  CHECK(bench.last(Operation::set_owner) < synced);
  CHECK(bench.last(Operation::set_xattr) < synced);
  CHECK(bench.last(Operation::write_at) < synced);
}

TEST_CASE("trap: sync failed, logged, renamed anyway (AndroidX AtomicFile, QSaveFile)", "[P4]") {
  for (const auto durability : {Durability::ordered, Durability::durable}) {
    Bench bench;
    WriteOptions options;
    options.durability = durability;
    bench.files.fail({.operation = Operation::sync_file, .error = EIO});
    REQUIRE_FAILS(system, unchanged, bench.commit("new", options));
    CHECK(bench.files.calls(Operation::rename) == 0);
    CHECK(bench.target() == "old content");
  }
}

TEST_CASE("trap: directory sync error ignored (GLib)", "[P4]") {
  Bench bench;
  bench.files.fail({.operation = Operation::sync_directory, .error = EIO});
  REQUIRE_FAILS(system, visible, bench.commit("new"));
  CHECK(bench.target() == "new");  // no rollback: the error says that it is in place
  CHECK(bench.clean());
}

TEST_CASE("trap: EINVAL or EIO from directory sync on some mounts", "[P4]") {
  Bench bench;
  bench.files.fail({.operation = Operation::sync_directory, .error = EINVAL});
  const auto failed = bench.commit("new");
  REQUIRE_FAILS(unsupported, visible, failed);
  CHECK(failed.error().step == "sync the directory");
  WriteOptions options;
  options.durability = Durability::ordered;  // what such a mount can promise
  REQUIRE_OK(bench.commit("newer", options));
}

TEST_CASE("trap: a directory that can't be synced is found out anew by each commit", "[P4]") {
  Bench bench;
  bench.files.fail({.operation = Operation::sync_directory, .error = EINVAL});
  const auto writer = AtomicWriter::bind(bench.directory.path(), {}, bench.system());
  REQUIRE_OK(writer);
  REQUIRE_FAILS(unsupported, visible, writer.value().commit("target", "new"));
  REQUIRE_FAILS(unsupported, unchanged, writer.value().commit("target", "newer"));
  CHECK(bench.target() == "new");
  CHECK(bench.clean());
}

TEST_CASE("trap: a batch publishes part after part into a directory that can't be synced", "[P4]") {
  Bench bench;
  bench.files.fail({.operation = Operation::sync_directory, .error = EINVAL, .from_then_on = true});
  std::vector<std::string> names(300);
  std::vector<NewFile> batch;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = (bench.directory / ("file" + std::to_string(1000 + i))).native();
    batch.push_back({names[i], as_bytes(std::string_view("new"))});
  }
  const auto results = write_files(batch, {}, bench.system());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i < 256) {
      REQUIRE_FAILS(unsupported, visible, results[i]);
    } else {
      REQUIRE_FAILS(unsupported, unchanged, results[i]);
    }
  }
  CHECK(test::list(bench.directory.path()).size() == 256 + 1);
}

TEST_CASE("trap: temp under a guessable name without O_EXCL (write-file-atomic)", "[P17]") {
  /// Plants a file under the very name that the commit is about to use, three times.
  struct Planter final : FaultyFileSystem {
    using FaultyFileSystem::FaultyFileSystem;
    SysResult<Handle> create(Handle directory, const std::string& name,
                             std::uint32_t mode) override {
      names.insert(name);
      if (names.size() <= 3) {
        const int fd = static_cast<int>(directory);
        if (names.size() == 1) {
          ::close(::openat(fd, name.c_str(), O_CREAT | O_WRONLY, 0666));
        } else {
          (void)!::symlinkat(names.size() == 2 ? "target" : "nowhere", fd, name.c_str());
        }
      }
      return FaultyFileSystem::create(directory, name, mode);
    }
    std::set<std::string> names;
  };
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  Planter files(native_file_system());
  REQUIRE_OK(write_file(directory / "target", "new", {},
                        {.files = &files, .environment = &native_environment()}));
  CHECK(files.names.size() == 4);  // a new name each time
  CHECK(test::slurp(directory / "target") == "new");
  CHECK_FALSE(boost::filesystem::exists(directory / "nowhere"));
  CHECK(test::temps_in(directory.path()).size() == 3);  // what is not ours is left alone
}

TEST_CASE("trap: descriptors inherited by programs (folly's mkstemp)", "[P16]") {
  /// Looks at each descriptor at the moment when it is handed out.
  struct Inspector final : FaultyFileSystem {
    using FaultyFileSystem::FaultyFileSystem;
    SysResult<Handle> check(SysResult<Handle> opened) {
      if (opened) {
        ++seen;
        if ((::fcntl(static_cast<int>(opened.value()), F_GETFD) & FD_CLOEXEC) == 0) ++bare;
      }
      return opened;
    }
    SysResult<Handle> open_directory(Handle from, const std::string& path) override {
      return check(FaultyFileSystem::open_directory(from, path));
    }
    SysResult<Handle> create(Handle at, const std::string& name, std::uint32_t mode) override {
      return check(FaultyFileSystem::create(at, name, mode));
    }
    SysResult<Handle> open_file(Handle at, const std::string& name) override {
      return check(FaultyFileSystem::open_file(at, name));
    }
    SysResult<Handle> open_lock(Handle at, const std::string& name) override {
      return check(FaultyFileSystem::open_lock(at, name));
    }
    int seen = 0;
    int bare = 0;
  };
  const TempDirectory directory;
  Inspector files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  WriteOptions options;
  options.coordinate = true;
  REQUIRE_OK(write_file(directory / "target", "new", options, system));
  REQUIRE_OK(read_file(directory / "target", UINT64_MAX, system));
  REQUIRE_OK(probe(directory.path(), system));
  CHECK(files.seen >= 9);
  CHECK(files.bare == 0);
}

TEST_CASE(
    "trap: no directory sync at all (renameio, tempfile, folly, Chromium, DataStore, LevelDB)",
    "[P3]") {
  Bench bench;
  REQUIRE_OK(bench.commit("new"));
  CHECK(bench.files.calls(Operation::sync_directory) == 1);
  CHECK(bench.position(Operation::rename) < bench.position(Operation::sync_directory));
  auto file = AtomicFile::create(bench.directory / "target", {}, bench.system());
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().commit());
  CHECK(bench.files.calls(Operation::sync_directory) == 2);
}

TEST_CASE("trap: a write that promises atomicity and does not sync by default (folly)", "[P3]") {
  Bench bench;
  const auto receipt = bench.commit("new");
  REQUIRE_OK(receipt);
  CHECK(receipt.value().durability == Durability::durable);
  CHECK(bench.files.calls(Operation::sync_file) == 1);
  CHECK(bench.position(Operation::sync_file) < bench.position(Operation::rename));
}

TEST_CASE("trap: orphaned temps filling disks (Chromium, write-file-atomic)", "[P16]") {
  Bench bench;
  test::Child crashing([&]() -> std::string {
    auto file = AtomicFile::create(bench.directory / "target");
    if (!file) return "failed";
    (void)file.value().write(as_bytes(std::string(100'000, 'x')));
    ::raise(SIGKILL);
    return "alive";
  });
  CHECK(crashing.wait() == -SIGKILL);
  REQUIRE(test::temps_in(bench.directory.path()).size() == 1);
  REQUIRE_OK(clean(bench.directory.path()));
  CHECK(bench.clean());
  CHECK(bench.target() == "old content");
}

TEST_CASE("trap: a check-then-act compare-and-swap (gio etag)", "[P5]") {
  // Both read the same version; the second passes its first look before the first one publishes.
  Bench bench;
  const auto version = read_version(bench.directory / "target");
  REQUIRE_OK(version);
  struct Racer final : FaultyFileSystem {
    Racer(FileSystem& base, boost::filesystem::path path, Version version)
        : FaultyFileSystem(base), path_(std::move(path)), version_(version) {}
    SysResult<Handle> open_lock(Handle at, const std::string& name) override {
      if (!std::exchange(raced_, true)) {
        won = write_file(path_, "the other's", {.expected = version_}).has_value();
      }
      return FaultyFileSystem::open_lock(at, name);
    }
    bool won = false;

   private:
    boost::filesystem::path path_;
    Version version_;
    bool raced_ = false;
  };
  Racer files(native_file_system(), bench.directory / "target", version.value());
  REQUIRE_FAILS(conflict, unchanged,
                write_file(bench.directory / "target", "ours", {.expected = version.value()},
                           {.files = &files, .environment = &native_environment()}));
  CHECK(files.won);
  CHECK(bench.target() == "the other's");
}

TEST_CASE("trap: a backup that leaves a moment without the file, or without a backup", "[P1]") {
  // Renaming the old content away, or unlinking the old backup, would leave such a moment.
  Bench bench;
  WriteOptions options;
  options.existing = ExistingPolicy::backup;
  REQUIRE_OK(bench.commit("second", options));
  struct Watcher final : FaultyFileSystem {
    Watcher(FileSystem& base, const TempDirectory& at) : FaultyFileSystem(base), at_(at) {}
    void look() {
      ++looks;
      if (!boost::filesystem::exists(at_ / "target")) ++missing;
      if (!boost::filesystem::exists(at_ / "target~")) ++missing;
    }
    SysResult<void> link(Handle a, const std::string& b, Handle c, const std::string& d) override {
      auto done = FaultyFileSystem::link(a, b, c, d);
      look();
      return done;
    }
    SysResult<void> unlink(Handle a, const std::string& b) override {
      auto done = FaultyFileSystem::unlink(a, b);
      look();
      return done;
    }
    SysResult<void> rename(Handle a, const std::string& b, Handle c, const std::string& d,
                           RenameMode mode) override {
      auto done = FaultyFileSystem::rename(a, b, c, d, mode);
      look();
      return done;
    }
    int looks = 0;
    int missing = 0;

   private:
    const TempDirectory& at_;
  };
  Watcher files(native_file_system(), bench.directory);
  REQUIRE_OK(write_file(bench.directory / "target", "third", options,
                        {.files = &files, .environment = &native_environment()}));
  CHECK(files.looks >= 4);
  CHECK(files.missing == 0);
  CHECK(test::slurp(bench.directory / "target~") == "second");
}

TEST_CASE("trap: EBUSY on bind-mounted targets") {
  Bench bench;
  SECTION("the rename says so") {
    bench.files.fail({.operation = Operation::rename, .error = EBUSY});
    REQUIRE_FAILS(mount_point, unchanged, bench.commit("new"));
    CHECK(bench.target() == "old content");
    CHECK(bench.clean());
  }
  SECTION("a real one is seen before anything is written, and can be read") {
    if (!test::can_mount()) return test::skip("this user may not mount");
    test::spit(bench.directory / "source", "mounted");
    const test::Mount mount(
        {"--bind", (bench.directory / "source").native(), (bench.directory / "target").native()});
    REQUIRE(mount.error() == "");
    const auto failed = bench.commit("new");
    REQUIRE_FAILS(mount_point, unchanged, failed);
    CHECK(failed.error().step == "use the target");
    CHECK(bench.files.calls(Operation::create) == 0);
    CHECK(bench.target() == "mounted");
    // Found by reading what a container mounts: reading asked whether it could be replaced.
    const auto content = read_file(bench.directory / "target");
    REQUIRE_OK(content);
    CHECK(as_text(content.value().bytes) == "mounted");
    CHECK(read_version(bench.directory / "target").has_value());
  }
}
