// SPDX-License-Identifier: BSL-1.0
// Memory that is needed: by a stream, whatever its size, and by a save of a tracked state of
// 200,000 records. Works in TMPDIR, or /var/tmp.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <malloc.h>
#include <memory>
#include <new>

#include <benchmark/benchmark.h>

#include <perdure/atomic_file.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>

#include "records.hpp"
#include "scratch.hpp"

namespace {

std::atomic<std::size_t> live = 0;
std::atomic<std::size_t> live_max = 0;

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = live += ::malloc_usable_size(memory);
  std::size_t seen = live_max;
  while (now > seen && !live_max.compare_exchange_weak(seen, now)) {
  }
  return memory;
}

void uncounted(void* memory) {
  live -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(std::malloc(std::max<std::size_t>(size, 1)));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(std::aligned_alloc(static_cast<std::size_t>(alignment), size));
}
void operator delete(void* memory) noexcept {
  uncounted(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  uncounted(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  uncounted(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  uncounted(memory);
}

namespace {

using perdure::AtomicFile;
using perdure::Result;
using perdure::Sink;
using perdure::StateTracker;
using perdure::Transaction;
using perdure::bench::make_state;
using perdure::bench::Scratch;
using perdure::bench::State;

std::string directory() {
  const char* const set = std::getenv("TMPDIR");
  return set != nullptr ? set : "/var/tmp";
}

double megabytes(std::size_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

/// The most that `task` needed beyond what was there.
template <class Task>
std::size_t needed_by(const Task& task) {
  const std::size_t before = live;
  live_max = before;
  task();
  return live_max - before;
}

Result<void> pour(Sink& sink, std::size_t size) {
  static const std::string block(std::size_t{1} << 16U, 'x');
  for (std::size_t at = 0; at < size; at += block.size()) {
    BOOST_OUTCOME_TRY(sink.write(perdure::as_bytes(block)));
  }
  return perdure::success();
}

Result<void> stream_file(const std::string& path, std::size_t size) {
  BOOST_OUTCOME_TRY(auto file, AtomicFile::create(path));
  BOOST_OUTCOME_TRY(pour(file, size));
  BOOST_OUTCOME_TRY(file.commit());
  return perdure::success();
}

Result<void> stream_transaction(const std::string& root, std::size_t size) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root));
  BOOST_OUTCOME_TRY(transaction.put_from("file", [&](Sink& sink) { return pour(sink, size); }));
  BOOST_OUTCOME_TRY(transaction.commit());
  return perdure::success();
}

/// Counter: bytes needed beside the caller's own. The same for every size.
template <class Stream>
void stream(benchmark::State& run, const Stream& task) {
  const Scratch scratch(directory());
  const auto size = static_cast<std::size_t>(run.range(0));
  const auto once = [&](std::size_t bytes) {
    if (!task(scratch.path() + "/file", bytes)) run.SkipWithError("not written");
  };
  once(1);  // makes what is made once and for all, a root, say
  once(1);  // replaces, and asks once for each mount how it stamps files
  std::size_t needed = 0;
  for (auto _ : run) needed = needed_by([&] { once(size); });
  run.counters["needed_bytes"] = static_cast<double>(needed);
}

void stream_atomic_file(benchmark::State& run) {
  stream(run, stream_file);
}
BENCHMARK(stream_atomic_file)->Arg(1 << 20)->Arg(64 << 20)->Iterations(1)->UseRealTime();

void stream_put_from(benchmark::State& run) {
  stream(run, [](const std::string& root, std::size_t size) {
    std::filesystem::create_directory(root);
    return stream_transaction(root, size);
  });
}
BENCHMARK(stream_put_from)->Arg(1 << 20)->Arg(64 << 20)->Iterations(1)->UseRealTime();

/// Counters: the state and the image in MB; the most that a save needed beyond the state that was
/// there, in MB; and what of that is not the second state, in images: of the first save, which
/// can't know how large the image will be, and of the later ones.
void save_state(benchmark::State& run) {
  const Scratch scratch(directory());
  const std::string path = scratch.path() + "/state.json";
  const State made = make_state(200'000);  // before anything is counted
  const std::size_t before = live;
  const auto second = std::make_unique<State>(made);
  const std::size_t state_size = live - before;
  auto tracker = StateTracker<State>::open(path, {}, {}, *second).value();
  const auto update = [&] {
    return needed_by([&] {
      if (!tracker.update([](State& edited) { ++edited.next_id; })) run.SkipWithError("not saved");
    });
  };
  const std::size_t needed_first = update();
  std::size_t needed = 0;
  for (auto _ : run) needed = std::max(needed, update());
  const auto image_size = std::filesystem::file_size(path);
  run.counters["state_mb"] = megabytes(state_size);
  run.counters["image_mb"] = megabytes(image_size);
  run.counters["needed_mb"] = megabytes(needed);
  const auto images = [&](std::size_t bytes) {
    return (static_cast<double>(bytes) - static_cast<double>(state_size)) /
           static_cast<double>(image_size);
  };
  run.counters["images_beside_state_first"] = images(needed_first);
  run.counters["images_beside_state"] = images(needed);
}
BENCHMARK(save_state)->Iterations(3)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
