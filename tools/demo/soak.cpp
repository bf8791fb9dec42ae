// SPDX-License-Identifier: BSL-1.0
// Hours of commits, transactions and saves by several processes that are killed, run into a full
// disk and get errors from it. After each round everything is checked.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <iomanip>
#include <iostream>
#include <optional>
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
#include <boost/filesystem/directory.hpp>
#include <boost/filesystem/operations.hpp>

#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/transaction.hpp>

#include "common/help_formatter.hpp"
#include "workload.hpp"

namespace perdure::demo {

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string directory;
  std::uint64_t seconds = 3600;
  std::uint32_t seed = std::random_device{}();
};

struct Count {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value))

constexpr std::size_t file_writers = 2;
constexpr std::size_t transaction_writers = 2;
constexpr std::size_t counters = 3;
constexpr std::size_t workers = file_writers + transaction_writers + counters;

/// The counts that all processes share.
struct Board {
  std::array<std::atomic<std::uint64_t>, workers> attempted;  ///< The number under way.
  /// The last that was acknowledged.
  std::array<std::atomic<std::uint64_t>, workers> acknowledged;
  std::atomic<std::uint64_t> commits;
  std::atomic<std::uint64_t> increments;  ///< The counters' share of the commits.
  std::atomic<std::uint64_t> failures;    ///< Commits that a fault or the full disk refused.
};

/// Memory that forked children share with their parent.
Board& shared_board() {
  void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return *new (memory) Board{};
}

std::size_t size_of(std::uint64_t number) {
  return 64 + number * 7919 % 60'000 / 8 * 8;
}

std::string_view text_of(const Buffer& bytes) {
  return as_text(bytes);
}

/// Errors at random calls, for some of the workers some of the time.
void add_faults(testing::FaultyFileSystem& files, std::mt19937& random) {
  using testing::Operation;
  constexpr std::array operations{Operation::write_at, Operation::sync_file,      Operation::create,
                                  Operation::rename,   Operation::sync_directory, Operation::link,
                                  Operation::unlink};
  const Operation operation = operations.at(random() % operations.size());
  const auto errors = testing::errors_of(operation);
  files.restart();
  files.heal();
  files.fail({.operation = operation,
              .call = 1 + random() % 6,
              .error = errors[random() % errors.size()],
              .count = {}});
}

class Worker {
 public:
  Worker(Board& board, const Settings& settings, std::size_t index, std::uint32_t seed)
      : board_(board),
        path_(settings.directory),
        index_(index),
        random_(seed),
        files_(native_file_system()) {}

  /// Works until it is killed.
  [[noreturn]] void run() {
    while (true) {
      if (random_() % 8 == 0) {
        add_faults(files_, random_);
      } else {
        files_.heal();
      }
      const std::uint64_t number = ++board_.attempted.at(index_);
      const auto done = index_ < file_writers                         ? write(number)
                        : index_ < file_writers + transaction_writers ? transact(number)
                                                                      : count();
      if (done) {
        board_.acknowledged.at(index_) = number;
        ++board_.commits;
        if (index_ >= file_writers + transaction_writers) ++board_.increments;
      } else {
        ++board_.failures;
      }
    }
  }

 private:
  [[nodiscard]] System system() { return {&files_, &native_environment()}; }

  Result<void> write(std::uint64_t number) {
    const Buffer bytes = content(number, size_of(number));
    WriteOptions options;
    options.coordinate = random_() % 2 == 0;
    options.protocol = random_() % 2 == 0 ? ProtocolChoice::automatic : ProtocolChoice::portable;
    const Path target = path_ / ("file" + std::to_string(index_));
    BOOST_OUTCOME_TRY(write_file(target, Bytes(bytes), options, system()));
    return success();
  }

  /// Both workers commit to one root; each has two files there that must be of one number.
  Result<void> transact(std::uint64_t number) {
    const Buffer bytes = content(number, size_of(number));
    TransactionOptions options;
    options.system = system();
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(path_ / "root", options));
    for (const char* directory : {"a", "b"}) {
      const std::string name = directory + ("/file" + std::to_string(index_));
      BOOST_OUTCOME_TRY(transaction.put(name, text_of(bytes)));
    }
    BOOST_OUTCOME_TRY(transaction.commit());
    return success();
  }

  Result<void> count() {
    TrackerOptions options;
    options.system = system();
    BOOST_OUTCOME_TRY(auto tracker, StateTracker<Count>::open(path_ / "state", options));
    return tracker.update([](Count& state) { ++state.value; });
  }

  Board& board_;
  Path path_;
  std::size_t index_;
  std::mt19937 random_;
  testing::FaultyFileSystem files_;
};

class Soak {
 public:
  Soak(const Settings& settings, Board& board)
      : settings_(settings), board_(board), random_(settings.seed) {}

  void prepare() const {
    for (const char* directory : {"root", "root/a", "root/b"}) {
      boost::filesystem::create_directory(at(directory));
    }
  }

  /// All workers at once, killed one by one at random moments, on a disk that may be full.
  void round() {
    std::vector<pid_t> children;
    for (std::size_t i = 0; i < workers; ++i) {
      const auto seed = static_cast<std::uint32_t>(random_());
      const pid_t child = ::fork();
      if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
      if (child == 0) Worker(board_, settings_, i, seed).run();
      children.push_back(child);
    }
    const bool full = random_() % 4 == 0;
    if (full) fill();
    for (const pid_t child : children) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 60));
      ::kill(child, SIGKILL);
    }
    for (const pid_t child : children) {
      int status = 0;
      if (::waitpid(child, &status, 0) < 0 || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        throw std::runtime_error("a worker ended before it was killed");
      }
    }
    kills_ += children.size();
    if (full) boost::filesystem::remove(at("filler"));
  }

  /// Every oracle; throws with words.
  void check() {
    must(clean(at("")));
    for (std::size_t i = 0; i < file_writers; ++i) {
      check_file(at("file" + std::to_string(i)), i);
    }
    TransactionOptions options;
    must(recover(at("root"), options));
    for (std::size_t i = file_writers; i < file_writers + transaction_writers; ++i) {
      const std::string name = "file" + std::to_string(i);
      const auto a = check_file(at("root/a/" + name), i);
      if (a != check_file(at("root/b/" + name), i)) throw std::runtime_error("half of " + name);
    }
    check_count();
    check_litter();
  }

  void report(bool last) const {
    std::cout << (last ? "" : "\r") << kills_ << " kills, " << board_.commits << " commits, "
              << board_.failures << " refused by faults or a full disk, nothing lost"
              << (last ? "\n" : "") << std::flush;
  }

 private:
  [[nodiscard]] Path at(const std::string& name) const { return Path(settings_.directory) / name; }

  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    return std::move(result.value());
  }

  /// Intact, and not older than what was acknowledged. Nothing newer was attempted.
  std::uint64_t check_file(const Path& path, std::size_t worker) const {
    const auto read = read_file(path);
    const std::uint64_t acknowledged = board_.acknowledged.at(worker);
    if (!read && read.error().cause == std::errc::no_such_file_or_directory) {
      if (acknowledged > 0) throw std::runtime_error(path.native() + " is missing");
      return 0;
    }
    const Buffer bytes = must(read).bytes;
    for (std::uint64_t n = board_.attempted.at(worker); n > 0 && n >= acknowledged; --n) {
      if (bytes.size() == size_of(n) && bytes == content(n, size_of(n))) return n;
    }
    throw std::runtime_error(path.native() + " is torn, or older than what was acknowledged");
  }

  /// Of the counters: each acknowledged increment is there, and none was made twice.
  void check_count() const {
    std::uint64_t attempted = 0;
    for (std::size_t i = workers - counters; i < workers; ++i) attempted += board_.attempted.at(i);
    auto tracker = must(StateTracker<Count>::open(at("state")));
    const std::uint64_t value = tracker.state()->value;
    if (value > attempted) throw std::runtime_error("an increment was counted twice");
    if (value < board_.increments) throw std::runtime_error("an increment is lost");
    if (!tracker.report().set_aside.empty()) throw std::runtime_error("the state was damaged");
  }

  void check_litter() const {
    for (const auto& entry : boost::filesystem::recursive_directory_iterator(at(""))) {
      const std::string name = entry.path().filename().native();
      if (name.ends_with(".perdure-tmp") || name.starts_with("s_")) {
        throw std::runtime_error(entry.path().native() + " is left behind");
      }
    }
  }

  /// Fills the disk to the last block, so that commits may be refused.
  void fill() const {
    const int fd = ::open(at("filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::vector<char> block(std::size_t{1} << 20U, 'f');
    std::uint64_t written = 0;
    constexpr std::uint64_t filler_max = std::uint64_t{512} << 20U;  // if it is not a loop device
    for (ssize_t put = 1; put > 0 && written < filler_max;) {
      put = ::write(fd, block.data(), block.size());
      if (put > 0) written += static_cast<std::uint64_t>(put);
    }
    ::close(fd);
  }

  const Settings& settings_;
  Board& board_;
  std::mt19937 random_;
  std::uint64_t kills_ = 0;
};

int run(const Settings& settings) {
  std::cout << workers << " processes, seed " << settings.seed << std::endl;
  Soak soak(settings, shared_board());
  soak.prepare();
  const bool shown = ::isatty(STDOUT_FILENO) == 1;
  const auto end = Clock::now() + std::chrono::seconds(settings.seconds);
  while (Clock::now() < end) {
    soak.round();
    soak.check();
    if (shown) soak.report(false);
  }
  if (shown) std::cout << '\n';
  soak.report(true);
  return 0;
}

}  // namespace

}  // namespace perdure::demo

int main(int argc, char** argv) {
  perdure::demo::Settings settings;
  CLI::App app{
      "Commits files, transactions and states by several processes, kills them, fills the disk "
      "and\n"
      "makes calls fail, and looks at everything after each round. Status 0 if nothing was lost.",
      "soak"};
  tools::set_help_formatter(app);
  app.add_option("DIR", settings.directory, "An empty directory to work in")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--seconds", settings.seconds, "How long")->capture_default_str();
  app.add_option("--seed", settings.seed, "Of the random moments");
  CLI11_PARSE(app, argc, argv);
  try {
    return perdure::demo::run(settings);
  } catch (const std::exception& error) {
    std::cerr << "soak: FOUND: " << error.what() << '\n';
    return 1;
  }
}
