// SPDX-License-Identifier: BSL-1.0
// Transactions on a file system that can't sync a directory.
#include <cerrno>

#include <perdure/recovery.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

struct Bench {
  Bench() {
    spit(root / "old", "1");
    fs::create_directory(root / "directory");
    unsyncable();
  }
  void unsyncable() {
    files.fail({.operation = Operation::sync_directory, .error = EINVAL, .from_then_on = true});
  }
  TransactionOptions options(Durability durability) {
    TransactionOptions options = through(files);
    options.durability = durability;
    return options;
  }
  Result<TransactionReceipt> commit(Durability durability) {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root.path(), options(durability)));
    BOOST_OUTCOME_TRY(transaction.put("directory/new", "2"));
    BOOST_OUTCOME_TRY(transaction.remove("old"));
    return transaction.commit();
  }
  TempDirectory root;
  FaultyFileSystem files{native_file_system()};
};

}  // namespace

TEST_CASE("a durable transaction is refused before anything is published", "[P4]") {
  Bench bench;
  SECTION("in a new root") {}
  SECTION("in a root that came from elsewhere") {
    REQUIRE_OK(Transaction::begin(bench.root.path()));
  }
  SECTION("with nothing that is staged") {
    REQUIRE_OK(Transaction::begin(bench.root.path()));
    auto transaction =
        Transaction::begin(bench.root.path(), bench.options(Durability::durable)).value();
    REQUIRE_OK(transaction.remove("old"));
    REQUIRE_FAILS(unsupported, unchanged, transaction.commit());
    CHECK(private_of(bench.root.path()).empty());
  }
  const auto refused = bench.commit(Durability::durable);
  REQUIRE_FAILS(unsupported, unchanged, refused);
  CHECK_THAT(refused.error().detail, Contains("'ordered'"));
  CHECK(tree_of(bench.root.path()) == Tree{{"directory/", ""}, {"old", "1"}});
}

TEST_CASE("an ordered transaction needs no sync of a directory", "[P4]") {
  Bench bench;
  REQUIRE_OK(bench.commit(Durability::ordered));
  CHECK(tree_of(bench.root.path()) == Tree{{"directory/", ""}, {"directory/new", "2"}});
  CHECK(private_of(bench.root.path()).empty());
}

TEST_CASE("recovery of an ordered transaction needs no sync of a directory", "[P4]") {
  Bench bench;
  const auto stopped = [&] {
    TransactionOptions options = bench.options(Durability::ordered);
    options.progress = [](std::uint64_t, std::uint64_t) { throw 1; };
    try {
      auto transaction = Transaction::begin(bench.root.path(), options).value();
      REQUIRE_OK(transaction.put("directory/new", "2"));
      REQUIRE_OK(transaction.remove("old"));
      (void)transaction.commit();
      return false;
    } catch (int) {
      return true;
    }
  };
  REQUIRE(stopped());
  const auto durable = recover(bench.root.path(), bench.options(Durability::durable));
  REQUIRE_FAILS(unsupported, committed, durable);
  CHECK_THAT(durable.error().detail, Contains("'ordered'"));
  SECTION("it is finished") {
    REQUIRE_OK(recover(bench.root.path(), bench.options(Durability::ordered)));
    CHECK(tree_of(bench.root.path()) == Tree{{"directory/", ""}, {"directory/new", "2"}});
    CHECK(private_of(bench.root.path()).empty());
  }
  SECTION("it is set aside") {
    const auto abandoned = abandon(bench.root.path(), bench.options(Durability::ordered));
    REQUIRE_OK(abandoned);
    CHECK_FALSE(abandoned.value().set_aside.empty());
  }
}

TEST_CASE("a transaction without any durability is refused") {
  Bench bench;
  REQUIRE_FAILS(invalid_argument, unchanged, bench.commit(Durability::none));
  CHECK(list(bench.root.path()) == std::vector<std::string>{"directory", "old"});
}
