// SPDX-License-Identifier: BSL-1.0
// Copies of a root: of one moment, whole, and gone on with.
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

#include <perdure/root.hpp>
#include <perdure/root_copy.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "crash.hpp"
#include "support/process.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// a, b, d/{e, x, empty/}, link -> a: a and b are of one version.
void plant(const fs::path& root, const std::string& version = "1") {
  auto transaction = Transaction::begin(root).value();
  REQUIRE_OK(transaction.put("a", version));
  REQUIRE_OK(transaction.put("b", version));
  REQUIRE_OK(transaction.make_directory("d"));
  REQUIRE_OK(transaction.make_directory("d/empty"));
  REQUIRE_OK(transaction.put("d/e", std::string(100'000, 'e')));
  REQUIRE_OK(transaction.put("d/x", "X"));
  REQUIRE_OK(transaction.put_symlink("link", "a"));
  REQUIRE_OK(transaction.commit());
}

/// A root, and a place for copies.
struct Places {
  TempDirectory root{"/dev/shm"};
  TempDirectory outside{"/dev/shm"};
  fs::path copy = outside / "copy";
  fs::path work = outside / ".copy.perdure-copy";
  Places() { plant(root.path()); }
  [[nodiscard]] bool nothing_left() const { return !fs::exists(work); }
};

/// Commits to the root right before the n-th call of one kind.
struct Committing final : ForwardingFileSystem {
  Committing(Operation operation, std::uint64_t call, std::function<void()> deed)
      : ForwardingFileSystem(native_file_system()),
        operation_(operation),
        call_(call),
        deed_(std::move(deed)) {}
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    note(Operation::read_at);
    return ForwardingFileSystem::read_at(file, offset, out);
  }
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override {
    note(Operation::list);
    return ForwardingFileSystem::list(directory);
  }
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    note(Operation::open_file);
    return ForwardingFileSystem::open_file(directory, name);
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  void note(Operation operation) {
    if (operation != operation_ || ++calls_ != call_ || done_) return;
    done_ = true;
    deed_();
  }
  Operation operation_;
  std::uint64_t call_;
  std::function<void()> deed_;
  std::uint64_t calls_ = 0;
  bool done_ = false;
};

Error error_of(const Result<CopyReport>& made) {
  REQUIRE_FALSE(made);
  return made.error();
}

}  // namespace

TEST_CASE("a copy has all that the root has, and nothing of perdure's") {
  const Places places;
  fs::permissions(places.root / "a", fs::perms(0640));
  fs::permissions(places.root / "d", fs::perms(0750));
  const auto made = copy_root(places.root.path(), places.copy);
  REQUIRE_OK(made);
  CHECK(tree_of(places.copy) == tree_of(places.root.path()));
  CHECK_FALSE(fs::exists(places.copy / ".perdure-root"));
  CHECK(places.nothing_left());
  CHECK(fs::status(places.copy / "a").permissions() == fs::perms(0640));
  CHECK(fs::status(places.copy / "d").permissions() == fs::perms(0750));
  CHECK(made.value().files == 4);
  CHECK(made.value().directories == 2);
  CHECK(made.value().symlinks == 1);
  CHECK(made.value().bytes == 100'003);
  CHECK(made.value().kept == 0);
  REQUIRE_OK(Transaction::begin(places.copy));
}

TEST_CASE("a copy is the root of one moment, whenever others commit", "[P11]") {
  const auto committed = [](const fs::path& root) {
    auto transaction = Transaction::begin(root).value();
    REQUIRE_OK(transaction.put("a", "2"));
    REQUIRE_OK(transaction.put("b", "2"));
    REQUIRE_OK(transaction.remove_all("d"));
    REQUIRE_OK(transaction.put("d-file", "instead"));
    REQUIRE_OK(transaction.put_symlink("link", "b"));
    REQUIRE_OK(transaction.commit());
  };
  const int passes_max = GENERATE(0, 1, 4);
  for (const Operation operation : {Operation::read_at, Operation::list, Operation::open_file}) {
    for (std::uint64_t n = 1;; ++n) {
      CAPTURE(passes_max, to_string(operation), n);
      const Places places;
      const Tree before = tree_of(places.root.path());
      bool held = false;  // by the copy: then nobody commits
      Committing files(operation, n, [&] {
        TransactionOptions at_once;
        at_once.lock_timeout_ms = std::chrono::milliseconds(0);
        const auto free = Transaction::begin(places.root.path(), at_once).has_value();
        held = !free;
        if (free) committed(places.root.path());
      });
      const auto made =
          copy_root(places.root.path(), places.copy, {.passes_max = passes_max}, through(files));
      REQUIRE_OK(made);
      const Tree now = tree_of(places.copy);
      const bool newer = now == tree_of(places.root.path()) && files.done() && !held;
      CHECK((now == before || newer));
      CHECK(places.nothing_left());
      if (!files.done()) break;
    }
  }
}

TEST_CASE("others wait for what changed since alone", "[budget]") {
  const Places places;
  /// Counts the files that are read while the root is locked.
  struct Counting final : ForwardingFileSystem {
    explicit Counting(const fs::path& of) : ForwardingFileSystem(native_file_system()), root(of) {}
    SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                   std::span<std::byte> out) override {
      TransactionOptions at_once;
      at_once.lock_timeout_ms = std::chrono::milliseconds(0);
      if (offset == 0 && out.size() > 4096 && !Transaction::begin(root, at_once)) ++reads;
      return ForwardingFileSystem::read_at(file, offset, out);
    }
    fs::path root;
    int reads = 0;
  };
  FileSystem& native = native_file_system();
  const OwnedHandle at(
      native,
      native.open_directory(Handle::working_directory, places.root.path().native()).value());
  if (native.stamps(at.get(), native.stat(at.get()).value()) != Stamps::fine) {
    return skip("this kernel stamps by the tick: young files are read again while others wait");
  }
  Counting files(places.root.path());
  REQUIRE_OK(copy_root(places.root.path(), places.copy, {}, through(files)));
  CHECK(files.reads == 0);
}

TEST_CASE("a copy that was killed anywhere is not there or whole, and is gone on with") {
  FaultyFileSystem counting(native_file_system());
  {
    const Places other;
    REQUIRE_OK(copy_root(other.root.path(), other.copy, {}, through(counting)));
  }
  std::uint64_t kept = 0;
  for (std::uint64_t n = 1; n <= counting.calls(); ++n) {
    CAPTURE(n);
    const Places places;
    const Tree all = tree_of(places.root.path());
    FaultyFileSystem dying(native_file_system());
    dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    (void)copy_root(places.root.path(), places.copy, {}, through(dying));
    const bool there = fs::exists(places.copy);
    if (!there) {
      const auto made = copy_root(places.root.path(), places.copy);
      REQUIRE_OK(made);
      kept += made.value().kept;
      CHECK(places.nothing_left());
    }
    CHECK(tree_of(places.root.path()) == all);
    CHECK(tree_of(places.copy) == all);
  }
  CHECK(kept > 4);
}

// It was told as an error with fate `unchanged`, or as somebody else's copy.
TEST_CASE("a copy whose rename was done and answered with an error is found under its name") {
  const Places places;
  const Tree all = tree_of(places.root.path());
  FaultyFileSystem lost(native_file_system());
  // EINVAL asks for the other way to rename.
  const int error = GENERATE(EIO, EINVAL, EEXIST);
  lost.fail({.operation = Operation::rename, .error = error, .after_effect = true});
  REQUIRE_OK(copy_root(places.root.path(), places.copy, {}, through(lost)));
  CHECK(lost.fired() == 1);
  CHECK(tree_of(places.copy) == all);
  CHECK(places.nothing_left());
}

TEST_CASE("a copy fails with a file whose writeback can't begin, since no sync may hear of it") {
  const Places places;
  FaultyFileSystem full(native_file_system());
  full.fail({.operation = Operation::start_writeback, .error = ENOSPC});
  const auto refused = copy_root(places.root.path(), places.copy, {}, through(full));
  REQUIRE_FAILS(system, unchanged, refused);
  CHECK(refused.error().cause == std::errc::no_space_on_device);
  CHECK_FALSE(fs::exists(places.copy));
}

TEST_CASE("a copy fails at every call of every operation, and leaves the root alone") {
  const auto run_with = [&](const Fault& fault) {
    const Places places;
    const Tree all = tree_of(places.root.path());
    FaultyFileSystem faulty(native_file_system());
    faulty.fail(fault);
    ManualEnvironment clock;
    TransactionOptions options = through(faulty);
    options.system.environment = &clock;
    const auto made = copy_root(places.root.path(), places.copy, {}, options);
    CHECK(faulty.handles_open() == 0);
    CHECK(tree_of(places.root.path()) == all);
    if (fs::exists(places.copy)) {
      CHECK(tree_of(places.copy) == all);
      if (!made) CHECK(made.error().fate != Fate::unchanged);
    } else {
      REQUIRE_FALSE(made);
      CHECK(made.error().fate == Fate::unchanged);
      REQUIRE_OK(copy_root(places.root.path(), places.copy));
      CHECK(tree_of(places.copy) == all);
    }
    return faulty.fired() > 0;
  };
  with_each_fault(run_with, [](Operation operation, int error) {
    return error == ENOENT || (operation == Operation::list_xattrs && error == EOPNOTSUPP);
  });
}

TEST_CASE("each copy that can't be made is refused with its reason, and nothing is made") {
  const Places places;
  const auto refused = [&](const fs::path& root, const fs::path& copy) {
    const Error error = error_of(copy_root(root, copy));
    CHECK(error.fate == Fate::unchanged);
    return error;
  };
  CHECK(refused(places.outside.path(), places.copy).kind == ErrorKind::invalid_argument);
  CHECK_THAT(refused(places.root.path(), places.root / "d/copy").message(),
             Contains("would lie in the root"));
  CHECK(refused(places.root.path(), places.outside / "none/copy").cause ==
        std::errc::no_such_file_or_directory);
  CHECK_THAT(refused(places.root.path(), places.outside / ".x.perdure-lock").message(),
             Contains("perdure's own"));
  fs::create_directory(places.copy);
  CHECK(refused(places.root.path(), places.copy).kind == ErrorKind::exists);
  fs::remove(places.copy);
  SECTION("a directory of somebody else's in the place of the work directory") {
    fs::create_directory(places.work);
    spit(places.work / "precious", "P");
    CHECK(refused(places.root.path(), places.copy).kind == ErrorKind::untrusted);
    CHECK(slurp(places.work / "precious") == "P");
  }
  SECTION("a link in its place") {
    fs::create_directory(places.outside / "elsewhere");
    fs::create_symlink("elsewhere", places.work);
    CHECK(refused(places.root.path(), places.copy).cause ==
          std::errc::too_many_symbolic_link_levels);
  }
  SECTION("a pipe in the root") {
    REQUIRE(::mkfifo((places.root / "pipe").c_str(), 0600) == 0);
    CHECK(refused(places.root.path(), places.copy).kind == ErrorKind::not_regular);
  }
}

TEST_CASE("what an earlier call left is compared, mended and cleared away") {
  const Places places;
  const fs::path tree = places.work / "tree";
  fs::create_directories(tree / "d/gone/deep");
  spit(places.work / ".perdure-copy", "");
  spit(tree / "a", "1");                          // as it is
  spit(tree / "d/e", std::string(100'000, 'x'));  // of the same size
  spit(tree / "d/gone/deep/f", "");
  fs::create_directory(tree / "link");  // a link in the root
  spit(tree / "link/f", "");
  const auto made = copy_root(places.root.path(), places.copy);
  REQUIRE_OK(made);
  CHECK(made.value().kept == 1);
  CHECK(tree_of(places.copy) == tree_of(places.root.path()));
  CHECK(places.nothing_left());
}

TEST_CASE("a disk that gives other bytes back is found out, and the copy gets no name") {
  const Places places;
  /// Turns a bit of what is read behind an eviction.
  struct Forgetful final : ForwardingFileSystem {
    Forgetful() : ForwardingFileSystem(native_file_system()) {}
    SysResult<void> evict(Handle file) override {
      evicted_ = file;
      return ForwardingFileSystem::evict(file);
    }
    SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                   std::span<std::byte> out) override {
      auto got = ForwardingFileSystem::read_at(file, offset, out);
      if (file == evicted_ && got && got.value() > 1000) out[500] ^= std::byte{1};
      return got;
    }

   private:
    Handle evicted_ = Handle::none;
  };
  Forgetful files;
  CHECK(error_of(copy_root(places.root.path(), places.copy, {}, through(files))).kind ==
        ErrorKind::verify);
  CHECK_FALSE(fs::exists(places.copy));
  REQUIRE_OK(copy_root(places.root.path(), places.copy, {.checking = false}, {}));
}

TEST_CASE("an open root is copied while it commits, with what waits for its path") {
  const TempDirectory root;
  const TempDirectory outside;
  RootOptions options;
  options.publish = GENERATE(Publish::at_once, Publish::later);
  auto opened = Root::open(root.path(), options);
  if (!opened) return skip(opened.error().message());
  for (const char* content : {"1", "2", "3"}) REQUIRE_OK(opened.value().put("a", content));
  const auto made = opened.value().copy_to(outside / "copy");
  REQUIRE_OK(made);
  CHECK(tree_of(outside / "copy") == Tree{{"a", "3"}});
  REQUIRE_OK(opened.value().put("a", "4"));
  CopyOptions throwing;
  throwing.passes_max = 0;
  throwing.progress = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("enough"); };
  CHECK_THROWS_AS(opened.value().copy_to(outside / "other", throwing), std::runtime_error);
  REQUIRE_OK(opened.value().put("a", "5"));  // the root has nothing to do with that
  REQUIRE_OK(opened.value().copy_to(outside / "other"));
  CHECK(tree_of(outside / "other") == Tree{{"a", "5"}});
  CHECK(error_of(copy_root(root.path(), outside / "third", {},
                           [] {
                             TransactionOptions at_once;
                             at_once.lock_timeout_ms = std::chrono::milliseconds(0);
                             return at_once;
                           }()))
            .kind == ErrorKind::lock_timeout);
  REQUIRE_OK(opened.value().close());
}

TEST_CASE("a root that was killed half-way is finished before it is copied", "[P12]") {
  const TempDirectory root("/dev/shm");
  const TempDirectory outside("/dev/shm");
  crash_half_way(root.path());
  REQUIRE_OK(copy_root(root.path(), outside / "copy"));
  CHECK(tree_of(outside / "copy") == Sample::after());
  CHECK(tree_of(root.path()) == Sample::after());
}

namespace {

/// Does something at each call that opens a file to read it.
struct Deeds final : ForwardingFileSystem {
  explicit Deeds(std::function<void(const std::string&)> on_open)
      : ForwardingFileSystem(native_file_system()), deed(std::move(on_open)) {}
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    deed(name);
    return ForwardingFileSystem::open_file(directory, name);
  }
  std::function<void(const std::string&)> deed;
};

bool is_locked(const fs::path& root) {
  TransactionOptions at_once;
  at_once.lock_timeout_ms = std::chrono::milliseconds(0);
  return !Transaction::begin(root, at_once);
}

}  // namespace

// One path that went ended the pass, so that all was copied while others waited.
TEST_CASE("a file that goes in each pass does not let others wait for all the rest") {
  const Places places;
  for (int i = 0; i < 8; ++i) {
    spit(places.root / ("c" + std::to_string(i)), "goes");
    spit(places.root / ("large" + std::to_string(i)), std::string(50'000, 'l'));
  }
  int gone = 0;
  int read_while_locked = 0;
  Deeds files([&](const std::string& name) {
    const bool locked = is_locked(places.root.path());
    if (locked && name.starts_with("large")) ++read_while_locked;
    if (locked || name != "b") return;  // which is read before the others, in each pass
    auto transaction = Transaction::begin(places.root.path()).value();
    REQUIRE_OK(transaction.put("b", "again" + std::to_string(gone)));
    REQUIRE_OK(transaction.remove("c" + std::to_string(gone++)));
    REQUIRE_OK(transaction.commit());
  });
  const auto made = copy_root(places.root.path(), places.copy, {.checking = false}, through(files));
  REQUIRE_OK(made);
  CHECK(gone > 0);
  CHECK(tree_of(places.copy) == tree_of(places.root.path()));
  FileSystem& native = native_file_system();
  const OwnedHandle at(
      native,
      native.open_directory(Handle::working_directory, places.root.path().native()).value());
  const bool fine = native.stamps(at.get(), native.stat(at.get()).value()) == Stamps::fine;
  if (fine) CHECK(read_while_locked == 0);
}

TEST_CASE("a root within a root is refused: its transactions would be copied half-way") {
  const Places places;
  make_root(places.root / "d");
  const Error error = error_of(copy_root(places.root.path(), places.copy));
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK_THAT(error.message(), Contains("d/.perdure-root") && Contains("a root of its own"));
}

TEST_CASE("previous generations of tracked states are copied, too") {
  const Places places;
  spit(places.root / ".s.1.perdure-prev", "0");
  REQUIRE_OK(copy_root(places.root.path(), places.copy));
  CHECK(slurp(places.copy / ".s.1.perdure-prev") == "0");
}

TEST_CASE("a copy gets its name where the file system can't rename without replacing") {
  const Places places;
  struct Replacing final : ForwardingFileSystem {
    Replacing() : ForwardingFileSystem(native_file_system()) {}
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      if (mode == RenameMode::no_replace) {
        return std::make_error_code(std::errc::invalid_argument);
      }
      return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    }
  };
  Replacing files;
  REQUIRE_OK(copy_root(places.root.path(), places.copy, {}, through(files)));
  CHECK(tree_of(places.copy) == tree_of(places.root.path()));
}

TEST_CASE("a directory that somebody puts in the place of the copy is not called the copy",
          "[P17]") {
  const Places places;
  struct Exchanging final : ForwardingFileSystem {
    explicit Exchanging(const Places& of) : ForwardingFileSystem(native_file_system()), at(of) {}
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
      if (to == "copy") {
        fs::rename(at.copy, at.outside / "elsewhere");
        fs::create_directory(at.copy);
      }
      return renamed;
    }
    const Places& at;
  };
  Exchanging files(places);
  const Error error = error_of(copy_root(places.root.path(), places.copy, {}, through(files)));
  CHECK(error.kind == ErrorKind::untrusted);
  CHECK(error.fate == Fate::unknown);
}

TEST_CASE("names that the place of the copy takes for one are refused") {
  const Places places;
  const bool links = GENERATE(false, true);
  for (const char* name : {"name", "NAME"}) {
    if (links) fs::create_symlink(name, places.root / name);
    if (!links) spit(places.root / name, name);
  }
  /// The top of the copy does not tell upper from lower case.
  struct CaseBlind final : ForwardingFileSystem {
    CaseBlind() : ForwardingFileSystem(native_file_system()) {}
    SysResult<Handle> open_beneath(Handle base, const std::string& path) override {
      const auto opened = ForwardingFileSystem::open_beneath(base, path);
      if (opened && path == "tree") top = opened.value();
      return opened;
    }
    SysResult<Handle> create(Handle directory, const std::string& name,
                             std::uint32_t mode) override {
      return ForwardingFileSystem::create(directory, real(directory, name), mode);
    }
    SysResult<void> make_symlink(Handle directory, const std::string& name,
                                 const std::string& text) override {
      return ForwardingFileSystem::make_symlink(directory, real(directory, name), text);
    }
    SysResult<Handle> open_file(Handle directory, const std::string& name) override {
      return ForwardingFileSystem::open_file(directory, real(directory, name));
    }
    SysResult<Handle> open_link(Handle directory, const std::string& name) override {
      return ForwardingFileSystem::open_link(directory, real(directory, name));
    }
    SysResult<Status> stat_at(Handle directory, const std::string& name) override {
      return ForwardingFileSystem::stat_at(directory, real(directory, name));
    }
    SysResult<void> unlink(Handle directory, const std::string& name) override {
      return ForwardingFileSystem::unlink(directory, real(directory, name));
    }
    [[nodiscard]] std::string real(Handle directory, const std::string& name) const {
      return directory == top && name == "NAME" ? "name" : name;
    }
    Handle top = Handle::none;
  };
  CaseBlind files;
  const Error error = error_of(copy_root(places.root.path(), places.copy, {}, through(files)));
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK_FALSE(fs::exists(places.copy));
}

TEST_CASE("root copies what belongs to others, and goes on with it after each kill", "[P6]") {
  if (::geteuid() != 0) return skip("only root gives files away");
  constexpr uid_t owner = 1234;
  const auto give = [](const Places& places) {
    for (const char* name : {"", "a", "d", "d/e", "link"}) {
      REQUIRE(::lchown((places.root / name).c_str(), owner, owner) == 0);
    }
    fs::permissions(places.root.path(), fs::perms(0555));
  };
  const auto owner_of = [](const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_uid;
  };
  FaultyFileSystem counting(native_file_system());
  {
    const Places other;
    give(other);
    REQUIRE_OK(copy_root(other.root.path(), other.copy, {}, through(counting)));
  }
  for (std::uint64_t n = 1; n <= counting.calls(); ++n) {
    CAPTURE(n);
    const Places places;
    give(places);
    FaultyFileSystem dying(native_file_system());
    dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    (void)copy_root(places.root.path(), places.copy, {}, through(dying));
    const bool finished = fs::exists(places.copy);
    if (!finished) REQUIRE_OK(copy_root(places.root.path(), places.copy));
    for (const char* name : {"", "a", "d", "d/e", "link"}) {
      CHECK(owner_of(places.copy / name) == owner);
    }
    CHECK(owner_of(places.copy / "b") == 0);
    if (!finished) CHECK(fs::status(places.copy).permissions() == fs::perms(0555));
  }
}

// The group that a copy has instead could read what only the file's own group might.
TEST_CASE("a copy by another user gives no group more than everybody", "[P6]") {
  if (!is_root()) return skip("only root gives files away");
  constexpr uid_t own_group = nobody;
  constexpr gid_t another = 5555;
  const TempDirectory root("/dev/shm");
  const TempDirectory outside("/dev/shm");
  for (const TempDirectory* place : {&root, &outside}) {
    REQUIRE(::chown(place->path().c_str(), nobody, own_group) == 0);
  }
  const std::string committed = as_user(nobody, [&] {
    const auto put = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root.path()));
      for (const char* name : {"theirs", "own", "for all"}) {
        BOOST_OUTCOME_TRY(transaction.put(name, "N"));
      }
      BOOST_OUTCOME_TRY(transaction.commit());
      return success();
    };
    return say(put());
  });
  REQUIRE(committed == "success");
  for (const char* name : {"theirs", "for all"}) {
    REQUIRE(::chown((root / name).c_str(), nobody, another) == 0);
  }
  fs::permissions(root / "theirs", fs::perms(0460));
  fs::permissions(root / "own", fs::perms(0640));
  fs::permissions(root / "for all", fs::perms(0664));
  const std::string copied = as_user(nobody, [&] {
    const auto made = copy_root(root.path(), outside / "copy");
    return made ? std::to_string(made.value().narrowed) : made.error().message();
  });
  CHECK(copied == "2");
  CHECK(fs::status(outside / "copy/theirs").permissions() == fs::perms(0400));
  CHECK(fs::status(outside / "copy/own").permissions() == fs::perms(0640));
  CHECK(fs::status(outside / "copy/for all").permissions() == fs::perms(0644));
}
