// SPDX-License-Identifier: BSL-1.0
// Memory that is not to be had at the n-th allocation, for every n. The call then fails by an error
// or std::bad_alloc, and either way files are intact, nothing is left behind, and the next try
// works.
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/observer.hpp>
#include <perdure/transaction.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/scarce_memory.hpp"

namespace {

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::allocations_left;
using test::allocations_made;
using test::TempDirectory;
namespace fs = boost::filesystem;

struct Tally {
  std::int64_t count = 0;
  std::string text = "long enough to be no short string, which needs no allocation";
};
BOOST_DESCRIBE_STRUCT(Tally, (), (count, text))

enum class Outcome { done, refused, thrown };

/// Runs it with memory for `count` allocations.
template <class Work>
Outcome run_with(std::int64_t count, Work work, bool& exhausted) {
  allocations_left = count;
  Outcome outcome = Outcome::thrown;
  try {
    outcome = work() ? Outcome::done : Outcome::refused;
  } catch (const std::bad_alloc&) {
  }
  exhausted = allocations_left == 0;
  allocations_left = -1;
  return outcome;
}

/// For every number of allocations until it succeeds: `check` says what is wrong afterwards, and
/// gets whether the work claims to be done.
template <class Work, class Check>
void for_each_allocation(Work work, Check check) {
  constexpr std::int64_t allocations_max = 20'000;
  for (std::int64_t n = 0;; ++n) {
    CAPTURE(n);
    const std::size_t open = test::descriptors_open();
    bool exhausted = false;
    const Outcome outcome = run_with(n, work, exhausted);
    CHECK(test::descriptors_open() == open);
    CHECK(check(outcome == Outcome::done) == "");
    REQUIRE(n < allocations_max);
    if (outcome == Outcome::done && !exhausted) {
      CHECK(n > 10);  // else nothing was replaced
      return;
    }
  }
}

std::string is_whole(const fs::path& path, bool done) {
  const std::string text = test::slurp(path);
  const bool is_new = text == std::string(5000, 'n');
  if (!is_new && text != "old") return "torn: " + text;
  if (done && !is_new) return "it claims to be done";
  if (!test::temps_in(path.parent_path()).empty()) return "a temp is left behind";
  test::spit(path, "old");
  return {};
}

}  // namespace

TEST_CASE("out of memory in a commit of a file", "[P16]") {
  const TempDirectory directory;
  const fs::path target = directory / "target";
  test::spit(target, "old");
  const std::string image(5000, 'n');
  WriteOptions options;
  const auto check = [&](bool done) { return is_whole(target, done); };
  SECTION("plain") {}
  SECTION("coordinated and verified") {
    options.coordinate = true;
    options.verify = true;
  }
  SECTION("with a backup") {
    options.existing = ExistingPolicy::backup;
  }
  for_each_allocation([&] { return write_file(target, image, options).has_value(); }, check);
}

TEST_CASE(
    "out of memory in a group: whoever leads, nobody is left waiting, and the next group goes on",
    "[P10][P16]") {
  constexpr std::size_t threads = 3;
  const TempDirectory directory;
  const bool committer = GENERATE(false, true);
  for (std::int64_t n = 0;; n += n < 200 ? 1 : 7) {
    CAPTURE(n);
    WriteOptions options;
    options.group = std::make_shared<GroupCommit>(GroupOptions{.committer_thread = committer});
    const auto writer = AtomicWriter::bind(directory.path(), options);
    REQUIRE(writer.has_value());
    std::array<Outcome, threads> outcomes{};
    std::atomic<int> ready = 0;
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        const std::string leaf = std::to_string(i);
        ++ready;
        while (ready <= static_cast<int>(threads)) std::this_thread::yield();
        try {
          outcomes[i] =
              writer.value().commit(leaf, as_bytes("new")) ? Outcome::done : Outcome::refused;
        } catch (const std::bad_alloc&) {
          outcomes[i] = Outcome::thrown;
        }
      });
    }
    while (ready < static_cast<int>(threads)) std::this_thread::yield();
    allocations_left = n;
    ++ready;
    for (auto& thread : running) thread.join();
    const bool exhausted = allocations_left == 0;
    allocations_left = -1;
    for (std::size_t i = 0; i < threads; ++i) {
      const fs::path target = directory / std::to_string(i);
      if (outcomes[i] == Outcome::done) CHECK(test::slurp(target) == "new");
    }
    CHECK(test::temps_in(directory.path()).empty());
    const auto counts = options.group->counts();
    CHECK(counts.waiting + counts.outside == 0);
    REQUIRE(writer.value().commit("next", as_bytes("new")).has_value());
    if (!exhausted) break;
  }
}

TEST_CASE("out of memory in a commit that is left to a group", "[P10][P16]") {
  const TempDirectory directory;
  const fs::path target = directory / "target";
  test::spit(target, "old");
  const std::string image(5000, 'n');
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>();
  for_each_allocation(
      [&]() -> bool {
        const auto writer = AtomicWriter::bind(directory.path(), options);
        if (!writer) return false;
        const auto handle = writer.value().commit_later("target", image);
        bool called = false;
        handle.on_done([&called] { called = true; });
        return handle.wait().has_value() && called;
      },
      [&](bool done) { return is_whole(target, done); });
}

TEST_CASE("out of memory in a stream", "[P16]") {
  const TempDirectory directory;
  const fs::path target = directory / "target";
  test::spit(target, "old");
  const std::string half(2500, 'n');
  for_each_allocation(
      [&]() -> bool {
        auto file = AtomicFile::create(target);
        return file && file.value().write(as_bytes(half)) && file.value().write(as_bytes(half)) &&
               file.value().commit();
      },
      [&](bool done) { return is_whole(target, done); });
}

TEST_CASE("out of memory in a transaction, and in its recovery", "[P16]") {
  const TempDirectory directory;
  const fs::path root = directory / "root";
  fs::create_directories(root / "sub");
  const auto reset = [&] {
    for (const char* name : {"a", "sub/b"}) test::spit(root / name, "old");
  };
  reset();
  REQUIRE_OK(recover(root));
  for_each_allocation(
      [&]() -> bool {
        auto transaction = Transaction::begin(root);
        return transaction && transaction.value().put("a", "new") &&
               transaction.value().put("sub/b", "new") && transaction.value().commit();
      },
      [&](bool done) -> std::string {
        for (std::int64_t n = 0;; ++n) {  // recovery fails at each allocation, too
          bool exhausted = false;
          const auto outcome = run_with(
              n, [&] { return bool(recover(root)); }, exhausted);
          if (outcome == Outcome::done) break;
          if (!exhausted) return "it can't be recovered";
        }
        const std::string a = test::slurp(root / "a");
        if (a != test::slurp(root / "sub/b")) return "half of it";
        if (done && a != "new") return "it claims to be done";
        if (!test::temps_in(root).empty()) return "a temp is left behind";
        reset();
        return {};
      });
}

TEST_CASE("out of memory in a tracker: memory is never ahead of the disk, and saves go on",
          "[P13][P16]") {
  const TempDirectory directory;
  const fs::path path = directory / "state";
  auto tracker = StateTracker<Tally>::open(path);
  REQUIRE_OK(tracker);
  REQUIRE_OK(tracker.value().update([](Tally& tally) { ++tally.count; }));
  for_each_allocation(
      [&] { return tracker.value().update([](Tally& tally) { ++tally.count; }).has_value(); },
      [&](bool) -> std::string {
        const std::int64_t count = tracker.value().state()->count;
        const auto disk = StateTracker<Tally>::open(path);
        if (!disk) return disk.error().message();
        if (disk.value().report().origin != Origin::current) return "it had to fall back";
        if (disk.value().state()->count < count) return "memory is ahead of the disk";
        if (!test::temps_in(directory.path()).empty()) return "a temp is left behind";
        const auto reloaded = tracker.value().reload();
        if (!reloaded) return reloaded.error().message();
        const auto saved = tracker.value().update([](Tally& tally) { ++tally.count; });
        return saved ? std::string() : saved.error().message();
      });
}

TEST_CASE("out of memory while a tracker opens", "[P16]") {
  const TempDirectory directory;
  const fs::path path = directory / "state";
  {
    auto tracker = StateTracker<Tally>::open(path);
    REQUIRE_OK(tracker.value().update([](Tally& tally) { tally.count = 7; }));
  }
  for_each_allocation([&] { return StateTracker<Tally>::open(path).has_value(); },
                      [&](bool) -> std::string {
                        const auto tracker = StateTracker<Tally>::open(path);
                        if (!tracker) return tracker.error().message();
                        return tracker.value().state()->count == 7 &&
                                       tracker.value().report().origin == Origin::current
                                   ? ""
                                   : "the state is gone";
                      });
}

namespace {

/// Counts the allocations between a leader's first rename and its last question.
struct WatchedLeader final : ForwardingFileSystem {
  WatchedLeader() : ForwardingFileSystem(native_file_system()) {}
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (first < 0) first = allocations_made;
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> check_alive(Handle handle) override {
    auto asked = ForwardingFileSystem::check_alive(handle);
    last = allocations_made;
    return asked;
  }
  std::int64_t first = -1;
  std::int64_t last = -1;
};

}  // namespace

TEST_CASE("who leads a group allocates nothing") {
  const TempDirectory directory("/dev/shm");
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>();
  std::vector<NewFile> files;
  for (const char* name : {"a/1", "b/1", "a/2", "b/2"}) {
    fs::create_directories((directory / name).parent_path());
    files.push_back({directory / name, as_bytes("new")});
  }
  WatchedLeader watched;
  const System system{.files = &watched, .environment = &native_environment()};
  SECTION("of callers who wait") {
    for (const auto& done : write_files(files, options, system)) REQUIRE_OK(done);
  }
  SECTION("of commits whose callers went on") {
    const auto writer = AtomicWriter::bind(directory / "a", options, system);
    REQUIRE_OK(writer);
    const auto first = writer.value().commit_later("1", "new");
    REQUIRE_OK(writer.value().commit_later("2", "new").wait());
    CHECK(first.ready());
  }
  REQUIRE(watched.first >= 0);
  REQUIRE(watched.last >= watched.first);
  CHECK(watched.last - watched.first == 0);
}

TEST_CASE("an observer costs no allocation, and its absence none either") {
  const TempDirectory at;
  const auto allocated_with = [&](Observer* observer) {
    const System system{&native_file_system(), &native_environment(), observer};
    const fs::path path = at.path() / "file";
    REQUIRE_OK(write_file(path, std::string_view("1"), {}, system));
    const std::int64_t before = allocations_made;
    const auto written = write_file(path, std::string_view("2"), {}, system);
    const std::int64_t made = allocations_made - before;
    REQUIRE_OK(written);
    return made;
  };
  Observer silent;
  (void)allocated_with(nullptr);  // what is made once for a process
  const std::int64_t without = allocated_with(nullptr);
  CHECK(without > 0);  // the count works
  CHECK(allocated_with(&silent) == without);
}
