// SPDX-License-Identifier: BSL-1.0
// Reading and writing about 64 MB of JSON of 200,000 described records, beside nlohmann-json (when
// it is installed) into the same structs. The ratio of one run is what counts.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#define PERDURE_HAVE_NLOHMANN 1
#endif

#include <perdure/json.hpp>

#include "records.hpp"

namespace perdure::bench {

#ifdef PERDURE_HAVE_NLOHMANN
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Attempt, started, seconds, failed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Record, id, name, owner, attempts, load, active, tags, history)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, next_id, records)
#endif

}  // namespace perdure::bench

namespace {

using perdure::bench::State;
using perdure::bench::state;

// The form of the file: nlohmann-json's dump(2) and the default of Json<T> are alike.
const perdure::Buffer& image() {
  static const perdure::Buffer made = [] {
    perdure::Buffer out;
    perdure::BufferSink sink(out);
    perdure::Json<State>{}.serialize(state(), sink).value();
    return out;
  }();
  return made;
}

/// Counts, so that what is measured is the serializer and not the memory behind it.
class CountingSink final : public perdure::Sink {
 public:
  perdure::Result<void> write(perdure::Bytes bytes) override {
    count_ += bytes.size();
    benchmark::DoNotOptimize(bytes.data());
    return perdure::success();
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
};

void count_bytes(benchmark::State& run) {
  run.SetBytesProcessed(static_cast<std::int64_t>(run.iterations()) *
                        static_cast<std::int64_t>(image().size()));
}

void load_perdure(benchmark::State& run) {
  static_cast<void>(image());
  for (auto _ : run) {
    auto loaded = perdure::Json<State>{}.deserialize(image());
    if (!loaded || loaded.value().records.size() != state().records.size()) {
      run.SkipWithError("perdure did not read its own text");
    }
  }
  count_bytes(run);
}
BENCHMARK(load_perdure)->Unit(benchmark::kMillisecond);

void load_perdure_stamped(benchmark::State& run) {
  perdure::Buffer stamped;
  perdure::BufferSink sink(stamped);
  perdure::Json<State>{}.serialize_stamped(state(), {}, sink).value();
  for (auto _ : run) {
    auto loaded = perdure::Json<State>{}.deserialize_stamped(stamped);
    if (!loaded || !loaded.value().stamped) run.SkipWithError("perdure did not read its own text");
  }
  count_bytes(run);
}
BENCHMARK(load_perdure_stamped)->Unit(benchmark::kMillisecond);

void save_perdure(benchmark::State& run) {
  static_cast<void>(image());
  for (auto _ : run) {
    CountingSink sink;
    if (!perdure::Json<State>{}.serialize(state(), sink)) run.SkipWithError("not written");
    benchmark::DoNotOptimize(sink.count());
  }
  count_bytes(run);
}
BENCHMARK(save_perdure)->Unit(benchmark::kMillisecond);

void save_perdure_stamped_to_memory(benchmark::State& run) {
  static_cast<void>(image());
  for (auto _ : run) {
    perdure::Buffer bytes;
    perdure::BufferSink sink(bytes);
    if (!perdure::Json<State>{}.serialize_stamped(state(), {}, sink)) {
      run.SkipWithError("not written");
    }
    benchmark::DoNotOptimize(bytes.data());
  }
  count_bytes(run);
}
BENCHMARK(save_perdure_stamped_to_memory)->Unit(benchmark::kMillisecond);

#ifdef PERDURE_HAVE_NLOHMANN
void load_nlohmann(benchmark::State& run) {
  const std::string_view text = perdure::as_text(image());
  for (auto _ : run) {
    const auto loaded = nlohmann::json::parse(text).get<State>();
    if (loaded.records.size() != state().records.size()) run.SkipWithError("not read");
  }
  count_bytes(run);
}
BENCHMARK(load_nlohmann)->Unit(benchmark::kMillisecond);

void save_nlohmann(benchmark::State& run) {
  static_cast<void>(image());
  for (auto _ : run) {
    const std::string text = nlohmann::json(state()).dump(2);
    benchmark::DoNotOptimize(text.data());
  }
  count_bytes(run);
}
BENCHMARK(save_nlohmann)->Unit(benchmark::kMillisecond);
#endif

}  // namespace

BENCHMARK_MAIN();
