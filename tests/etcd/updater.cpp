// SPDX-License-Identifier: BSL-1.0
#include "updater.hpp"

#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>

namespace perdure::test {
namespace {

using TallyTracker = StateTracker<Tally>;

std::string now() {
  return std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::string words(std::uint64_t first, std::uint64_t second) {
  return std::to_string(first) + ' ' + std::to_string(second);
}

class Updater {
 public:
  Updater(const UpdaterOptions& options, Counts& counts)
      : options_(options),
        counts_(counts),
        name_(std::to_string(options.number)),
        log_(options.told),
        number_(log_.last_begun()) {}

  /// Opens it until that succeeds.
  TallyTracker open(TrackerLock lock) {
    while (true) {
      auto store = options_.open();
      if (!store) continue;
      TrackerOptions tracker;
      tracker.lock = lock;
      tracker.lock_timeout_ms = options_.lock_timeout_ms;
      auto opened = TallyTracker::open(std::move(store.value()), tracker);
      if (opened) return std::move(opened.value());
    }
  }

  /// A commit of what is there keeps a late request of the predecessor's from being done.
  void settle(TallyTracker& tracker) {
    if (!log_.open()) return;
    while (true) {
      const std::string begin = now();
      const auto done = tracker.rewrite();
      if (done) {
        tell_committed_again(tracker, begin);
        break;
      }
      if (done.error().fate == Fate::unchanged) continue;
      reload_at_last(tracker);
      break;
    }
    tell_found(tracker, *log_.open());
  }

  /// False where a holder of the lock was overtaken.
  bool update(TallyTracker& tracker) {
    const std::uint64_t number = ++number_;
    log_.say("begin " + std::to_string(number) + ' ' + now());
    const auto saved = tracker.update([&](Tally& tally) {
      tally.marks[name_] = {number, ++tally.value};
      return tally.value;
    });
    const std::string when = std::to_string(number) + ' ' + now();
    if (saved) {
      log_.say("done " + when + ' ' + words(saved.value().value, saved.value().receipt.generation));
      ++counts_.acknowledged;
      return true;
    }
    if (saved.error().fate == Fate::unchanged) {
      log_.say("undone " + when);
      return saved.error().kind != ErrorKind::conflict;
    }
    log_.say("unknown " + when);
    ++counts_.unknown;
    reload_at_last(tracker);
    tell_found(tracker, number);
    return true;
  }

  /// A read, if it succeeds.
  void read(TallyTracker& tracker) {
    const std::string begin = now();
    if (!tracker.reload()) return;
    log_.say("read " + begin + ' ' + now() + ' ' +
             words(tracker.state()->value, tracker.generation()));
  }

 private:
  /// After a save of unknown fate: commits what it finds, as soon as it can.
  void reload_at_last(TallyTracker& tracker) {
    std::string begin;
    do {
      begin = now();
    } while (!tracker.reload());
    tell_committed_again(tracker, begin);
  }
  void tell_committed_again(TallyTracker& tracker, const std::string& begin) {
    log_.say("fence " + begin + ' ' + now() + ' ' +
             words(tracker.state()->value, tracker.generation()));
  }
  void tell_found(TallyTracker& tracker, std::uint64_t number) {
    const auto state = tracker.state();
    const auto mark = state->marks.find(name_);
    const std::string when = std::to_string(number) + ' ' + now();
    if (mark != state->marks.end() && mark->second.number == number) {
      log_.say("found " + when + ' ' + std::to_string(mark->second.value));
    } else {
      log_.say("missing " + when);
    }
  }

  const UpdaterOptions& options_;
  Counts& counts_;
  std::string name_;
  Log log_;
  std::uint64_t number_;
};

}  // namespace

Log::Log(const std::string& file) {
  std::ifstream before(file);
  std::string text{std::istreambuf_iterator<char>(before), {}};
  text.resize(text.rfind('\n') + 1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream rest(line);
    std::string word;
    std::uint64_t number = 0;
    rest >> word >> number;
    if (word == "begin") open_ = last_begun_ = number;
    if (word == "done" || word == "undone" || word == "found" || word == "missing") open_.reset();
  }
  file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_ < 0 || ::ftruncate(file_, static_cast<off_t>(text.size())) != 0) {
    throw std::runtime_error("open " + file);
  }
}

Log::~Log() {
  ::close(file_);
}

void Log::say(const std::string& words) {
  const std::string line = words + '\n';
  if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("write a line");
  }
}

std::string update_in_turns(const UpdaterOptions& options, Counts& counts) {
  Updater updater(options, counts);
  bool settled = false;
  for (std::uint64_t turn = 0; counts.acknowledged < options.total; ++turn) {
    const bool exclusive = options.turn != 0 && turn % 2 == 1;
    auto tracker = updater.open(exclusive ? TrackerLock::exclusive : TrackerLock::shared);
    if (!std::exchange(settled, true)) updater.settle(tracker);
    if (exclusive) counts.holder = options.number;
    const std::uint64_t steps = options.turn == 0 ? options.total : options.turn;
    for (std::uint64_t i = 0; i < steps && counts.acknowledged < options.total; ++i) {
      if (!updater.update(tracker) && exclusive) ++counts.overtaken;
      if (i % 10 == 9) updater.read(tracker);
    }
    int self = options.number;
    counts.holder.compare_exchange_strong(self, Counts::nobody);
  }
  return "all";
}

Tally settle(const UpdaterOptions& options, Counts& counts) {
  Updater updater(options, counts);
  auto tracker = updater.open(TrackerLock::shared);
  updater.settle(tracker);
  while (!tracker.reload()) {
  }
  return *tracker.state();
}

}  // namespace perdure::test
