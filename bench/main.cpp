// SPDX-License-Identifier: BSL-1.0
// Every case of everything, in turns.
//
//     bench_suite [--directory DIR] [--device loop0] [--drivers DIR] ... [options of Google
//     Benchmark]
#include <iomanip>
#include <iostream>

#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>

#include "cases.hpp"
#include "common/help_formatter.hpp"

namespace perdure::bench {
namespace {

void add_options(CLI::App& app, Settings& settings) {
  app.option_defaults()->take_last();  // what comes later on a command line is meant
  app.add_option("--directory", settings.directory, "Where to work");
  app.add_option("--device", settings.device, "The block device below it, as /sys/block names it");
  app.add_option("--drivers", settings.drivers, "Programs of other languages' peers");
  app.add_option("--only", settings.only, "One way alone");
  app.add_option("--count", settings.count, "So many turns, counted instead of timed");
  app.add_option("--rounds-min", settings.limits.rounds_min, "At least so many rounds");
  app.add_option("--rounds-max", settings.limits.rounds_max, "At most so many rounds");
  app.add_option("--seconds", settings.limits.seconds, "For each case, once it has its rounds");
  app.add_flag("--quick", settings.quick, "Fewer and smaller cases");
  app.allow_extras();
}

/// One case as a benchmark: its rounds are one iteration.
void run(benchmark::State& state, const Case& one, const Settings& settings) {
  for ([[maybe_unused]] auto _ : state) {
    try {
      for (const auto& [name, value] : run_case(one, settings)) state.counters[name] = value;
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
    }
  }
}

/// A table for each case: who, how long, how much that varied.
class TableReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& run : runs) {
      std::cout << run.run_name.function_name << "  " << run.error_message << "\n";
      for (const auto& [key, value] : run.counters) print(run, key, value.value);
    }
    std::cout << std::flush;
  }

 private:
  static void print(const Run& run, const std::string& key, double value) {
    const auto slash = key.rfind('/');
    const std::string name = key.substr(0, slash);
    const std::string figure = key.substr(slash + 1);
    const auto of = [&](const std::string& other) {
      const auto found = run.counters.find(name + "/" + other);
      return found == run.counters.end() ? 0.0 : found->second.value;
    };
    std::cout << std::fixed << std::setprecision(1);
    if (figure == "median_us") {
      std::cout << "  " << std::left << std::setw(22) << name << std::right << std::setw(12)
                << value << " us  (" << of("quarter_us") << " to " << of("three_quarters_us")
                << ", " << static_cast<long>(of("rounds")) << " rounds)\n";
    } else if (figure == "flushes") {
      std::cout << "  " << std::left << std::setw(22) << name << std::right << std::setw(8) << value
                << " flushes " << std::setw(12) << of("bytes") << " bytes\n";
    } else if (figure == "failed") {
      std::cout << "  " << name << " failed\n";
    }
  }
};

/// The page's facts about each candidate, besides its figures.
void describe(const Ways& ways, const std::vector<std::string>& missing) {
  for (const auto& way : ways) {
    benchmark::AddCustomContext(
        "way " + way.name,
        std::string(to_string(way.kind)) + "|" + way.reached + "|" + way.together + "|" + way.note);
  }
  std::string names;
  for (const auto& name : missing) names += (names.empty() ? "" : " ") + name;
  benchmark::AddCustomContext("missing", names);
}

int run_all(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Measures ways to save files against each other", "bench_suite"};
  tools::set_help_formatter(app);
  add_options(app, settings);
  CLI11_PARSE(app, argc, argv);
  std::vector<std::string> rest = app.remaining();
  std::vector<char*> arguments{argv[0]};
  for (auto& argument : rest) arguments.push_back(argument.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  Ways ways;
  std::vector<std::string> missing;
  add_floor(ways);
  add_perdure(ways);
  add_peers(ways, missing);
  if (!settings.drivers.empty()) add_drivers(ways, settings.drivers, settings.only);
  if (!settings.only.empty()) {
    std::erase_if(ways, [&](const Way& way) { return way.name != settings.only; });
  }
  describe(ways, missing);
  const std::vector<Case> cases = make_cases(ways, settings);
  for (const auto& one : cases) {
    if (settings.count > 0 && !one.counted) continue;
    benchmark::RegisterBenchmark(one.name.c_str(),
                                 [&](benchmark::State& state) { run(state, one, settings); })
        ->Iterations(1)
        ->UseRealTime();
  }
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace perdure::bench

int main(int argc, char** argv) {
  return perdure::bench::run_all(argc, argv);
}
