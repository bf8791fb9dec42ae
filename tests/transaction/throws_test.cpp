// SPDX-License-Identifier: BSL-1.0
// Code of the caller's own throws within a transaction: sources, serializers, progress, seams. The
// caller catches it and goes on; nothing is committed in part.
#include <functional>
#include <optional>

#include <perdure/testing/faulty_file_system.hpp>

#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

struct Boom {};

bool throws(const std::function<void()>& call) {
  try {
    call();
  } catch (const Boom&) {
    return true;
  }
  return false;
}

/// Serializes a number, or throws behind its first digit.
struct ThrowingText {
  Result<void> serialize(int value, Sink& sink) const {
    BOOST_OUTCOME_TRY(sink.write(as_bytes("1")));
    if (value < 0) throw Boom();
    return success();
  }
};

/// Throws at the n-th call. Not at a close, which is made where nothing may be thrown.
class ThrowingFileSystem final : public FaultyFileSystem {
 public:
  explicit ThrowingFileSystem(std::uint64_t at)
      : FaultyFileSystem(native_file_system()), left_(at) {}
  [[nodiscard]] bool has_thrown() const { return left_ == 0; }

 private:
  void before(Operation operation) override {
    if (operation == Operation::close || left_ == 0) return;
    if (--left_ == 0) throw Boom();
  }
  std::uint64_t left_;
};

template <class T>
void check_refused(Fate fate, const Result<T>& refused) {
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::invalid_argument);
  CHECK(to_string(refused.error().fate) == to_string(fate));
}

/// No call does anything any more; each says what became of the transaction.
void check_over(Transaction& transaction, Fate fate = Fate::unchanged) {
  check_refused(fate, transaction.put("x", "x"));
  check_refused(fate, transaction.remove("b"));
  check_refused(fate, transaction.make_directory("y"));
  check_refused(fate, transaction.move("b", "z"));
  check_refused(fate, transaction.read("a"));
  check_refused(fate, transaction.expect_absent("x"));
  check_refused(fate, transaction.commit());
}

/// A transaction of the sample that has put "a".
Transaction begin_sample(const fs::path& root) {
  Sample::prepare(root);
  auto begun = Transaction::begin(root);
  REQUIRE_OK(begun);
  REQUIRE_OK(begun.value().put("a", "new a"));
  return std::move(begun.value());
}

}  // namespace

// A caller caught what its source threw, and committed: the files before it went out alone.
TEST_CASE("a source or a serializer that throws ends the transaction", "[P11]") {
  const TempDirectory root;
  Transaction transaction = begin_sample(root.path());
  SECTION("a source, before it writes") {
    CHECK(throws(
        [&] { (void)transaction.put_from("b", [](Sink&) -> Result<void> { throw Boom(); }); }));
  }
  SECTION("a source, half-way") {
    CHECK(throws([&] {
      (void)transaction.put_from("b", [](Sink& sink) -> Result<void> {
        BOOST_OUTCOME_TRY(sink.write(as_bytes("half")));
        throw Boom();
      });
    }));
  }
  SECTION("a source for a path that had other content before") {
    CHECK(throws(
        [&] { (void)transaction.put_from("a", [](Sink&) -> Result<void> { throw Boom(); }); }));
  }
  SECTION("a serializer") {
    REQUIRE_OK(transaction.put("b", 1, ThrowingText()));
    CHECK(throws([&] { (void)transaction.put("sub/c", -1, ThrowingText()); }));
  }
  check_over(transaction);
  CHECK(tree_of(root.path()) == Sample::before());
  CHECK(private_of(root.path()).empty());
  REQUIRE_OK(Sample::run(root.path()));  // and the lock is free
}

TEST_CASE("a source may read the transaction that it is for, and nothing else of it") {
  const TempDirectory root;
  Transaction transaction = begin_sample(root.path());
  const auto copying = [&](Sink& sink) -> Result<void> {
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.put("x", "x"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.remove("b"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.make_directory("y"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.move("b", "z"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.expect_absent("x"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.commit());
    BOOST_OUTCOME_TRY(const Buffer content, transaction.read("a"));
    return sink.write(content);
  };
  SECTION("and goes on") {
    REQUIRE_OK(transaction.put_from("copy", copying));
    REQUIRE_OK(transaction.commit());
    CHECK(slurp(root / "copy") == "new a");
    CHECK(slurp(root / "a") == "new a");
  }
  SECTION("and throws then") {
    CHECK(throws([&] {
      (void)transaction.put_from("copy", [&](Sink& sink) -> Result<void> {
        (void)copying(sink);
        throw Boom();
      });
    }));
    check_over(transaction);
    CHECK(tree_of(root.path()) == Sample::before());
  }
}

TEST_CASE("progress that throws leaves a committed transaction to the next recovery") {
  for (std::uint64_t at = 1; at <= 7; ++at) {
    const TempDirectory root;
    Sample::prepare(root.path());
    TransactionOptions options;
    options.progress = [&](std::uint64_t done, std::uint64_t) {
      if (done == at) throw Boom();
    };
    auto begun = Transaction::begin(root.path(), options);
    REQUIRE_OK(begun);
    REQUIRE_OK(Sample::stage(begun.value()));
    CHECK(throws([&] { (void)begun.value().commit(); }));
    check_over(begun.value(), Fate::committed);
    REQUIRE_OK(recover(root.path()));  // the lock is free although `begun` lives
    CHECK(tree_of(root.path()) == Sample::after());
    CHECK(private_of(root.path()).empty());
  }
}

TEST_CASE("progress has no say in the transaction that it is told of") {
  const TempDirectory root;
  Sample::prepare(root.path());
  Transaction* running = nullptr;
  TransactionOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) { check_over(*running, Fate::committed); };
  auto begun = Transaction::begin(root.path(), options);
  REQUIRE_OK(begun);
  running = &begun.value();
  REQUIRE_OK(Sample::stage(begun.value()));
  REQUIRE_OK(begun.value().commit());
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a transaction throws at every call, and whoever catches it can't commit a part",
          "[P11]") {
  std::uint64_t calls = 0;
  for (std::uint64_t n = 1;; ++n) {
    INFO("call " << n);
    const TempDirectory root("/dev/shm");
    Sample::prepare(root.path());
    ThrowingFileSystem throwing(n);
    bool committed = false;
    Fate told = Fate::unchanged;
    {
      std::optional<Transaction> transaction;
      bool threw = throws([&] {
        auto begun = Transaction::begin(root.path(), through(throwing));
        REQUIRE_OK(begun);
        transaction.emplace(std::move(begun.value()));
      });
      // One call after the other, whatever came of those before.
      const auto go_on = [&](const std::function<void()>& call) {
        if (transaction && throws(call)) threw = true;
      };
      go_on([&] { (void)transaction->put("a", "new a"); });
      go_on([&] { (void)transaction->remove("b"); });
      go_on([&] { (void)transaction->put("sub/c", "new c"); });
      go_on([&] { (void)transaction->make_directory("n"); });
      go_on([&] { (void)transaction->put("n/d", "new d"); });
      go_on([&] { (void)transaction->move("sub/m", "top"); });
      const bool over = threw;
      if (over && transaction) check_over(*transaction);
      go_on([&] { committed = transaction->commit().has_value(); });
      CHECK((committed || threw));
      if (transaction) {
        told = transaction->commit().error().fate;
        check_over(*transaction, told);
      }
      if (over) CHECK(tree_of(root.path()) == Sample::before());
    }
    CHECK(throwing.handles_open() == 0);
    TransactionOptions impatient;
    impatient.lock_timeout_ms = std::chrono::milliseconds(0);
    REQUIRE_OK(recover(root.path(), impatient));
    const Tree tree = tree_of(root.path());
    CHECK((tree == Sample::after() || (!committed && tree == Sample::before())));
    CHECK((told == Fate::durable) == committed);
    if (told == Fate::unchanged) CHECK(tree == Sample::before());
    if (told == Fate::committed) CHECK(tree == Sample::after());
    CHECK(private_of(root.path()).empty());
    if (!throwing.has_thrown()) break;
    ++calls;
  }
  CHECK(calls > 100);
}

// The staged file of what was wished before would not go; the path was forgotten all the same.
TEST_CASE("a removal that fails half-way ends the transaction", "[P11]") {
  const TempDirectory root;
  Sample::prepare(root.path());
  FaultyFileSystem faulty(native_file_system());
  auto begun = Transaction::begin(root.path(), through(faulty));
  REQUIRE_OK(begun);
  REQUIRE_OK(begun.value().put("a", "new a"));
  REQUIRE_OK(begun.value().put("b", "new b"));
  faulty.restart();
  faulty.fail({.operation = Operation::unlink, .call = 1, .error = EIO});
  REQUIRE_FAILS(system, unchanged, begun.value().remove("a"));
  check_over(begun.value());
  CHECK(tree_of(root.path()) == Sample::before());
}
