// SPDX-License-Identifier: BSL-1.0
// What perdure adds to the system calls that it can't do without.
//
// Writers replace a file each, in turn, in one directory and one run, so that whatever else the
// machine does meets them all alike: the bare calls (openat, write, fsync, renameat, fsync of the
// directory, close), a bound AtomicWriter with fixed and with preserved metadata, and, where it is
// allowed, one with fixed metadata by the protocol `fast`. Reported are the medians and their
// ratios to the bare one's; over the repetitions, their spread.
//
//     bench_floor [--directory=DIR] [--rounds=N] [options of Google Benchmark]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

#include <perdure/atomic_writer.hpp>

namespace {

namespace pd = perdure;
using Clock = std::chrono::steady_clock;

// Set once, before anything runs.
std::string base_directory = ".";
benchmark::IterationCount rounds = 400;

/// A directory of its own, gone with everything in it at the end.
class Scratch {
 public:
  Scratch() : path_(base_directory + "/bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The floor: a durable commit with no checks, no policy, no random name, no words for errors.
class BareCalls {
 public:
  explicit BareCalls(const std::string& directory)
      : directory_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  BareCalls(const BareCalls&) = delete;
  BareCalls& operator=(const BareCalls&) = delete;
  ~BareCalls() { ::close(directory_); }

  [[nodiscard]] bool commit(const std::string& leaf, const std::string& image) {
    const std::string temp = leaf + std::to_string(++count_);
    const int file = ::openat(directory_, temp.c_str(),
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) return false;
    const bool done =
        ::write(file, image.data(), image.size()) == static_cast<ssize_t>(image.size()) &&
        ::fsync(file) == 0 && ::renameat(directory_, temp.c_str(), directory_, leaf.c_str()) == 0 &&
        ::fsync(directory_) == 0;
    return ::close(file) == 0 && done;
  }

 private:
  int directory_;
  unsigned count_ = 0;
};

struct Contender {
  std::string name;
  std::function<bool()> commit;
  std::vector<double> times_us;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

pd::Result<pd::AtomicWriter> bind_writer(
    const std::string& directory, pd::Metadata metadata,
    pd::ProtocolChoice protocol = pd::ProtocolChoice::portable) {
  pd::WriteOptions options;
  options.metadata = metadata;
  options.protocol = protocol;
  return pd::AtomicWriter::bind(directory, options);
}

void commit_over_existing(benchmark::State& state) {
  const Scratch scratch;
  const std::string image(static_cast<std::size_t>(state.range(0)), 'x');
  BareCalls bare(scratch.path());
  const auto fixed = bind_writer(scratch.path(), pd::Metadata::fixed(0644));
  const auto preserved = bind_writer(scratch.path(), pd::Metadata::preserve());
  const auto fast =
      bind_writer(scratch.path(), pd::Metadata::fixed(0644), pd::ProtocolChoice::fast);
  if (!fixed || !preserved) return state.SkipWithError("the directory can't be opened");

  std::vector<Contender> contenders{
      {"bare", [&] { return bare.commit("bare", image); }, {}},
      {"fixed", [&] { return fixed.value().commit("fixed", image).has_value(); }, {}},
      {"preserved", [&] { return preserved.value().commit("preserved", image).has_value(); }, {}},
  };
  if (fast) {
    contenders.push_back(
        {"fast", [&] { return fast.value().commit("fast", image).has_value(); }, {}});
  }
  for (auto& contender : contenders) {
    if (!contender.commit()) return state.SkipWithError("a commit failed");
  }
  // In another order each round: who commits next to whom must not matter.
  std::vector<std::size_t> order(contenders.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(static_cast<std::uint32_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    std::chrono::duration<double> sum{};
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      Contender& contender = contenders[i];
      const auto begin = Clock::now();
      if (!contender.commit()) return state.SkipWithError("a commit failed");
      const std::chrono::duration<double> time = Clock::now() - begin;
      contender.times_us.push_back(time.count() * 1e6);
      sum += time;
    }
    state.SetIterationTime(sum.count());
  }
  const double floor_us = median(contenders[0].times_us);
  for (const auto& contender : contenders) {
    const double median_us = median(contender.times_us);
    state.counters[contender.name + "_us"] = median_us;
    if (&contender != &contenders.front()) state.counters[contender.name] = median_us / floor_us;
  }
}
/// Takes what is for us out of the arguments and leaves the rest.
std::vector<char*> take_options(std::span<char*> arguments) {
  constexpr std::string_view directory = "--directory=";
  constexpr std::string_view round_count = "--rounds=";
  std::vector<char*> rest;
  for (char* argument : arguments) {
    const std::string_view text = argument;
    if (text.starts_with(directory)) {
      base_directory = text.substr(directory.size());
    } else if (text.starts_with(round_count)) {
      rounds = std::max(1L, std::strtol(argument + round_count.size(), nullptr, 10));
    } else {
      rest.push_back(argument);
    }
  }
  return rest;
}

}  // namespace

int main(int argc, char** argv) {
  auto rest = take_options(std::span(argv, static_cast<std::size_t>(argc)));
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  benchmark::RegisterBenchmark("commit_over_existing", commit_over_existing)
      ->Arg(4 << 10)
      ->Arg(64 << 10)
      ->Arg(1 << 20)
      ->Iterations(rounds)
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
