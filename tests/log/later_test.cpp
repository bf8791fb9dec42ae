// SPDX-License-Identifier: BSL-1.0
// A root whose files get their content when the log settles.
#include <new>
#include <sys/stat.h>
#include <thread>
#include <utility>

#include <perdure/files.hpp>
#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/observer.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "../transaction/tree.hpp"
#include "support/disk.hpp"
#include "support/flushes.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

RootOptions later() {
  RootOptions options;
  options.segment_size = 64 << 10;
  options.publish = Publish::later;
  return options;
}

std::string read(Root& root, const std::string& path) {
  const auto content = root.read(path);
  return content ? std::string(as_text(content.value())) : "(" + content.error().message() + ")";
}

}  // namespace

TEST_CASE("files get their content later, and the root reads it at once") {
  const TempDirectory directory;
  spit(directory / "a", "old");
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  for (const char* content : {"one", "two", "three"}) REQUIRE_OK(root.value().put("a", content));
  REQUIRE_OK(root.value().put("b", "four"));
  CHECK(tree_of(directory.path()) == Tree{{"a", "old"}});
  CHECK(read(root.value(), "a") == "three");
  CHECK(read(root.value(), "b") == "four");
  // The first content of a path waits in a file, and the next ones in memory: that of b is left.
  CHECK(private_of(directory.path()).size() == 3);  // and the journal, and the log
  REQUIRE_OK(root.value().settle());
  CHECK(tree_of(directory.path()) == Tree{{"a", "three"}, {"b", "four"}});
  CHECK(read(root.value(), "a") == "three");
  REQUIRE_OK(root.value().close());
  CHECK(private_of(directory.path()) == std::vector<std::string>{"log"});
}

/// Has no memory for the first read behind a flush.
struct ReadThrows final : ForwardingFileSystem {
  ReadThrows() : ForwardingFileSystem(native_file_system()) {}
  SysResult<void> sync_data(Handle file) override {
    flushed = armed;
    return ForwardingFileSystem::sync_data(file);
  }
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> into) override {
    if (std::exchange(flushed, false)) throw std::bad_alloc();
    return ForwardingFileSystem::read_at(file, offset, into);
  }
  bool armed = false;
  bool flushed = false;
};

// The caller was told of the exception, and an observer that nothing had changed.
TEST_CASE("a commit that is durable is told so, though the settling behind it throws") {
  const TempDirectory directory;
  ReadThrows files;
  ManualEnvironment clock;
  RootOptions options = later();
  options.writes = LogWrites::cached;
  options.settle_after_ms = std::chrono::milliseconds(1);
  options.settler_thread = false;
  options.system = {.files = &files, .environment = &clock};
  {
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    clock.advance(std::chrono::seconds(1));
    files.armed = true;
    REQUIRE_OK(root.value().put("a", "two"));
    CHECK_FALSE(root.value().put("a", "three"));  // it stops, and says why
  }
  files.armed = false;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  CHECK(read(root.value(), "a") == "two");
}

TEST_CASE("what is not in place yet can be removed, replaced, moved and compared") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  REQUIRE_OK(root.value().remove("a"));
  CHECK_FALSE(root.value().read("a").has_value());
  CHECK_FALSE(root.value().remove("a").has_value());
  REQUIRE_OK(root.value().put("a", "two"));
  REQUIRE_OK(root.value().make_directory("d"));
  REQUIRE_OK(root.value().put("d/b", "three"));
  REQUIRE_OK(root.value().move("d/b", "c"));
  CHECK(read(root.value(), "c") == "three");
  REQUIRE_OK(root.value().put("c", "four"));
  const auto version = read_version(directory / "c");
  REQUIRE_OK(version);
  auto transaction = root.value().begin();
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().expect("c", version.value()));
  REQUIRE_OK(transaction.value().put("c", "five"));
  const auto refused = transaction.value().commit();  // it is "four" by now
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::conflict);
  const auto again = read_version(directory / "c");  // as the words advise
  REQUIRE_OK(again);
  auto second = root.value().begin();
  REQUIRE_OK(second);
  REQUIRE_OK(second.value().expect("c", again.value()));
  REQUIRE_OK(second.value().put("c", "five"));
  REQUIRE_OK(second.value().commit());
  REQUIRE_OK(root.value().close());
  CHECK(tree_of(directory.path()) == Tree{{"a", "two"}, {"c", "five"}, {"d/", ""}});
}

TEST_CASE("a file keeps its metadata from one content to the next, in place or not") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one", {.metadata = Metadata::preserve_with_mode(0640)}));
  REQUIRE_OK(root.value().put("a", "two"));
  REQUIRE_OK(root.value().settle());
  REQUIRE_OK(root.value().put("a", "three"));
  REQUIRE_OK(root.value().close());
  struct stat status {};
  REQUIRE(::stat((directory / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640U);
}

TEST_CASE("a full segment puts its files in place, and every commit makes one flush") {
  const TempDirectory directory;
  FaultyFileSystem counting(native_file_system());
  RootOptions options = later();
  options.segment_size = 4 << 20;
  options.system.files = &counting;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  const std::string content(4096, 'x');
  REQUIRE_OK(root.value().put("0", content));
  const std::uint64_t before = flushes(counting);
  constexpr std::uint64_t commits = 600;
  for (std::uint64_t i = 0; i < commits; ++i) {
    REQUIRE_OK(root.value().put(std::to_string(i % 8), content));
  }
  CHECK(tree_of(directory.path()).size() == 8);
  const std::uint64_t made = flushes(counting) - before;
  INFO(made);
  constexpr std::uint64_t of_settling = 3;  // content, names, and the header that was not durable
  CHECK(made <= commits + of_settling);
}

TEST_CASE("a file that somebody changed in the meantime is left alone, and told once") {
  const TempDirectory directory;
  spit(directory / "a", "old");
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  spit(directory / "other", "somebody's");
  fs::rename(directory / "other", directory / "a");
  REQUIRE_OK(root.value().settle());
  CHECK(slurp(directory / "a") == "somebody's");
  const auto told = root.value().left_alone();
  REQUIRE_OK(told);
  REQUIRE(told.value().size() == 1);
  CHECK(told.value()[0].path == "a");
  CHECK(slurp(directory / told.value()[0].kept) == "one");
  CHECK(root.value().left_alone().value().empty());
}

TEST_CASE("what was left for later is put in place by the next to open the root") {
  const TempDirectory directory;
  spit(directory / "a", "old");
  FaultyFileSystem dying(native_file_system());
  {
    RootOptions options = later();
    options.system.files = &dying;
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    REQUIRE_OK(root.value().put("a", "two"));
    REQUIRE_OK(root.value().put("b", "three"));
    dying.fail({.operation = {},
                .call = dying.calls() + 1,
                .error = EIO,
                .from_then_on = true,
                .count = {}});
  }
  CHECK(tree_of(directory.path()) == Tree{{"a", "old"}});
  REQUIRE_OK(recover(directory.path()));
  CHECK(tree_of(directory.path()) == Tree{{"a", "two"}, {"b", "three"}});
  CHECK(private_of(directory.path()) == std::vector<std::string>{"log"});
}

TEST_CASE("a settling that fails ends in recovery, and what was committed gets its place") {
  const TempDirectory directory;
  FaultyFileSystem faulty(native_file_system());
  RootOptions options = later();
  options.system.files = &faulty;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  faulty.fail({.operation = Operation::sync_file_system,
               .call = faulty.calls(Operation::sync_file_system) + 1,
               .error = EIO,
               .from_then_on = false,
               .count = {}});
  REQUIRE_OK(root.value().settle());
  CHECK(slurp(directory / "a") == "one");
  REQUIRE_OK(root.value().put("a", "two"));
  REQUIRE_OK(root.value().close());
  CHECK(slurp(directory / "a") == "two");
}

TEST_CASE("the log settles after a while, by the next commit or by a thread") {
  const TempDirectory directory;
  RootOptions options = later();
  options.settle_after_ms = std::chrono::milliseconds(1);
  SECTION("by the next commit") {
    ManualEnvironment environment;
    options.system.environment = &environment;
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));
    REQUIRE_OK(root.value().put("b", "two"));
    CHECK(tree_of(directory.path()).empty());
    environment.advance(std::chrono::milliseconds(1));
    REQUIRE_OK(root.value().put("c", "three"));
    CHECK(tree_of(directory.path()) == Tree{{"a", "one"}, {"b", "two"}, {"c", "three"}});
  }
  SECTION("by a thread") {
    options.settler_thread = true;
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    for (int i = 0; i < 3; ++i) {
      const std::string path = "f" + std::to_string(i);
      REQUIRE_OK(root.value().put(path, "one"));
      while (!fs::exists(directory / path)) std::this_thread::yield();
    }
  }
  SECTION("by a thread that has nothing to do") {
    options.settler_thread = true;
    options.settle_after_ms = std::chrono::hours(1);
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    REQUIRE_OK(root.value().put("a", "one"));  // and is ended all the same
  }
}

TEST_CASE("of a large file the log has what changed, and recovery makes the whole") {
  const TempDirectory directory;
  FaultyFileSystem dying(native_file_system());
  RootOptions options = later();
  options.segment_size = 128 << 10;
  options.system.files = &dying;
  std::string content(100'000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  std::string previous;
  {
    auto root = Root::open(directory.path(), options);
    REQUIRE_OK(root);
    // Whole ones would have filled the segment with the second.
    for (int i = 0; i < 6; ++i) {
      auto transaction = root.value().begin();
      REQUIRE_OK(transaction);
      if (i > 0) REQUIRE_OK(transaction.value().put("b", content));  // as `a` is
      previous = content;
      content.replace(static_cast<std::size_t>(i) * 10'000, 3, "NEW");
      content.insert(90'000, "more");
      REQUIRE_OK(transaction.value().put("a", content));
      REQUIRE_OK(transaction.value().commit());
      CHECK(tree_of(directory.path()).empty());
    }
    dying.fail({.operation = {},
                .call = dying.calls() + 1,
                .error = EIO,
                .from_then_on = true,
                .count = {}});
  }
  REQUIRE_OK(recover(directory.path()));
  CHECK(tree_of(directory.path()) == Tree{{"a", content}, {"b", previous}});
}

TEST_CASE("threads commit and read while the log settles") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  constexpr int thread_count = 8;
  constexpr int commits = 100;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      const std::string path = "f" + std::to_string(t);
      for (int i = 0; i < commits; ++i) {
        if (!root.value().put(path, std::to_string(i))) ++failed;
        if (read(root.value(), path) != std::to_string(i)) ++failed;
        if (i % 10 == 9 && !root.value().remove(path)) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  REQUIRE_OK(root.value().close());
  CHECK(tree_of(directory.path()).empty());
}

// Found in review: close settles, and nobody could ask any more.
TEST_CASE("what was left alone is told after the root was closed, too") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  spit(directory / "a", "somebody's");
  REQUIRE_OK(root.value().close());
  const auto told = root.value().left_alone();
  REQUIRE_OK(told);
  REQUIRE(told.value().size() == 1);
  CHECK(slurp(directory / told.value()[0].kept) == "one");
}

// Found in review: the staged files had their paths, and the root looked for them in vain.
TEST_CASE("a root that stopped half-way through a settling says so, and not that files are missing",
          "[P3]") {
  const TempDirectory directory;
  FaultyFileSystem faulty(native_file_system());
  RootOptions options = later();
  options.system.files = &faulty;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  REQUIRE_OK(root.value().put("b", "two"));
  faulty.fail({.operation = Operation::rename,
               .call = faulty.calls(Operation::rename) + 2,
               .error = EIO,
               .from_then_on = true,
               .count = {}});
  CHECK_FALSE(root.value().settle().has_value());
  CHECK(tree_of(directory.path()) == Tree{{"a", "one"}});
  for (const char* path : {"a", "b"}) {
    const auto read = root.value().read(path);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().cause != std::errc::no_such_file_or_directory);
    CHECK(read.error().message().find("open it again") != std::string::npos);
  }
  faulty.heal();
  REQUIRE_FALSE(root.value().close().has_value());
  auto again = Root::open(directory.path(), later());
  REQUIRE_OK(again);
  CHECK(read(again.value(), "a") == "one");
}

// Found in review: the move took the content that was there when it was asked for.
TEST_CASE("a move is refused if its file was replaced since") {
  const TempDirectory directory;
  RootOptions options = later();
  options.publish = GENERATE(Publish::at_once, Publish::later);
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  auto moving = root.value().begin();
  REQUIRE_OK(moving);
  REQUIRE_OK(moving.value().move("a", "b"));
  REQUIRE_OK(root.value().put("a", "two"));  // of another thread
  const auto refused = moving.value().commit();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::conflict);
  REQUIRE_OK(root.value().close());
  CHECK(tree_of(directory.path()) == Tree{{"a", "two"}});
}

TEST_CASE("a content that waits in memory gives its metadata to the next, as a file does") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  const auto mode_of = [&](const std::string& name) {
    struct stat status {};
    REQUIRE(::stat((directory / name).c_str(), &status) == 0);
    return status.st_mode & 07777U;
  };
  const auto begin_anew = [&] {
    REQUIRE_OK(root.value().settle());
    REQUIRE_OK(root.value().put("a", "one", {.metadata = Metadata::preserve_with_mode(0640)}));
    REQUIRE_OK(root.value().put("a", "two"));  // in memory
  };
  begin_anew();
  SECTION("to one with a mode of its own") {
    REQUIRE_OK(root.value().put("a", "three", {.metadata = Metadata::fixed(0604)}));
    REQUIRE_OK(root.value().put("a", "four"));
    REQUIRE_OK(root.value().close());
    CHECK(mode_of("a") == 0604U);
    CHECK(slurp(directory / "a") == "four");
  }
  SECTION("to another file") {
    REQUIRE_OK(root.value().put("b", "three", {.metadata = {}, .like = "a"}));
    REQUIRE_OK(root.value().close());
    CHECK(mode_of("b") == 0640U);
  }
  SECTION("to one that memory does not hold") {
    const std::string large(3 << 20, 'x');
    REQUIRE_OK(root.value().put("a", large));
    CHECK(slurp(directory / "a") == large);
    REQUIRE_OK(root.value().close());
    CHECK(mode_of("a") == 0640U);
  }
  SECTION("to one that was staged before it got its path") {
    auto transaction = root.value().begin();
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("a", "three"));
    CHECK(as_text(transaction.value().read("a").value()) == "three");
    REQUIRE_OK(root.value().settle());
    fs::permissions(directory / "a", fs::owner_read | fs::owner_write | fs::others_read);
    REQUIRE_OK(transaction.value().commit());
    REQUIRE_OK(root.value().close());
    CHECK(mode_of("a") == 0604U);
    CHECK(slurp(directory / "a") == "three");
  }
  SECTION("and a large transaction has it in a file again") {
    auto transaction = root.value().begin();
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("a", "three"));
    REQUIRE_OK(transaction.value().put("c", std::string(3 << 20, 'x')));
    REQUIRE_OK(transaction.value().commit());
    CHECK(slurp(directory / "a") == "three");
    REQUIRE_OK(root.value().close());
    CHECK(mode_of("a") == 0640U);
  }
  CHECK(private_of(directory.path()) == std::vector<std::string>{"log"});
}

TEST_CASE("memory keeps no more than 64 MiB for later: then the log settles") {
  const TempDirectory directory;
  RootOptions options = later();
  options.segment_size = 8 << 20;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  std::string content(1 << 20, 'x');
  for (int round = 0; round < 2; ++round) {
    content[0] = static_cast<char>('a' + round);
    for (int i = 0; i < 70; ++i) REQUIRE_OK(root.value().put(std::to_string(i), content));
  }
  CHECK(slurp(directory / "0") == content);  // and nobody asked for it
}

// Found in review: the second look at its metadata took all that the other one had.
TEST_CASE("a content in memory does not become a program with special rights", "[P19]") {
  const TempDirectory directory;
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  auto plain = root.value().begin();
  REQUIRE_OK(plain);
  REQUIRE_OK(plain.value().put("a", "two"));
  REQUIRE_OK(root.value().put("a", "a program", {.metadata = Metadata::fixed(04755)}));
  REQUIRE_OK(plain.value().commit());
  REQUIRE_OK(root.value().close());
  struct stat status {};
  REQUIRE(::stat((directory / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0755U);
  CHECK(slurp(directory / "a") == "two");
}

// Found in review: the trial linked a staged file that was not there.
TEST_CASE("a content in memory goes where nothing was put before") {
  const TempDirectory directory;
  fs::create_directory(directory / "d");
  auto root = Root::open(directory.path(), later());
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "one"));
  const std::string to = GENERATE("d/b", "a-name-that-is-longer-than-any-before");
  auto transaction = root.value().begin();
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", "two"));
  REQUIRE_OK(transaction.value().move("a", to));
  REQUIRE_OK(transaction.value().commit());
  REQUIRE_OK(root.value().close());
  CHECK(slurp(directory / to) == "two");
  CHECK_FALSE(fs::exists(directory / "a"));
  CHECK(private_of(directory.path()) == std::vector<std::string>{"log"});
}

TEST_CASE("a directory goes with what the log has not put in place, and the root goes on") {
  const TempDirectory directory;
  RootOptions options = later();
  options.publish = GENERATE(Publish::at_once, Publish::later);
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().make_directory("d"));
  for (const char* path : {"d/a", "d/b", "kept"}) REQUIRE_OK(root.value().put(path, "one"));
  {
    auto transaction = root.value().begin();
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().remove_all("d"));
    REQUIRE_OK(root.value().put("d/c", "two"));  // by somebody else, in the meantime
    CHECK(transaction.value().commit().error().kind == ErrorKind::conflict);
  }
  auto transaction = root.value().begin();
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().remove_all("d"));
  REQUIRE_OK(transaction.value().put("kept", "three"));
  REQUIRE_OK(transaction.value().commit());
  CHECK(tree_of(directory.path()) == Tree{{"kept", "three"}});
  REQUIRE_OK(root.value().make_directory("d"));
  REQUIRE_OK(root.value().put("d/a", "four"));
  REQUIRE_OK(root.value().close());
  CHECK(tree_of(directory.path()) == Tree{{"d/", ""}, {"d/a", "four"}, {"kept", "three"}});
}

// Each of two commits was acknowledged, and the file of the one was nowhere: its directory was
// removed by the other while the first still held it open.
TEST_CASE("a commit into a directory that another one removes in the meantime is a conflict") {
  const TempDirectory directory;
  struct Interrupting final : Observer {
    std::function<void()> deed;
    void stage_ended(std::string_view /*path*/, const StageTime& stage) noexcept override {
      if (stage.stage != "stage") return;
      if (const auto once = std::exchange(deed, nullptr)) once();
    }
  };
  Interrupting observer;
  RootOptions options = later();
  options.publish = GENERATE(Publish::at_once, Publish::later);
  options.system.observer = &observer;
  auto root = Root::open(directory.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().make_directory("d"));
  REQUIRE_OK(root.value().put("d/a", "one"));
  Result<TransactionReceipt> removed = TransactionReceipt();
  observer.deed = [&] {
    auto transaction = root.value().begin();
    auto staged = transaction.value().remove_all("d");
    if (!staged) removed = staged.error();
    if (staged) removed = transaction.value().commit();
  };
  const auto put = root.value().put("d/x", "two");
  REQUIRE_OK(removed);
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == ErrorKind::conflict);
  CHECK(put.error().fate == Fate::unchanged);
  CHECK(tree_of(directory.path()).empty());
  REQUIRE_OK(root.value().put("e", "the root goes on"));
}
