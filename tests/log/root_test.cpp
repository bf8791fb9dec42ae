// SPDX-License-Identifier: BSL-1.0
// A root with a log, on a real file system.
#include <atomic>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>
#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "../transaction/tree.hpp"
#include "support/coarse.hpp"
#include "support/disk.hpp"
#include "support/flushes.hpp"
#include "support/process.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

RootOptions small_log() {
  RootOptions options;
  options.segment_size = 64 << 10;
  options.writes = LogWrites::cached;  // tests count their syncs, and make them fail
  return options;
}

RootOptions small_log(FileSystem& files) {
  RootOptions options = small_log();
  options.system.files = &files;
  return options;
}

}  // namespace

TEST_CASE("a root with a log commits plain files") {
  const TempDirectory directory;
  {
    auto root = Root::open(directory.path(), small_log());
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    REQUIRE_OK(root.value().make_directory("d"));
    REQUIRE_OK(root.value().put("d/b", "two"));
    const auto receipt = root.value().put("a", "three");
    REQUIRE_OK(receipt);
    CHECK(receipt.value().protocol == Protocol::logged);
    CHECK(receipt.value().left_alone.empty());
    CHECK(as_text(root.value().read("a").value()) == "three");
    CHECK(tree_of(directory.path()) == Tree{{"a", "three"}, {"d/", ""}, {"d/b", "two"}});
    REQUIRE_OK(root.value().remove("a"));
    REQUIRE_OK(root.value().close());
    CHECK_FALSE(root.value().put("a", "four").has_value());
  }
  CHECK(tree_of(directory.path()) == Tree{{"d/", ""}, {"d/b", "two"}});
  CHECK(private_of(directory.path()) == std::vector<std::string>{"log"});
  const auto recovered = recover(directory.path());
  REQUIRE_OK(recovered);
  CHECK_FALSE(recovered.value().journal);
}

TEST_CASE("a log that was not closed is carried out anew by the next to open the root") {
  const TempDirectory directory;
  FaultyFileSystem dying(native_file_system());
  {
    auto root = Root::open(directory.path(), small_log(dying));
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    REQUIRE_OK(root.value().put("b", "two"));
    dying.fail({.operation = {},
                .call = dying.calls() + 1,
                .error = EIO,
                .from_then_on = true,
                .count = {}});
  }
  spit(directory / "b", "");  // a power cut could have left that, but for its time
  const auto seen = inspect(directory.path());
  REQUIRE_OK(seen);
  CHECK(seen.value().journal);
  CHECK(seen.value().paths.size() == 2);
  auto root = Root::open(directory.path(), small_log());
  REQUIRE_OK(root);
  CHECK(root.value().recovery().paths.size() == 2);
  CHECK(slurp(directory / "a") == "one");
  CHECK(root.value().recovery().paths[1].step == RecoveryStep::foreign);  // somebody wrote into it
  REQUIRE(!root.value().recovery().paths[1].kept.empty());
  CHECK(slurp(directory / root.value().recovery().paths[1].kept) == "two");
}

TEST_CASE("a commit of one file flushes once, settling included 1.05 times", "[P20]") {
  const TempDirectory directory;
  FaultyFileSystem counting(native_file_system());
  RootOptions options;
  options.system.files = &counting;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  const std::string content(4096, 'x');
  REQUIRE_OK(root.value().put("a", content));
  const std::uint64_t before = flushes(counting);
  constexpr std::uint64_t commits = 600;
  for (std::uint64_t i = 0; i < commits; ++i) REQUIRE_OK(root.value().put("a", content));
  const std::uint64_t made = flushes(counting) - before;
  INFO(made);
  CHECK(made <= commits + commits / 20);
}

TEST_CASE("transactions through a root are all or nothing, and see expectations") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), small_log());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  const auto version = read_version(directory / "a");
  REQUIRE_OK(version);
  auto first = root.value().begin();
  auto second = root.value().begin();
  REQUIRE_OK(first);
  REQUIRE_OK(second);
  for (auto* transaction : {&first.value(), &second.value()}) {
    REQUIRE_OK(transaction->expect("a", version.value()));
    REQUIRE_OK(transaction->put("a", "two"));
    REQUIRE_OK(transaction->put("b", "two"));
  }
  REQUIRE_OK(first.value().commit());
  const auto refused = second.value().commit();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(tree_of(directory.path()) == Tree{{"a", "two"}, {"b", "two"}});
}

TEST_CASE("a commit that no record holds goes through a journal") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), small_log());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  const std::string large(100'000, 'x');
  const auto receipt = root.value().put("a", large);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().protocol != Protocol::logged);
  CHECK(slurp(directory / "a") == large);
  REQUIRE_OK(root.value().move("a", "b"));
  REQUIRE_OK(root.value().put("a", "two"));
  CHECK(tree_of(directory.path()) == Tree{{"a", "two"}, {"b", large}});
}

TEST_CASE("a root stops at a journal that it could not finish, and the next to open it does") {
  const TempDirectory directory;
  FaultyFileSystem faulty(native_file_system());
  const std::string large(100'000, 'x');
  {
    auto root = Root::open(directory.path(), small_log(faulty));
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    // Behind the journal's own rename: the file on its way into place.
    faulty.fail({.operation = Operation::rename,
                 .call = faulty.calls(Operation::rename) + 2,
                 .error = EIO,
                 .from_then_on = false,
                 .count = {}});
    const auto failed = root.value().put("a", large);
    REQUIRE_FALSE(failed.has_value());
    REQUIRE(failed.error().fate == Fate::committed);
    const auto refused = root.value().put("b", "two");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().fate == Fate::unchanged);
  }
  auto root = Root::open(directory.path(), small_log());
  REQUIRE_OK(root);
  CHECK(root.value().recovery().journal);
  CHECK(tree_of(directory.path()) == Tree{{"a", large}});
}

// Found by the model of the log: the journal was gone, its removal had failed, and the root went on
// as if it were there.
TEST_CASE("a commit behind a failed end of the log is found by recovery") {
  bool fired = true;
  for (std::uint64_t n = 1; fired; ++n) {
    const TempDirectory directory;
    FaultyFileSystem faulty(native_file_system());
    {
      auto root = Root::open(directory.path(), small_log(faulty));
      REQUIRE_OK(root);
      REQUIRE_OK(root.value().put("a", "one"));
      faulty.fail({.operation = Operation::sync_directory,
                   .call = faulty.calls(Operation::sync_directory) + n,
                   .error = EIO,
                   .from_then_on = false,
                   .count = {}});
      const auto moved = root.value().move("a", "b");
      fired = faulty.fired() > 0;
      if (moved || moved.error().fate != Fate::unchanged) continue;
      REQUIRE_OK(root.value().put("c", "two"));
      faulty.fail({.operation = {},
                   .call = faulty.calls() + 1,
                   .error = EIO,
                   .from_then_on = true,
                   .count = {}});
    }
    const auto recovered = recover(directory.path());
    REQUIRE_OK(recovered);
    CHECK(recovered.value().journal);
    CHECK(slurp(directory / "c") == "two");
  }
}

// Found by the model of the log: what a failed sync had lost was published all the same.
TEST_CASE("what was staged before a flush failed is not committed") {
  const TempDirectory directory;
  FaultyFileSystem faulty(native_file_system());
  auto root = Root::open(directory.path(), small_log(faulty));
  REQUIRE_OK(root);
  auto early = root.value().begin();
  auto moving = root.value().begin();
  REQUIRE_OK(early);
  REQUIRE_OK(moving);
  REQUIRE_OK(root.value().put("a", "one"));
  REQUIRE_OK(early.value().put("b", "two"));
  REQUIRE_OK(moving.value().move("a", "c"));
  faulty.fail({.operation = Operation::sync_data,
               .call = faulty.calls(Operation::sync_data) + 1,
               .error = EIO,
               .from_then_on = false,
               .count = {}});
  REQUIRE_OK(root.value().put("d", "three"));  // by recovery in place
  for (auto* transaction : {&early.value(), &moving.value()}) {
    const auto refused = transaction->commit();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().fate == Fate::unchanged);
  }
  CHECK(tree_of(directory.path()) == Tree{{"a", "one"}, {"d", "three"}});
  REQUIRE_OK(root.value().put("b", "two"));
  REQUIRE_OK(root.value().close());
}

// Found by the model of the log: a sync of the journal fails, no recovery follows, and what it lost
// was published.
TEST_CASE("what was staged before the log's journal failed is not committed") {
  const TempDirectory directory;
  FaultyFileSystem faulty(native_file_system());
  auto root = Root::open(directory.path(), small_log(faulty));
  REQUIRE_OK(root);
  auto early = root.value().begin();
  REQUIRE_OK(early);
  REQUIRE_OK(early.value().put("a", "one"));
  faulty.fail({.operation = Operation::sync_file,
               .call = faulty.calls(Operation::sync_file) + 1,
               .error = EIO,
               .from_then_on = false,
               .count = {}});
  const auto failed = root.value().put("b", "two");
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().fate == Fate::unchanged);
  const auto refused = early.value().commit();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().fate == Fate::unchanged);
  CHECK(tree_of(directory.path()).empty());
  REQUIRE_OK(root.value().put("a", "one"));
  REQUIRE_OK(root.value().close());
}

TEST_CASE("threads share flushes") {
  const TempDirectory directory;
  FaultyFileSystem counting(native_file_system());
  auto root = Root::open(directory.path(), small_log(counting));
  REQUIRE_OK(root);
  constexpr int thread_count = 16;
  constexpr int commits = 50;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < commits; ++i) {
        if (!root.value().put("f" + std::to_string(t), std::to_string(i))) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(counting.calls(Operation::sync_data) < thread_count * commits);
  for (int t = 0; t < thread_count; ++t) {
    CHECK(slurp(directory / ("f" + std::to_string(t))) == std::to_string(commits - 1));
  }
  REQUIRE_OK(root.value().close());
}

/// Tells when a lock of another holder is met.
struct MeetsLock final : ForwardingFileSystem {
  MeetsLock() : ForwardingFileSystem(native_file_system()) {}
  SysResult<void> try_lock(Handle file, LockMode mode) override {
    const auto taken = ForwardingFileSystem::try_lock(file, mode);
    if (!taken && taken.error() == std::errc::operation_would_block) {
      met = true;
      met.notify_all();
    }
    return taken;
  }
  std::atomic<bool> met = false;
};

// The leader waited for the lock, and with it everybody who waited for the leader. One of them
// could be the holder, so that the root stood still until the lock's timeout.
TEST_CASE("who waits for a lock lets the other callers of the root commit") {
  const TempDirectory directory;
  MeetsLock files;
  RootOptions options = small_log(files);
  options.lock_timeout_ms = std::chrono::minutes(1);
  options.record_size_max = 4096;  // no record is tried with the large content
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  const auto version = read_version(directory / "a");
  REQUIRE_OK(version);
  const int holder =
      ::open((directory / ".a.perdure-lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(::flock(holder, LOCK_EX) == 0);
  Result<TransactionReceipt> large = TransactionReceipt();
  std::thread waiting([&] {
    large = root.value().put("a", std::string(100'000, 'x'), {.expected = version.value()});
  });
  files.met.wait(false);
  REQUIRE_OK(root.value().put("b", "two"));  // by the leader
  REQUIRE_OK(root.value().put("c", std::string(100'000, 'x')));
  ::close(holder);
  waiting.join();
  REQUIRE_OK(large);
  CHECK(slurp(directory / "a").size() == 100'000);
}

// A file that its own owner may not read stopped every later open of the root.
TEST_CASE("what its owner may write but not read does not stop recovery") {
  if (!is_root()) return skip("needs root, to become another user");
  const TempDirectory directory;
  fs::permissions(directory.path(), fs::all_all);
  const auto work = [&]() -> std::string {
    const auto open = [&] { return Root::open(directory.path(), small_log()); };
    Child killed([&]() -> std::string {
      auto root = open();
      if (!root) return root.error().message();
      const auto put = [&](const char* path, const char* content) {
        return root.value().put(path, content, {.metadata = Metadata::fixed(0200)});
      };
      if (!put("a", "old") || !root.value().settle() || !put("a", "one") || !put("b", "two") ||
          !root.value().make_directory("drop", 0300)) {
        return "a change failed";
      }
      ::_exit(0);
    });
    if (const std::string said = killed.said(); !said.empty()) return said;
    auto root = open();
    if (!root) return root.error().message();
    const auto closed = root.value().close();
    return closed ? "recovered" : closed.error().message();
  };
  CHECK(as_user(nobody, work) == "recovered");
  CHECK(slurp(directory / "a") == "one");
  CHECK(slurp(directory / "b") == "two");
  CHECK(fs::is_directory(directory / "drop"));
}

// Recovery made each content anew before it removed what the dead process had staged, and the disk
// was full of that.
TEST_CASE("recovery makes room before it needs some") {
  SimulatedFileSystem disk;
  disk.make_directories("r");
  FaultyFileSystem dying(disk);
  {
    auto root = Root::open("/r", small_log(dying));
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", std::string(10'000, 'a')));
    auto large = root.value().begin();
    REQUIRE_OK(large);
    REQUIRE_OK(large.value().put("b", std::string(2'000'000, 'b')));
    dying.fail({.operation = {},
                .call = dying.calls() + 1,
                .error = EIO,
                .from_then_on = true,
                .count = {}});
  }
  disk.set_limits({.space = 1'000'000});
  auto root = Root::open("/r", small_log(disk));
  REQUIRE_OK(root);
  CHECK(root.value().recovery().journal);
  CHECK(root.value().recovery().discarded == 1);
  CHECK(disk.content("r/a") == std::string(10'000, 'a'));
}

// Both were in one group: the first kept its lock until its thread woke, behind the second.
TEST_CASE("of two large commits that expect one version, one is told of a conflict at once") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), small_log());
  REQUIRE_OK(root);
  for (int round = 0; round < 20; ++round) {
    REQUIRE_OK(root.value().put("a", std::to_string(round)));
    const auto version = read_version(directory / "a");
    REQUIRE_OK(version);
    std::vector<std::thread> threads;
    std::atomic<int> done = 0;
    std::atomic<int> conflicts = 0;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const std::string content(100'000, static_cast<char>('a' + t));
        const auto put = root.value().put("a", content, {.expected = version.value()});
        if (put) ++done;
        if (!put && put.error().kind == ErrorKind::conflict) ++conflicts;
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(done == 1);
    CHECK(conflicts == 3);
  }
}

// Found in review: the record took whatever came back from the staged file.
TEST_CASE("a staged file that does not hold what was written is not committed") {
  const TempDirectory directory;
  auto root = Root::open(directory.path());
  REQUIRE_OK(root);
  auto transaction = root.value().begin();
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", "good"));
  std::vector<std::string> names = private_of(directory.path());
  std::erase_if(names, [](const std::string& name) { return name == "j" || name == "log"; });
  REQUIRE(names.size() == 1);
  spit(directory / ".perdure" / names.front(), "lost");  // as the disk may, behind the cache
  const auto refused = transaction.value().commit();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().fate == Fate::unchanged);
  CHECK(tree_of(directory.path()).empty());
}

TEST_CASE("a root reads no more than it is asked for") {
  const TempDirectory directory;
  RootOptions options;
  options.publish = GENERATE(Publish::at_once, Publish::later);
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "four"));
  CHECK(root.value().read("a", 4).has_value());
  const auto refused = root.value().read("a", 3);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::invalid_argument);
}

TEST_CASE("a writer commits through an open root, at one flush each") {
  const TempDirectory directory;
  FaultyFileSystem counting(native_file_system());
  RootOptions options;
  options.system.files = &counting;
  auto opened = Root::open(directory.path(), options);
  REQUIRE_OK(opened);
  REQUIRE_OK(opened.value().make_directory("queue"));
  const auto writer = AtomicWriter::bind(opened.value(), "queue");
  REQUIRE_OK(writer);
  const Root root = std::move(opened.value());  // the writer follows
  REQUIRE_OK(writer.value().commit("0", "first"));
  const std::uint64_t before = flushes(counting);
  const auto receipt = writer.value().commit("1", "one");
  REQUIRE_OK(receipt);
  CHECK(flushes(counting) == before + 1);
  CHECK(receipt.value().protocol == Protocol::logged);
  CHECK(receipt.value().durability == Durability::durable);
  CHECK(receipt.value().bytes == 3);
  CHECK(slurp(directory / "queue/1") == "one");

  const auto version = read_version(directory / "queue/1");
  REQUIRE_OK(version);
  REQUIRE_OK(writer.value().commit("1", "two", {.expected = version.value()}));
  const auto stale = writer.value().commit("1", "three", {.expected = version.value()});
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().kind == ErrorKind::conflict);
  CHECK(slurp(directory / "queue/1") == "two");
  CHECK_FALSE(writer.value().commit("../1", "out").has_value());
  CHECK_FALSE(writer.value().commit("a/b", "deeper").has_value());
}

TEST_CASE("a writer of a root keeps what is there if it is asked to, and says what it can't do") {
  const TempDirectory directory;
  auto root = Root::open(directory.path());
  REQUIRE_OK(root);
  WriteOptions options;
  options.existing = ExistingPolicy::keep;
  const auto keeping = AtomicWriter::bind(root.value(), "", options);
  REQUIRE_OK(keeping);
  REQUIRE_OK(keeping.value().commit("a", "one"));
  const auto refused = keeping.value().commit("a", "two");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::exists);
  CHECK(slurp(directory / "a") == "one");
  options = {};
  options.existing = ExistingPolicy::backup;
  const auto backup = AtomicWriter::bind(root.value(), "", options);
  REQUIRE_FALSE(backup.has_value());
  CHECK(backup.error().message().find("backups") != std::string::npos);
  options = {};
  options.verify = true;
  CHECK_FALSE(AtomicWriter::bind(root.value(), "", options).has_value());
  CHECK_FALSE(AtomicWriter::bind(root.value(), "../elsewhere").has_value());
  CHECK_FALSE(AtomicWriter::bind(root.value(), ".perdure").has_value());
  auto transaction = Transaction::begin(root.value());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", "three"));
  CHECK(transaction.value().commit().value().protocol == Protocol::logged);
}

TEST_CASE("a commit through the log makes few system calls", "[budget]") {
  const TempDirectory directory;
  if (has_coarse_stamps(directory.path().native())) {
    return skip("on a coarse clock more looks are needed");
  }
  FaultyFileSystem counting(native_file_system());
  RootOptions options;
  options.publish = GENERATE(Publish::at_once, Publish::later);
  options.system.files = &counting;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  const std::string content(4096, 'x');
  for (int i = 0; i < 3; ++i) REQUIRE_OK(root.value().put("a", content));
  const std::uint64_t before = counting.calls();
  REQUIRE_OK(root.value().put("a", content));
  std::string calls;
  const auto log = counting.log();
  for (std::size_t i = log.size(); counting.calls() - before > log.size() - i;) {
    calls = std::string(to_string(log[--i].operation)) + " " + calls;
  }
  INFO(calls);
  // Where `fast` is allowed the data is awaited, too.
  const std::uint64_t awaits =
      options.publish != Publish::later && counting.calls(Operation::await_writeback) > 0;
  CHECK(counting.calls() - before == (options.publish == Publish::later ? 3 : 20 + awaits));
}
