// SPDX-License-Identifier: BSL-1.0
// A directory's refusal is found out before the journal is written. After the commit point the same
// refusal stayed forever: only giving the root up helped.
#include <cerrno>
#include <functional>
#include <map>

#include <perdure/clean.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "mounted.hpp"
#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::string_view trial_step = "try out the way into place";

/// The transaction fails before its commit point, in words, and leaves the root as it was.
void check_refused(const fs::path& root, const Result<TransactionReceipt>& receipt, int error,
                   ErrorKind kind = ErrorKind::system) {
  REQUIRE_FALSE(receipt.has_value());
  CHECK(to_string(receipt.error().kind) == to_string(kind));
  CHECK(receipt.error().fate == Fate::unchanged);
  INFO(receipt.error().message());
  CHECK(receipt.error().cause.value() == error);
  const bool space = error == ENOSPC || error == EDQUOT;  // everybody's advice will do
  CHECK(receipt.error().detail.empty() == space);
  CHECK(tree_of(root) == Sample::before());
  CHECK(private_of(root).empty());
}

/// From its `call`th on, each call of this operation fails in the sample; without the fault the
/// sample goes through.
void check_refusals(Operation operation, std::uint64_t call, const std::vector<int>& errors) {
  for (const int error : errors) {
    for (const bool after_effect : {false, true}) {
      INFO(errno_name(error) << " " << after_effect);
      const TempDirectory root("/dev/shm");
      Sample::prepare(root.path());
      make_root(root.path());
      FaultyFileSystem faulty(native_file_system());
      faulty.fail({.operation = operation,
                   .call = call,
                   .error = error,
                   .from_then_on = true,
                   .after_effect = after_effect});
      const bool no_links = operation == Operation::link && (error == EPERM || error == EOPNOTSUPP);
      check_refused(root.path(), Sample::run(root.path(), through(faulty)), error,
                    no_links ? ErrorKind::unsupported : ErrorKind::system);
      REQUIRE_OK(Sample::run(root.path()));
      CHECK(tree_of(root.path()) == Sample::after());
    }
  }
}

/// Refuses names that are longer, in every call: eCryptfs with encrypted names takes 143 bytes.
class ShortNames final : public ForwardingFileSystem {
 public:
  ShortNames() : ForwardingFileSystem(native_file_system()) {}
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    if (name.size() > size_max) return std::make_error_code(std::errc::filename_too_long);
    return ForwardingFileSystem::stat_at(directory, name);
  }
  SysResult<void> link(Handle from, const std::string& name, Handle to,
                       const std::string& other) override {
    if (other.size() > size_max) return std::make_error_code(std::errc::filename_too_long);
    return ForwardingFileSystem::link(from, name, to, other);
  }
  SysResult<void> rename(Handle from, const std::string& name, Handle to, const std::string& other,
                         RenameMode mode) override {
    if (other.size() > size_max) return std::make_error_code(std::errc::filename_too_long);
    return ForwardingFileSystem::rename(from, name, to, other, mode);
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    if (name.size() > size_max) return std::make_error_code(std::errc::filename_too_long);
    return ForwardingFileSystem::make_directory(directory, name, mode);
  }
  static constexpr std::size_t size_max = 143;
};

/// Allows a file so many names.
class FewLinks final : public ForwardingFileSystem {
 public:
  explicit FewLinks(std::uint64_t most) : ForwardingFileSystem(native_file_system()), most_(most) {}
  SysResult<void> link(Handle from, const std::string& name, Handle to,
                       const std::string& other) override {
    BOOST_OUTCOME_TRY(const Status status, stat_at(from, name));
    if (status.links >= most_) return std::make_error_code(std::errc::too_many_links);
    return ForwardingFileSystem::link(from, name, to, other);
  }

 private:
  std::uint64_t most_;
};

/// Does something at the first sync of a directory, or behind the first open of one.
class Meanwhile final : public ForwardingFileSystem {
 public:
  Meanwhile() : ForwardingFileSystem(native_file_system()) {}
  SysResult<void> sync_directory(Handle directory) override {
    if (at_sync) std::exchange(at_sync, nullptr)();
    return ForwardingFileSystem::sync_directory(directory);
  }
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override {
    auto opened = ForwardingFileSystem::open_beneath(from, path);
    if (behind_open && path == "d") std::exchange(behind_open, nullptr)();
    return opened;
  }
  std::function<void()> at_sync;
  std::function<void()> behind_open;
};

Result<TransactionReceipt> run(const fs::path& root, FileSystem& files,
                               const std::function<Result<void>(Transaction&)>& stage) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, through(files)));
  BOOST_OUTCOME_TRY(stage(transaction));
  return transaction.commit();
}

}  // namespace

// The same device, and link(2) fails all the same: forever, when the journal was there.
TEST_CASE("a private directory on another mount of the same file system is found at once") {
  if (!can_mount()) return skip("this process may not mount");
  const TempDirectory at;
  fs::create_directories(at / "tree");
  fs::create_directory(at / "root");
  Sample::prepare(at / "tree");
  const Mount mounted({"--bind", (at / "tree").native(), (at / "root").native()});
  if (!mounted.error().empty()) return skip(mounted.error());
  TransactionOptions options;
  options.private_directory = (at / "private").native();
  const auto commit = [&](const std::function<Result<void>(Transaction&)>& stage) {
    auto begun = Transaction::begin(at / "root", options);
    REQUIRE_OK(begun);
    REQUIRE_OK(stage(begun.value()));
    const auto refused = begun.value().commit();
    REQUIRE_FAILS(system, unchanged, refused);
    INFO(refused.error().message());
    CHECK(refused.error().cause.value() == EXDEV);
    CHECK(refused.error().step == trial_step);
    CHECK(tree_of(at / "root") == Sample::before());
    CHECK_FALSE(fs::exists(at / "private"));
  };
  commit([](Transaction& t) { return t.put("a", "x"); });
  commit([](Transaction& t) { return t.put("sub/new", "x"); });
  commit([](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.make_directory("made"));
    return t.put("made/file", "x");
  });
  make_root(at / "root", options.private_directory);
  options.private_directory = (at / "tree/.private").native();
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(at / "root", options));
}

TEST_CASE("what is mounted beneath a root is refused") {
  const MountedBeneath mounted;
  if (!mounted.error.empty()) return skip(mounted.error);
  const auto refused = run(mounted.root.path(), native_file_system(),
                           [](Transaction& t) { return t.put("mounted/file", "x"); });
  REQUIRE_FAILS(system, unchanged, refused);
  CHECK(refused.error().step == "check the transaction");
  CHECK(list(mounted.root / "mounted").empty());
}

TEST_CASE("a link that is refused is found before the commit point, and said what to do about",
          "[P11]") {
  // The first is of the move, from the target into the private directory.
  check_refusals(Operation::link, 2,
                 {EXDEV, EMLINK, EPERM, EACCES, ENAMETOOLONG, EDQUOT, ENOSPC, EOPNOTSUPP});
}

TEST_CASE("a directory that is refused is found before the commit point", "[P11]") {
  check_refusals(Operation::make_directory, 1,
                 {EMLINK, EPERM, EACCES, ENAMETOOLONG, EDQUOT, ENOSPC});
}

TEST_CASE("names are tried at their longest, also below directories that are made") {
  ShortNames files;
  const auto fails = [&](const std::function<Result<void>(Transaction&)>& stage) {
    const TempDirectory root("/dev/shm");
    Sample::prepare(root.path());
    const auto refused = run(root.path(), files, stage);
    check_refused(root.path(), refused, ENAMETOOLONG);
    CHECK(refused.error().step == trial_step);
  };
  const std::string much(120, 'f');  // with what a temp's name has beside it
  const std::string too_much(150, 'f');
  fails([&](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.put("short", "x"));
    BOOST_OUTCOME_TRY(t.put(much, "x"));
    return t.put("zz", "x");
  });
  fails([&](Transaction& t) { return t.put("sub/" + much, "x"); });
  fails([&](Transaction& t) { return t.move("a", "sub/" + much); });
  fails([&](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.make_directory("sub/d"));
    BOOST_OUTCOME_TRY(t.make_directory("sub/d/e"));
    return t.put("sub/d/e/" + too_much, "x");
  });
  fails([&](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.make_directory("d"));
    return t.make_directory("d/" + too_much);
  });
  const TempDirectory root("/dev/shm");
  const std::string fits(113, 'f');
  const std::string longest(143, 'd');
  REQUIRE_OK(run(root.path(), files, [&](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.put(fits, "x"));
    BOOST_OUTCOME_TRY(t.make_directory(longest));
    BOOST_OUTCOME_TRY(t.make_directory(longest + "/" + longest));
    return t.put(longest + "/" + fits, "x");
  }));
  CHECK(slurp(root / longest / fits) == "x");
}

TEST_CASE("a file that has as many names as it may is not moved half-way", "[P11]") {
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  FewLinks files(2);
  const auto refused = run(root.path(), files, [](Transaction& t) -> Result<void> {
    BOOST_OUTCOME_TRY(t.put("sub/a-longer-name", "x"));  // may get a third
    return t.move("a", "sub/b");
  });
  check_refused(root.path(), refused, EMLINK);
}

TEST_CASE("a directory that is marked append-only is refused before anything is tried there") {
  struct AppendOnly final : ForwardingFileSystem {
    AppendOnly() : ForwardingFileSystem(native_file_system()) {}
    SysResult<Status> stat(Handle handle) override {
      auto status = ForwardingFileSystem::stat(handle);
      if (status && status.value().version.inode == inode) status.value().immutable = true;
      return status;
    }
    std::uint64_t inode = 0;
  };
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  AppendOnly files;
  files.inode = status_of(root / "sub").st_ino;
  const auto put = [](Transaction& t) { return t.put("sub/new", "x"); };
  check_refused(root.path(), run(root.path(), files, put), EPERM);
}

TEST_CASE("one trial for each directory and kind, not for each file", "[P20][budget]") {
  const auto calls_of = [](std::uint64_t files, std::uint64_t directories) {
    const TempDirectory root("/dev/shm");
    FaultyFileSystem counting(native_file_system());
    REQUIRE_OK(run(root.path(), counting, [&](Transaction& t) -> Result<void> {
      for (std::uint64_t d = 0; d < directories; ++d) {
        const std::string directory = "d" + std::to_string(d);
        fs::create_directory(root / directory);
        for (std::uint64_t f = 0; f < files; ++f) {
          BOOST_OUTCOME_TRY(t.put(directory + "/f" + std::to_string(f), "x"));
          BOOST_OUTCOME_TRY(t.make_directory(directory + "/m" + std::to_string(f)));
        }
      }
      counting.restart();
      return success();
    }));
    return std::map<Operation, std::uint64_t>{
        {Operation::link, counting.calls(Operation::link)},
        {Operation::make_directory, counting.calls(Operation::make_directory)},
        {Operation::remove_directory, counting.calls(Operation::remove_directory)}};
  };
  using Counts = std::map<Operation, std::uint64_t>;
  CHECK(calls_of(1, 1) == Counts{{Operation::link, 1 + 1},
                                 {Operation::make_directory, 1 + 1},
                                 {Operation::remove_directory, 1}});
  CHECK(calls_of(50, 1) == Counts{{Operation::link, 50 + 1},
                                  {Operation::make_directory, 50 + 1},
                                  {Operation::remove_directory, 1}});
  CHECK(calls_of(5, 4) == Counts{{Operation::link, 20 + 4},
                                 {Operation::make_directory, 20 + 4},
                                 {Operation::remove_directory, 4}});
}

TEST_CASE("a trial that is killed half-way leaves temps that clean collects", "[P16]") {
  for (const Operation undo : {Operation::unlink, Operation::remove_directory}) {
    const TempDirectory root("/dev/shm");
    Sample::prepare(root.path());
    REQUIRE_OK(Transaction::begin(root.path()));
    FaultyFileSystem dying(native_file_system());
    const auto failed = run(root.path(), dying, [&](Transaction& t) -> Result<void> {
      BOOST_OUTCOME_TRY(Sample::stage(t));
      dying.restart();
      dying.fail({.operation = undo, .call = 1, .error = EIO, .from_then_on = true});
      return success();
    });
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().step == trial_step);
    CHECK(temps_in(root.path()).size() == 1);
    REQUIRE_OK(recover(root.path()));
    CHECK(private_of(root.path()).empty());
    CHECK(clean(root.path(), {.dry_run = true}).value().removed.size() == 1);
    CHECK(clean(root.path()).value().removed.size() == 1);
    CHECK(tree_of(root.path()) == Sample::before());
  }
}

TEST_CASE("a directory with a temp's name that holds something is nobody's to clean", "[P15]") {
  const TempDirectory at;
  const std::string name = ".d.0123456789abcdef.perdure-tmp";
  fs::create_directory(at / name);
  spit(at / name / "file", "mine");
  CHECK(clean(at.path()).value().skipped == std::vector<std::string>{name});
  CHECK(slurp(at / name / "file") == "mine");
}

TEST_CASE("a path whose directory is not there is absent, as was expected") {
  const TempDirectory root("/dev/shm");
  SECTION("the same transaction makes it") {
    REQUIRE_OK(run(root.path(), native_file_system(), [](Transaction& t) -> Result<void> {
      BOOST_OUTCOME_TRY(t.make_directory("d"));
      BOOST_OUTCOME_TRY(t.make_directory("d/e"));
      BOOST_OUTCOME_TRY(t.put("d/e/f", "x"));
      BOOST_OUTCOME_TRY(t.expect_absent("d/f"));
      return t.expect_absent("d/e/f");
    }));
    CHECK(tree_of(root.path()) == Tree{{"d/", ""}, {"d/e/", ""}, {"d/e/f", "x"}});
    CHECK(list(root / "d") == std::vector<std::string>{"e"});  // no lock: nothing was there
  }
  SECTION("nobody makes it") {
    REQUIRE_OK(run(root.path(), native_file_system(), [](Transaction& t) -> Result<void> {
      BOOST_OUTCOME_TRY(t.put("a", "x"));
      return t.expect_absent("d/f");
    }));
    CHECK(tree_of(root.path()) == Tree{{"a", "x"}});
  }
  SECTION("and something else was expected") {
    spit(root / "a", "x");
    const Version version = read_version(root / "a").value();
    REQUIRE_FAILS(conflict, unchanged, run(root.path(), native_file_system(), [&](Transaction& t) {
                    return t.expect("d/f", version);
                  }));
  }
}

TEST_CASE("a directory that others make behind the look at it is a conflict, not a lost file") {
  const TempDirectory root("/dev/shm");
  REQUIRE_OK(Transaction::begin(root.path()));
  const auto theirs = [&] {
    fs::create_directory(root / "d");
    spit(root / "d/f", "theirs");
  };
  const auto making = GENERATE(true, false);
  const auto at_sync = GENERATE(true, false);
  Meanwhile files;
  const auto refused = run(root.path(), files, [&](Transaction& t) -> Result<void> {
    if (making) {
      BOOST_OUTCOME_TRY(t.make_directory("d"));
    }
    BOOST_OUTCOME_TRY(t.put(making ? "d/f" : "other", "x"));
    (at_sync ? files.at_sync : files.behind_open) = theirs;
    return t.expect_absent("d/f");
  });
  REQUIRE_FAILS(conflict, unchanged, refused);
  CHECK(tree_of(root.path()) == Tree{{"d/", ""}, {"d/f", "theirs"}});
}
