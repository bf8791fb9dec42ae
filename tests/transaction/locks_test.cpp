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
struct Place {
  Place() {
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

TEST_CASE("a transaction and a batch take the locks of the same files in one order") {
  const Place place;
  WatchedLocks batch;
  for (const auto& result : write_files(place.files, place.options, batch.system())) {
    REQUIRE_OK(result);
  }
  WatchedLocks transaction;
  REQUIRE_OK(place.commit(transaction));
  REQUIRE(transaction.tried.size() == 4);  // the root's is the first
  transaction.tried.erase(transaction.tried.begin());
  CHECK(transaction.tried == batch.tried);
}

TEST_CASE("a transaction that meets a batch at its first lock holds no lock that the batch needs") {
  const Place place;
  WatchedLocks batch;
  WatchedLocks transaction;
  std::optional<Result<TransactionReceipt>> met;
  batch.behind_first = [&] { met = place.commit(transaction); };
  for (const auto& result : write_files(place.files, place.options, batch.system())) {
    REQUIRE_OK(result);
  }
  REQUIRE_FAILS(lock_timeout, unchanged, *met);
  REQUIRE(transaction.tried.size() == 2);  // the root's, and the one that the batch held
  CHECK(transaction.tried[1] == batch.tried[0]);
}
