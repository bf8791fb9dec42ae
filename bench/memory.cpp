// SPDX-License-Identifier: BSL-1.0
// A tracked state of 200,000 records: what a save and an open cost in time, and a save in memory.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <malloc.h>
#include <new>

#include <benchmark/benchmark.h>

#include <perdure/state_tracker.hpp>

#include "records.hpp"

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

using perdure::StateTracker;
using perdure::bench::State;
using perdure::bench::state;

/// A file of its own; gone at the end.
class Place {
 public:
  Place() {
    const char* const set = std::getenv("TMPDIR");
    path_ = std::string(set != nullptr ? set : "/var/tmp") + "/perdure-bench.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file() const { return path_ + "/state.json"; }

 private:
  std::string path_;
};

double megabytes(std::size_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

/// Counters: the state and the image in MB; the most that a save needed beyond the state that was
/// there, in MB; and what of that is not the second state, in images: of the first save, which
/// can't know how large the image will be, and of the later ones.
void save(benchmark::State& run) {
  const Place place;
  const State& made = state();  // before anything is counted
  std::size_t before = live;
  const auto second = std::make_unique<State>(made);
  const std::size_t state_size = live - before;
  auto tracker = StateTracker<State>::open(place.file(), {}, {}, *second).value();
  std::size_t needed = 0;
  const auto update = [&] {
    before = live;
    live_max = before;
    if (!tracker.update([](State& edited) { ++edited.next_id; })) run.SkipWithError("not saved");
    return live_max - before;
  };
  const std::size_t needed_first = update();
  for (auto _ : run) needed = std::max(needed, update());
  const auto image_size = std::filesystem::file_size(place.file());
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
BENCHMARK(save)->Unit(benchmark::kMillisecond)->UseRealTime();

void open(benchmark::State& run) {
  const Place place;
  {
    auto tracker = StateTracker<State>::open(place.file()).value();
    if (!tracker.update([](State& made) { made = state(); })) run.SkipWithError("not saved");
  }
  for (auto _ : run) {
    if (!StateTracker<State>::open(place.file())) run.SkipWithError("not opened");
  }
}
BENCHMARK(open)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
