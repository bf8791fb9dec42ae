// SPDX-License-Identifier: BSL-1.0
// Many writers, many readers, one target.
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <sys/time.h>
#include <thread>

#include <perdure/perdure.hpp>

#include "support/content.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::content_of;
using test::is_whole;
using test::TempDirectory;

namespace {

WriteOptions unsynced() {
  WriteOptions options;
  options.durability = Durability::none;
  return options;
}

/// Commits `rounds` times through a writer of its own; says what went wrong.
std::string commit_rounds(const boost::filesystem::path& directory, int writer, int rounds,
                          const WriteOptions& options) {
  const auto bound = AtomicWriter::bind(directory, options);
  if (!bound) return bound.error().message();
  const std::string content = content_of(static_cast<unsigned>(writer));
  for (int i = 0; i < rounds; ++i) {
    const auto done = bound.value().commit("target", content);
    if (!done) return done.error().message();
  }
  return "done";
}

/// A sleep here lets something happen.
class Meanwhile final : public Environment {
 public:
  explicit Meanwhile(std::function<void()> event) : event_(std::move(event)) {}

  SysResult<void> random(std::span<std::byte> out) override {
    return native_environment().random(out);
  }
  std::chrono::nanoseconds monotonic() override { return native_environment().monotonic(); }
  std::chrono::nanoseconds wall() override { return native_environment().wall(); }
  void sleep(std::chrono::nanoseconds /*time*/) override {
    ++sleeps;
    event_();
  }
  int sleeps = 0;

 private:
  std::function<void()> event_;
};

}  // namespace

TEST_CASE("8 threads and 4 processes commit to one target, and no read is torn or missing",
          "[P1]") {
  const TempDirectory directory;
  const bool coordinated = GENERATE(false, true);
  CAPTURE(coordinated);
  WriteOptions options = unsynced();
  options.coordinate = coordinated;
  options.lock_timeout_ms = std::chrono::minutes(2);
  const int rounds = coordinated ? 40 : 150;
  test::spit(directory / "target", content_of(0));

  std::vector<test::Child> processes;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([&, i] { return commit_rounds(directory.path(), i, rounds, options); });
  }
  std::atomic<int> writing = 8;
  std::atomic<int> torn = 0;
  std::atomic<int> missing = 0;
  std::atomic<int> failed = 0;
  std::atomic<long> reads = 0;
  std::vector<std::thread> threads;
  const auto writer = AtomicWriter::bind(directory.path(), options);
  REQUIRE_OK(writer);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {  // half of them share one writer
      const std::string content = content_of(static_cast<unsigned>(i));
      for (int round = 0; round < rounds; ++round) {
        const auto done = i % 2 == 0 ? writer.value().commit("target", content)
                                     : write_file(directory / "target", content, options);
        if (!done) ++failed;
      }
      --writing;
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      do {
        std::string text;
        if (i == 0) {
          const auto read = read_file(directory / "target");
          if (!read) ++missing;
          if (read) text = as_text(read.value().bytes);
        } else {
          try {
            text = test::slurp(directory / "target");
          } catch (const std::exception&) {
            ++missing;
          }
        }
        if (!text.empty() && !is_whole(text)) ++torn;
        ++reads;
      } while (writing > 0);
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& process : processes) CHECK(process.said() == "done");
  CHECK(failed == 0);
  CHECK(torn == 0);
  CHECK(missing == 0);
  CHECK(reads > 0);
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a cleaner that never rests takes no live temp away", "[P15]") {
  const TempDirectory directory;
  test::spit(directory / "target", content_of(0));
  std::atomic<bool> done = false;
  std::atomic<int> failed = 0;
  std::atomic<int> removed = 0;
  std::atomic<int> cleanings = 0;
  std::vector<std::thread> cleaners;
  for (int i = 0; i < 2; ++i) {
    cleaners.emplace_back([&] {
      while (!done) {
        const auto report = clean(directory.path());
        if (!report) {
          ++failed;
        } else {
          removed += static_cast<int>(report.value().removed.size());
        }
        ++cleanings;
      }
    });
  }
  std::string trouble;
  std::vector<std::thread> writers;
  std::mutex mutex;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&, i] {
      for (int round = 0; round < 100 || cleanings < 50; ++round) {
        const auto one =
            write_file(directory / "target", content_of(static_cast<unsigned>(i)), unsynced());
        auto file = AtomicFile::create(directory / "target", unsynced());
        const bool streamed = file &&
                              file.value().write(as_bytes(content_of(static_cast<unsigned>(i)))) &&
                              file.value().commit().has_value();
        if (one && streamed) continue;
        const std::scoped_lock lock(mutex);
        trouble = one ? "a stream failed" : one.error().message();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  done = true;
  for (auto& cleaner : cleaners) cleaner.join();
  CHECK(trouble.empty());
  CHECK(failed == 0);
  CHECK(removed == 0);
  CHECK(is_whole(test::slurp(directory / "target")));
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("a committer in the middle of making its temp keeps it from a cleaner", "[P15]") {
  // open(2) makes the name before it counts the writer: a cleaner that looked in between found a
  // temp that nobody had open, and the commit failed at its rename.
  const TempDirectory directory;
  const std::string temp = ".target.0123456789abcdef.perdure-tmp";
  const std::string killed = ".target.fedcba9876543210.perdure-tmp";
  test::spit(directory / temp, "");
  int writer = -1;
  Meanwhile environment([&] {
    writer = ::open((directory / temp).c_str(), O_RDWR | O_CLOEXEC);  // its open(2) goes on
  });
  const System system{&native_file_system(), &environment};
  SECTION("it is empty, and gets a second look") {
    test::spit(directory / killed, "");
    const auto report = clean(directory.path(), {}, system);
    REQUIRE_OK(report);
    CHECK(report.value().live == std::vector{temp});
    CHECK(report.value().removed == std::vector{killed});
    CHECK(environment.sleeps == 1);  // one for both
  }
  SECTION("what a dry run says is true as well") {
    const auto report = clean(directory.path(), {.dry_run = true}, system);
    REQUIRE_OK(report);
    CHECK(report.value().live == std::vector{temp});
    CHECK(report.value().removed.empty());
  }
  SECTION("a temp with content was open once, and nobody waits for it") {
    test::spit(directory / temp, "half");
    const auto report = clean(directory.path(), {}, system);
    REQUIRE_OK(report);
    CHECK(report.value().removed == std::vector{temp});
    CHECK(environment.sleeps == 0);
  }
  if (writer >= 0) ::close(writer);
}

TEST_CASE("cleaners beside each other share the work and do not fail over it", "[P15]") {
  // The second to unlink one temp got ENOENT, and reported a failure.
  const TempDirectory directory;
  constexpr int temps = 300;
  for (int i = 0; i < temps; ++i) {
    std::string random = "0000000000000000" + std::to_string(i);
    random = random.substr(random.size() - 16);
    test::spit(directory / ("." + std::string("t.") + random + ".perdure-tmp"), "half");
  }
  std::atomic<int> removed = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> cleaners;
  for (int i = 0; i < 4; ++i) {
    cleaners.emplace_back([&] {
      const auto report = clean(directory.path());
      if (!report) ++failed;
      if (report) removed += static_cast<int>(report.value().removed.size());
    });
  }
  for (auto& cleaner : cleaners) cleaner.join();
  CHECK(failed == 0);
  CHECK(removed == temps);
  CHECK(test::list(directory.path()).empty());
}

TEST_CASE("nobody can kill a cleaner by opening a temp at the wrong moment", "[P15][P17]") {
  // A lease that is broken sends SIGIO to its holder, and SIGIO ends a process by default: who can
  // open a stale temp for writing could end the program that cleans it away.
  const TempDirectory directory;
  const auto temp = directory / ".target.0123456789abcdef.perdure-tmp";
  test::spit(temp, "half");
  test::Child hostile([&]() -> std::string {
    while (true) {
      const int fd = ::open(temp.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (fd >= 0) ::close(fd);
    }
  });
  test::Child cleaner([&]() -> std::string {
    int free = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto report = clean(directory.path(), {.dry_run = true});
      if (!report) return report.error().message();
      free += static_cast<int>(report.value().removed.size());
    }
    return free > 0 ? "alive" : "never saw it free";
  });
  CHECK(cleaner.said() == "alive");
}

TEST_CASE("signals that never stop neither fail nor hang a commit") {
  // fallocate(2) on tmpfs gave up at each signal until Linux 6.17: retried, it went on forever.
  const TempDirectory directory("/dev/shm");
  test::Child interrupted([&]() -> std::string {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 200},
                          .it_value = {.tv_sec = 0, .tv_usec = 200}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    const std::string image(std::size_t{96} << 20U, 'x');
    WriteOptions options;
    options.coordinate = true;
    const auto done = write_file(directory / "target", image, options);
    return done ? "done" : done.error().message();
  });
  std::atomic<bool> over = false;
  std::thread watchdog([&] {  // ends a hang; a commit takes a small part of this
    for (int i = 0; i < 600 && !over; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!over) interrupted.kill();
  });
  CHECK(interrupted.said() == "done");
  over = true;
  watchdog.join();
}

// By hand on Linux 6.1, whose ext4 and tmpfs stamp by the tick: files_counting DIR 8 10000.
TEST_CASE("8 processes that count by compare-and-swap lose nothing, on a disk and in memory",
          "[P5]") {
  for (const auto medium : {test::Medium::disk, test::Medium::memory}) {
    const TempDirectory directory(medium);
    const auto counted = test::run({PERDURE_COUNTING, directory.path().native(), "8", "200"});
    INFO(directory.path() << ": " << counted.said());
    CHECK(counted.status == 0);
  }
}

TEST_CASE("processes that count by compare-and-swap lose nothing on ext3, which counts in ticks",
          "[P5]") {
  const test::Disk disk(64, {"mkfs.ext3", "-q", "-F"});
  if (!disk.error().empty()) return test::skip(disk.error());
  const auto counted = test::run({PERDURE_COUNTING, disk.path().native(), "4", "400"});
  INFO(counted.said());
  CHECK(counted.status == 0);
}
