// SPDX-License-Identifier: BSL-1.0
// The lock of a target, and the pool of random bytes.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "engine/lock.hpp"
#include "engine/names.hpp"
#include "engine/random_pool.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace std::chrono_literals;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::ManualEnvironment;
using testing::Operation;

namespace {

OwnedHandle open(const TempDirectory& directory) {
  FileSystem& files = native_file_system();
  return {files,
          files.open_directory(Handle::working_directory, directory.path().native()).value()};
}

SysResult<OwnedHandle> lock_now(const OwnedHandle& directory, const std::string& leaf = "target",
                                LockMode mode = LockMode::exclusive) {
  return take_lock(native_file_system(), native_environment(), directory.get(), leaf, mode, {0ms});
}

std::error_code code(int error) {
  return {error, std::generic_category()};
}

}  // namespace

TEST_CASE("a lock excludes within the process, and is free once its handle is closed", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  auto first = lock_now(at);
  REQUIRE_OK(first);
  CHECK(lock_now(at).error() == code(ETIMEDOUT));
  CHECK(lock_now(at, "neighbour").has_value());
  first.value().reset();
  CHECK(lock_now(at).has_value());
}

TEST_CASE("shared locks go together, and keep an exclusive one out", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  const auto first = lock_now(at, "target", LockMode::shared);
  const auto second = lock_now(at, "target", LockMode::shared);
  REQUIRE_OK(first);
  REQUIRE_OK(second);
  CHECK(lock_now(at).error() == code(ETIMEDOUT));
}

TEST_CASE("a lock excludes other processes, and is free at once when its holder is killed",
          "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  std::array<int, 2> ready{};
  REQUIRE(::pipe(ready.data()) == 0);
  test::Child holder([&]() -> std::string {
    const auto lock = lock_now(at);
    (void)!::write(ready[1], lock ? "y" : "n", 1);
    while (true) ::pause();
  });
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  REQUIRE(answer == 'y');
  CHECK(lock_now(at).error() == code(ETIMEDOUT));
  holder.kill();
  CHECK(holder.wait() == -SIGKILL);
  CHECK(lock_now(at).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("waiting for a lock ends after its timeout, by the environment's clock", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  const auto holder = lock_now(at);
  REQUIRE_OK(holder);
  ManualEnvironment environment;
  const auto begin = environment.monotonic();
  const auto late =
      take_lock(native_file_system(), environment, at.get(), "target", LockMode::exclusive, {10s});
  CHECK(late.error() == code(ETIMEDOUT));
  CHECK(environment.monotonic() - begin == 10s);  // not a pause beyond it
  CHECK(environment.sleeps() > 100);              // looked often
  CHECK(environment.sleeps() < 10'000);           // but did not spin
}

TEST_CASE("waiting for a lock ends at the pause in which somebody says to stop", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  const auto holder = lock_now(at);
  REQUIRE_OK(holder);
  ManualEnvironment environment;
  FaultyFileSystem files(native_file_system());
  const StopCondition third([&] { return environment.sleeps() == 3; });
  const auto ended = take_lock(files, environment, at.get(), "target", LockMode::exclusive,
                               {.timeout_ms = 10s, .stop = third});
  CHECK(ended.error() == code(ECANCELED));
  CHECK(environment.sleeps() == 3);
  CHECK(files.handles_open() == 0);
}

TEST_CASE("a lock file is private, and a lock leaves it where it is", "[P8]") {
  const TempDirectory directory;
  const test::Umask open_mask(0);
  const OwnedHandle at = open(directory);
  lock_now(at).value().reset();
  CHECK(test::list(directory.path()) == std::vector<std::string>{names::lock_of("target")});
  CHECK(test::mode_of(directory / names::lock_of("target")) == 0600);
}

TEST_CASE("a lock file that was deleted by hand does not let two in", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);

  /// Deletes the lock file in the moment between its opening and its locking.
  struct Deleter final : testing::FaultyFileSystem {
    Deleter(FileSystem& base, boost::filesystem::path lock)
        : FaultyFileSystem(base), lock_(std::move(lock)) {}
    SysResult<void> try_lock(Handle file, LockMode mode) override {
      if (!std::exchange(done_, true)) boost::filesystem::remove(lock_);
      return FaultyFileSystem::try_lock(file, mode);
    }
    boost::filesystem::path lock_;
    bool done_ = false;
  };
  Deleter files(native_file_system(), directory / names::lock_of("target"));
  const auto lock =
      take_lock(files, native_environment(), at.get(), "target", LockMode::exclusive, {1s});
  REQUIRE_OK(lock);
  CHECK(files.calls(Operation::open_lock) == 2);
  CHECK(lock_now(at).error() == code(ETIMEDOUT));  // what bears the name is what is locked
}

TEST_CASE("a lock file that vanishes again and again ends the wait too", "[P8]") {
  // Found by failing each stat_at with ENOENT from one call on: the wait never looked at the clock.
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::stat_at, .error = ENOENT, .from_then_on = true});
  ManualEnvironment environment;
  const auto lock = take_lock(files, environment, at.get(), "target", LockMode::exclusive, {1s});
  CHECK(lock.error() == code(ETIMEDOUT));
  CHECK(files.handles_open() == 0);
}

TEST_CASE("anything but a regular file is refused as a lock", "[P8][P17]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  const auto path = directory / names::lock_of("target");
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(lock_now(at).error() == code(ENOTSUP));
  }
  SECTION("a symbolic link is not followed") {
    boost::filesystem::create_symlink("elsewhere", path);
    CHECK(lock_now(at).error() == code(ELOOP));
    CHECK_FALSE(boost::filesystem::exists(directory / "elsewhere"));
  }
  SECTION("a directory") {
    boost::filesystem::create_directory(path);
    CHECK(lock_now(at).error() == code(EISDIR));
  }
}

TEST_CASE("threads that take turns by a lock never meet", "[P8]") {
  const TempDirectory directory;
  const OwnedHandle at = open(directory);
  std::atomic<int> inside = 0;
  std::atomic<int> met = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto lock = take_lock(native_file_system(), native_environment(), at.get(), "target",
                                    LockMode::exclusive, {60s});
        if (!lock) {
          ++failed;
          continue;
        }
        if (++inside != 1) ++met;
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(met == 0);
  CHECK(failed == 0);
}

TEST_CASE("the random pool asks seldom and never hands out a byte twice", "[P20][budget]") {
  struct Counting final : Environment {
    SysResult<void> random(std::span<std::byte> out) override {
      ++calls;
      for (auto& byte : out) byte = static_cast<std::byte>(next++ & 0xffU);
      return success();
    }
    std::chrono::nanoseconds monotonic() override { return 1ns; }
    std::chrono::nanoseconds wall() override { return 2ns; }
    void sleep(std::chrono::nanoseconds) override { ++sleeps; }
    unsigned calls = 0;
    unsigned next = 0;
    unsigned sleeps = 0;
  };
  Counting base;
  RandomPool pool(base);
  std::array<std::byte, 16> out{};
  for (unsigned i = 0; i < 512; ++i) {
    REQUIRE_OK(pool.random(out));
    REQUIRE(out[0] == static_cast<std::byte>((i * 16) & 0xffU));
    REQUIRE(out[15] == static_cast<std::byte>((i * 16 + 15) & 0xffU));
  }
  CHECK(base.calls == 2);
  Buffer large(5000);
  REQUIRE_OK(pool.random(large));
  CHECK(base.calls == 3);
  CHECK(pool.monotonic() == 1ns);
  CHECK(pool.wall() == 2ns);
  pool.sleep(1ns);
  CHECK(base.sleeps == 1);
}

TEST_CASE("the random pool hands an error on and gives no stale bytes after it") {
  ManualEnvironment base;
  RandomPool pool(base);
  base.fail_random(EIO);
  std::array<std::byte, 16> out{};
  CHECK(pool.random(out).error() == code(EIO));
  CHECK(pool.random(out).error() == code(EIO));
  base.fail_random(0);
  CHECK(pool.random(out).has_value());
  CHECK(out != std::array<std::byte, 16>{});
}

TEST_CASE("who waits for a lock tries again after 0.1 ms, then at pauses up to 4 ms", "[P8]") {
  struct Watched final : Environment {
    SysResult<void> random(std::span<std::byte> out) override { return clock.random(out); }
    std::chrono::nanoseconds monotonic() override { return clock.monotonic(); }
    std::chrono::nanoseconds wall() override { return clock.wall(); }
    void sleep(std::chrono::nanoseconds time) override {
      pauses.push_back(time);
      clock.sleep(time);
    }
    ManualEnvironment clock;
    std::vector<std::chrono::nanoseconds> pauses;
  };
  const TempDirectory directory;
  const OwnedHandle handle = open(directory);
  const auto held = lock_now(handle);
  REQUIRE_OK(held);
  Watched environment;
  const auto late = take_lock(native_file_system(), environment, handle.get(), "target",
                              LockMode::exclusive, {10'000ms});
  REQUIRE_FALSE(late.has_value());
  REQUIRE(environment.pauses.size() > 2);
  CHECK(environment.pauses[0] == 100us);
  CHECK(environment.pauses[1] == 150us);
  CHECK(*std::max_element(environment.pauses.begin(), environment.pauses.end()) == 4ms);
  // docs/architecture.md says so.
  const std::string docs = test::slurp(PERDURE_SOURCE_DIR "/docs/architecture.md");
  CHECK(docs.find("after 0.1 ms, then at pauses that grow by half up to 4 ms") != docs.npos);
}
