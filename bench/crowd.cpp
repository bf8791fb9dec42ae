// SPDX-License-Identifier: BSL-1.0
// The cost of a commit in a group, and through the log of a root, when a crowd commits at the same
// time.
//   bench_crowd DIRECTORY [THREADS]...      100 and 10,000 threads unless given; DIRECTORY becomes
//   a
//                                           root
// Each row makes at least 50,000 durable commits of 4 KiB, 20 by each of its threads, which start
// together.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include <perdure/atomic_writer.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/root.hpp>

namespace {

constexpr std::size_t commits_min = 50'000;
constexpr std::size_t rounds_min = 20;  // so that starting and ending a thread counts for little

/// Microseconds for each commit; below 0 when one failed.
double cost_of(const perdure::AtomicWriter& writer, std::size_t threads) {
  const std::size_t rounds = std::max<std::size_t>(commits_min / threads, rounds_min);
  const std::string content(4096, 'c');
  // A std::latch would let those who wait spin, and take the time of those who commit.
  std::shared_mutex gate;
  gate.lock();
  std::atomic<bool> failed = false;
  std::vector<std::thread> running;
  running.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, name = std::to_string(i)] {
      { const std::shared_lock through(gate); }
      for (std::size_t round = 0; round < rounds; ++round) {
        if (!writer.commit(name, perdure::as_bytes(content))) failed = true;
      }
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  gate.unlock();
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  return failed ? -1 : took.count() / static_cast<double>(threads * rounds);
}

bool measure(const char* way, const perdure::Result<perdure::AtomicWriter>& writer,
             const std::vector<std::size_t>& crowds) {
  if (!writer) {
    std::fprintf(stderr, "bench_crowd: %s\n", writer.error().message().c_str());
    return false;
  }
  for (const std::size_t threads : crowds) {
    (void)cost_of(writer.value(), threads);  // makes the files, so that all rounds replace some
    const double cost = cost_of(writer.value(), threads);
    if (cost < 0) {
      std::fprintf(stderr, "bench_crowd: a commit failed\n");
      return false;
    }
    std::printf("%s, %zu threads: %.1f us for each commit\n", way, threads, cost);
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_crowd DIRECTORY [THREADS]...\n");
    return 2;
  }
  std::vector<std::size_t> crowds;
  for (int i = 2; i < count; ++i) crowds.push_back(std::strtoull(arguments[i], nullptr, 10));
  if (crowds.empty()) crowds = {100, 10'000};
  perdure::WriteOptions options;
  options.group = std::make_shared<perdure::GroupCommit>();
  if (!measure("group", perdure::AtomicWriter::bind(arguments[1], options), crowds)) return 1;
  auto root = perdure::Root::open(arguments[1]);
  if (!root) {
    std::fprintf(stderr, "bench_crowd: %s\n", root.error().message().c_str());
    return 1;
  }
  return measure("log", perdure::AtomicWriter::bind(root.value()), crowds) ? 0 : 1;
}
