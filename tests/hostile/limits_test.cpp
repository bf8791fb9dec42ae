// SPDX-License-Identifier: BSL-1.0
// Limits of the process and of the disk, real ones: size of a file, descriptors, quotas, the clock.
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/transaction.hpp>

#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::TempDirectory;

namespace {

namespace fs = boost::filesystem;

void limit(int resource, rlim_t value) {
  const rlimit set{.rlim_cur = value, .rlim_max = value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &set) != 0) {
    throw std::runtime_error("setrlimit");
  }
}

/// "" if it is intact and says that nothing happened, or the words of what is wrong.
template <class T>
std::string must_be_refused(const Result<T>& result, std::errc cause) {
  if (result) return "it succeeded";
  if (result.error().fate != Fate::unchanged) return "fate: " + result.error().message();
  if (result.error().cause != cause) return "cause: " + result.error().message();
  return {};
}

struct Tally {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Tally, (), (count))

}  // namespace

TEST_CASE("a file that may not grow is an error, and no signal ends the process", "[P16][P19]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const std::string image(100'000, 'n');
  const std::string large(3'000'000, 'n');  // its space is reserved first, which signals, too
  test::Child child([&]() -> std::string {
    std::signal(SIGXFSZ, SIG_DFL);
    limit(RLIMIT_FSIZE, 50'000);
    for (const auto& content : {image, large}) {
      std::string words =
          must_be_refused(write_file(directory / "target", content), std::errc::file_too_large);
      if (!words.empty()) return words;
      auto transaction = Transaction::begin(directory.path());
      if (!transaction) return transaction.error().message();
      words =
          must_be_refused(transaction.value().put("target", content), std::errc::file_too_large);
      if (!words.empty()) return words;
    }
    const auto fits = write_file(directory / "target", std::string(50'000, 'f'));
    return fits ? "" : fits.error().message();
  });
  CHECK(child.said() == "");
  CHECK(test::slurp(directory / "target") == std::string(50'000, 'f'));
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a copy within the kernel that may not grow is an error, and no signal", "[P16][P19]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  test::spit(directory / "source", std::string(100'000, 'n'));
  test::Child child([&]() -> std::string {
    std::signal(SIGXFSZ, SIG_DFL);
    limit(RLIMIT_FSIZE, 50'000);
    FileSystem& files = native_file_system();
    const OwnedHandle at(
        files, files.open_directory(Handle::working_directory, directory.path().native()).value());
    const OwnedHandle source(files, files.open_file(at.get(), "source").value());
    auto file = AtomicFile::create(directory / "target").value();
    for (std::uint64_t offset = 0;;) {
      const auto count = file.append_from(source.get(), offset, 100'000);
      if (!count) return must_be_refused(count, std::errc::file_too_large);
      if (count.value() == 0) return "it reached the end";
      offset += count.value();
    }
  });
  CHECK(child.said() == "");
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a limit of size that is raised later is taken for what it is now", "[P19]") {
  const TempDirectory directory;
  test::Child child([&]() -> std::string {
    const auto set = [](rlim_t value) {
      rlimit now{};
      (void)::getrlimit(RLIMIT_FSIZE, &now);
      now.rlim_cur = value;
      (void)::setrlimit(RLIMIT_FSIZE, &now);
    };
    set(10);
    std::string words = must_be_refused(write_file(directory / "target", std::string(100, 'n')),
                                        std::errc::file_too_large);
    if (!words.empty()) return words;
    set(1000);
    return test::say(write_file(directory / "target", std::string(100, 'n')));
  });
  CHECK(child.said() == "success");
}

TEST_CASE("out of descriptors at the n-th: all or nothing, and none is lost", "[P16][P19]") {
  if (test::sanitized) return test::skip("a sanitizer needs a descriptor now and then itself");
  const TempDirectory directory;
  fs::create_directory(directory / "sub");
  test::spit(directory / "target", "old");
  test::spit(directory / "sub/target", "old");
  REQUIRE_OK(recover(directory.path()));
  const auto attempt = [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(write_file(directory / "file", "new", {.coordinate = true}));
    BOOST_OUTCOME_TRY(auto tracker, StateTracker<Tally>::open(directory / "state"));
    BOOST_OUTCOME_TRY(tracker.update([](Tally& tally) { ++tally.count; }));
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(directory.path()));
    BOOST_OUTCOME_TRY(transaction.put("target", "new"));
    BOOST_OUTCOME_TRY(transaction.put("sub/target", "new"));
    BOOST_OUTCOME_TRY(transaction.commit());
    return success();
  };
  test::Child child([&]() -> std::string {
    const std::size_t open = test::descriptors_open();
    const auto first = static_cast<rlim_t>(::dup(1));
    ::close(static_cast<int>(first));
    for (rlim_t n = first; n < first + 64; ++n) {
      rlimit most{};
      ::getrlimit(RLIMIT_NOFILE, &most);
      const rlimit few{.rlim_cur = n, .rlim_max = most.rlim_max};
      ::setrlimit(RLIMIT_NOFILE, &few);
      const auto done = attempt();
      ::setrlimit(RLIMIT_NOFILE, &most);
      if (test::descriptors_open() != open) return "a descriptor is lost";
      const bool is_new = test::slurp(directory / "target") == "new";
      if (is_new != (test::slurp(directory / "sub/target") == "new")) {
        if (!recover(directory.path())) return "it can't be recovered";
        if (test::slurp(directory / "target") != test::slurp(directory / "sub/target")) {
          return "half of a transaction";
        }
      }
      if (done) return n > first + 2 ? "done" : "nothing was tried";
      if (done.error().cause != std::errc::too_many_files_open) return done.error().message();
    }
    return "never enough descriptors";
  });
  CHECK(child.said() == "done");
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a quota on a real disk: refused before anything is published", "[P19]") {
  const test::Disk disk(160, {"mkfs.btrfs", "-q", "-f"});
  if (!disk.error().empty()) return test::skip(disk.error());
  const std::string path = disk.path().native();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"btrfs", "quota", "enable", path},
        std::vector<std::string>{"btrfs", "qgroup", "limit", "4M", path}}) {
    const auto ran = test::run(command);
    if (ran.status != 0) return test::skip(ran.said());
  }
  REQUIRE_OK(write_file(disk.path() / "target", "old"));
  const std::string image(std::size_t{8} << 20U, 'n');
  for (const Durability durability : {Durability::none, Durability::durable}) {
    WriteOptions options;
    options.durability = durability;
    const auto refused = write_file(disk.path() / "target", image, options);
    REQUIRE_FAILS(system, unchanged, refused);
    CHECK(refused.error().cause == std::error_code(EDQUOT, std::generic_category()));
    CHECK(test::slurp(disk.path() / "target") == "old");
    CHECK(test::temps_in(disk.path()).empty());
  }
  auto transaction = Transaction::begin(disk.path());
  REQUIRE_OK(transaction);
  REQUIRE_FAILS(system, unchanged, transaction.value().put("target", image));
  REQUIRE_OK(write_file(disk.path() / "target", "new"));
}

namespace {

/// A wall clock that somebody sets, again and again; the other one goes on.
class JumpingClock final : public Environment {
 public:
  SysResult<void> random(std::span<std::byte> out) override { return base_.random(out); }
  std::chrono::nanoseconds monotonic() override { return base_.monotonic(); }
  std::chrono::nanoseconds wall() override { return now_; }
  void sleep(std::chrono::nanoseconds time) override { base_.sleep(time); }
  void set(std::chrono::nanoseconds now) { now_ = now; }

 private:
  testing::ManualEnvironment base_;
  std::chrono::nanoseconds now_{};
};

}  // namespace

TEST_CASE("a clock that is set back and forth decides nothing but the time that is written") {
  const TempDirectory directory;
  JumpingClock clock;
  TrackerOptions options;
  options.system.environment = &clock;
  auto tracker = StateTracker<Tally>::open(directory / "state", options);
  REQUIRE_OK(tracker);
  std::uint64_t generation = 0;
  std::int64_t count = 0;
  for (const std::int64_t year : {2026, 1969, 2200, 1700, 2026, 1970, 2261}) {
    clock.set(std::chrono::sys_days(std::chrono::year(static_cast<int>(year)) / 1 / 1)
                  .time_since_epoch());
    REQUIRE_OK(tracker.value().update([](Tally& tally) { ++tally.count; }));
    ++count;
    CHECK(tracker.value().generation() > generation);
    generation = tracker.value().generation();
    const auto again = StateTracker<Tally>::open(directory / "state", options);
    REQUIRE_OK(again);
    CHECK(again.value().report().origin == Origin::current);
    CHECK(again.value().state()->count == count);
    CHECK(again.value().report().last_updated.time_since_epoch() == clock.wall());
  }
}
