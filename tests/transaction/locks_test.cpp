// SPDX-License-Identifier: BSL-1.0
// The locks of a transaction's expectations, and those who wait for them.
#include "support/locks.hpp"

#include "tree.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::TempDirectory;
using test::WatchedLocks;

namespace {

namespace fs = boost::filesystem;

constexpr auto at_once = std::chrono::milliseconds(0);

/// Directories `a`, `b` and `c` beneath a root, made in an order so that their inodes need not be
/// in that of their names, and links to them whose names are the other way round.
struct Scene {
  Scene() {
    const bool forward = GENERATE(true, false);
    const std::vector<std::string> names{"a", "b", "c"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      fs::create_directories(at / "root" / names[forward ? i : 2 - i]);
    }
    fs::create_directory(at / "links");
    for (std::size_t i = 0; i < names.size(); ++i) {
      fs::create_directory_symlink("../root/" + names[i], at / "links" / std::to_string(2 - i));
    }
    for (const char* name : {"0/f", "1/f", "2/f"}) {
      files.push_back({at / "links" / name, as_bytes("new")});
    }
    options.coordinate = true;
    options.lock_timeout_ms = at_once;
  }
  /// A transaction that expects all three files as they are.
  [[nodiscard]] Result<TransactionReceipt> commit(FileSystem& through) const {
    TransactionOptions with;
    with.system.files = &through;
    with.lock_timeout_ms = at_once;
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(at / "root", with));
    BOOST_OUTCOME_TRY(transaction.put("x", "new"));
    for (const char* name : {"a/f", "b/f", "c/f"}) {
      BOOST_OUTCOME_TRY(const Version version, read_version(at / "root" / name));
      BOOST_OUTCOME_TRY(transaction.expect(name, version));
    }
    return transaction.commit();
  }

  TempDirectory at{"/dev/shm"};
  std::vector<NewFile> files;
  WriteOptions options;
};

}  // namespace

TEST_CASE("a transaction and a batch take the locks of the same files in one order", "[P8]") {
  const Scene scene;
  WatchedLocks batch;
  for (const auto& result : write_files(scene.files, scene.options, batch.system())) {
    REQUIRE_OK(result);
  }
  WatchedLocks transaction;
  REQUIRE_OK(scene.commit(transaction));
  REQUIRE(transaction.tried.size() == 4);  // the root's is the first
  transaction.tried.erase(transaction.tried.begin());
  CHECK(transaction.tried == batch.tried);
}

TEST_CASE("a transaction that meets a batch at its first lock holds no lock that the batch needs",
          "[P8]") {
  const Scene scene;
  WatchedLocks batch;
  WatchedLocks transaction;
  std::optional<Result<TransactionReceipt>> met;
  batch.behind_first = [&] { met = scene.commit(transaction); };
  for (const auto& result : write_files(scene.files, scene.options, batch.system())) {
    REQUIRE_OK(result);
  }
  REQUIRE_FAILS(lock_timeout, unchanged, *met);
  REQUIRE(transaction.tried.size() == 2);  // the root's, and the one that the batch held
  CHECK(transaction.tried[1] == batch.tried[0]);
}

namespace {

/// Puts another directory in the place of "d" while the transaction waits for its lock there.
struct MovedMeanwhile final : ForwardingFileSystem {
  explicit MovedMeanwhile(fs::path at)
      : ForwardingFileSystem(native_file_system()), root(std::move(at)) {}
  SysResult<void> try_lock(Handle file, LockMode mode) override {
    if (++locks == 2) {  // the first is the root's
      fs::rename(root / "d", root / "old");
      fs::create_directory(root / "d");
      test::spit(root / "d/f", "theirs");
    }
    return ForwardingFileSystem::try_lock(file, mode);
  }
  fs::path root;
  int locks = 0;
};

}  // namespace

TEST_CASE("a directory that is replaced while its lock is waited for is a conflict", "[P8]") {
  const TempDirectory root("/dev/shm");
  fs::create_directory(root / "d");
  test::spit(root / "d/f", "old");
  MovedMeanwhile files(root.path());
  auto transaction = Transaction::begin(root.path(), test::through(files)).value();
  REQUIRE_OK(transaction.put("d/f", "ours"));
  REQUIRE_OK(transaction.expect("d/f", read_version(root / "d/f").value()));
  REQUIRE_FAILS(conflict, unchanged, transaction.commit());
  CHECK(test::slurp(root / "d/f") == "theirs");
  CHECK(test::slurp(root / "old/f") == "old");
}

TEST_CASE("a path counts at the commit, not the directory that it led to at the put", "[P8]") {
  const TempDirectory root("/dev/shm");
  fs::create_directory(root / "d");
  test::spit(root / "d/f", "old");
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put("d/f", "ours"));
  REQUIRE_OK(transaction.put("d/new", "ours"));
  const bool expecting = GENERATE(false, true);
  if (expecting) REQUIRE_OK(transaction.expect("d/f", read_version(root / "d/f").value()));
  fs::rename(root / "d", root / "old");
  fs::create_directory(root / "d");
  const auto committed = transaction.commit();
  if (expecting) {
    REQUIRE_FAILS(conflict, unchanged, committed);
    CHECK(test::list(root / "d").size() <= 1);  // a lock file may be there
  } else {
    REQUIRE_OK(committed);
    CHECK(test::slurp(root / "d/f") == "ours");
    CHECK(test::slurp(root / "d/new") == "ours");
  }
  CHECK(test::slurp(root / "old/f") == "old");
  CHECK(!fs::exists(root / "old/new"));
}
