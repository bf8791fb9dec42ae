// SPDX-License-Identifier: BSL-1.0
// Kills writers at random moments and looks at what they leave.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <random>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <perdure/clean.hpp>

#include "common/help_formatter.hpp"
#include "common/progress.hpp"
#include "trackers.hpp"
#include "workload.hpp"

namespace perdure::demo {

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string directory;
  unsigned long kills = 300;
  std::size_t size = std::size_t{256} * 1024;
  std::uint32_t seed = std::random_device{}();
  unsigned seconds_max = 20;
};

struct Tally {
  unsigned long kills = 0;
  unsigned long intact = 0;
  unsigned long torn = 0;
  unsigned long missing = 0;
  unsigned long lost = 0;  ///< Contents older than the acknowledged one.
  std::uint64_t writes = 0;
  std::vector<unsigned long> stages;  ///< Kills that hit each stage.
};

[[noreturn]] void fail(const std::string& words) {
  throw std::system_error(errno, std::generic_category(), words);
}

[[noreturn]] void fail(const Error& error) {
  throw std::runtime_error(error.message());
}

/// Memory that a forked child shares with its parent.
class Shared {
 public:
  Shared() {
    void* memory = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    progress_ = new (memory) Progress{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(progress_, sizeof(Progress)); }
  Progress& operator*() const { return *progress_; }
  Progress* operator->() const { return progress_; }

 private:
  Progress* progress_ = nullptr;
};

/// Starts the writer in a process of its own and kills it `delay` after its first write returned.
void run_and_kill(const Writer& writer, const Settings& settings, const std::string& path,
                  std::uint64_t first, Clock::duration delay, Progress& progress) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    const auto outcome = writer.run(path, settings.size, first, UINT64_MAX, progress);
    if (!outcome) std::cerr << outcome.error().message() << std::endl;
    std::_Exit(1);
  }
  int status = 0;
  pid_t ended = 0;
  while (progress.acknowledged < first && ended == 0) {
    ended = ::waitpid(child, &status, WNOHANG);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  if (ended == 0) {
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    if (::waitpid(child, &status, 0) < 0) fail("waitpid");
  }
  if (!WIFSIGNALED(status)) throw std::runtime_error("the writer ended before it was killed");
}

void count(const Finding& found, std::uint64_t acknowledged, Tally& tally) {
  switch (found.kind) {
    case Finding::Kind::missing:
      ++tally.missing;
      break;
    case Finding::Kind::torn:
      ++tally.torn;
      break;
    case Finding::Kind::intact:
      ++tally.intact;
      if (found.number < acknowledged) ++tally.lost;
      break;
  }
}

/// The time of one write, by a few of them: kills must hit all parts of a write.
Clock::duration time_of_one(const Writer& writer, const Settings& settings,
                            const std::string& path) {
  constexpr std::uint64_t writes = 8;
  const Shared progress;
  const auto begin = Clock::now();
  if (const auto done = writer.run(path, settings.size, 1, 1 + writes, *progress); !done) {
    fail(done.error());
  }
  return (Clock::now() - begin) / writes;
}

Tally kill_often(const Writer& writer, const Settings& settings, const std::string& path) {
  Tally tally;
  tally.stages.resize(writer.stages.size());
  std::mt19937 random(settings.seed);
  const auto window =
      std::clamp<Clock::duration>(4 * time_of_one(writer, settings, path),
                                  std::chrono::milliseconds(4), std::chrono::milliseconds(200));
  std::uniform_int_distribution<Clock::rep> delay(0, window.count());
  const auto end = Clock::now() + std::chrono::seconds(settings.seconds_max);
  cli::Progress bar(std::cerr, ::isatty(STDERR_FILENO) == 1, settings.kills, Clock::now(), "kills");

  std::uint64_t next = 9;  // after those of time_of_one
  while (tally.kills < settings.kills && Clock::now() < end) {
    const Shared progress;
    run_and_kill(writer, settings, path, next, Clock::duration(delay(random)), *progress);
    ++tally.kills;
    ++tally.stages[progress->stage];
    count(writer.examine(path, settings.size), progress->acknowledged, tally);
    tally.writes += progress->acknowledged - next + 1;
    next = progress->acknowledged + 2;  // the one that was under way may be there
    bar.advance(1, Clock::now());
  }
  return tally;
}

void print(const Writer& writer, const Tally& tally) {
  std::cout << writer.name << ": killed " << tally.kills << " times in " << tally.writes
            << " writes\n"
            << "  intact files     " << std::setw(6) << tally.intact << '\n'
            << "  CORRUPT files    " << std::setw(6) << tally.torn + tally.missing << '\n'
            << "  gone though done " << std::setw(6) << tally.lost << '\n'
            << "  where the kills hit:\n";
  const auto most = std::max(1UL, *std::max_element(tally.stages.begin(), tally.stages.end()));
  for (std::size_t i = 0; i < tally.stages.size(); ++i) {
    const unsigned long hits = tally.stages[i];
    std::cout << "    " << std::left << std::setw(18) << writer.stages[i] << std::right
              << std::setw(5) << hits << "  " << std::string((hits * 40 + most - 1) / most, '#')
              << '\n';
  }
  std::cout << std::flush;
}

bool clean_up(const std::string& directory) {
  const auto first = clean(directory);
  if (!first) fail(first.error());
  const auto second = clean(directory, {.dry_run = true});
  if (!second) fail(second.error());
  const CleanReport& rest = second.value();
  const bool nothing = rest.removed.empty() && rest.live.empty() && rest.skipped.empty();
  std::cout << "temps that the kills left: " << first.value().removed.size()
            << ", all removed by clean: " << (nothing ? "yes" : "NO") << '\n';
  return nothing;
}

/// Kills a writer that must keep its promise; true if it did.
bool holds(const Writer& writer, const Settings& settings, const std::string& path) {
  const Tally tally = kill_often(writer, settings, path);
  print(writer, tally);
  return tally.kills > 0 && tally.intact == tally.kills && tally.lost == 0;
}

int run(const Settings& settings) {
  std::cout << settings.size / 1024 << " KiB per file, seed " << settings.seed << "\n\n";
  const std::string in = settings.directory + "/";
  print(plain_writer(), kill_often(plain_writer(), settings, in + "plain"));
  std::cout << '\n';
  bool good = holds(perdure_writer(), settings, in + "perdure");
  std::cout << '\n';
  print(naive_tracker(), kill_often(naive_tracker(), settings, in + "naive.json"));
  std::cout
      << "  (it begins with its defaults after each corrupt file: all that it knew is gone)\n\n";
  good = holds(state_tracker(), settings, in + "tracked.json") && good;
  good = clean_up(settings.directory) && good;
  if (!good) std::cout << "FAILED: a commit of perdure's did not hold\n";
  return good ? 0 : 1;
}

}  // namespace

}  // namespace perdure::demo

int main(int argc, char** argv) {
  perdure::demo::Settings settings;
  CLI::App app{
      "Kills writers with SIGKILL at random moments, and counts the corrupt files that each left: "
      "a\n"
      "plain one and perdure's, a naive tracker of a state and perdure's. Status 0 if perdure's "
      "left\n"
      "none.",
      "kill_demo"};
  tools::set_help_formatter(app);
  app.add_option("DIR", settings.directory, "An empty directory to work in")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--kills", settings.kills, "How often each is killed")->capture_default_str();
  app.add_option("--size", settings.size, "Bytes in a file")
      ->check(CLI::Range(std::size_t{4096}, std::size_t{1} << 30U))
      ->capture_default_str();
  app.add_option("--seed", settings.seed, "Of the random moments");
  app.add_option("--seconds-max", settings.seconds_max, "Stop early after so long, for each")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return perdure::demo::run(settings);
  } catch (const std::exception& error) {
    std::cerr << "kill_demo: " << error.what() << '\n';
    return 1;
  }
}
