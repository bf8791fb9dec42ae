// SPDX-License-Identifier: BSL-1.0
// Prints the tables of docs/proof.md, or explores for as long as it is given.
//
//   prove tables             both tables, as Markdown
//   prove run NAME           the workloads whose names begin so
//   prove mutants [NAME]     the second table alone, or of the mutants whose names begin so
//   prove long MINUTES FILE  ever larger bounds and new seeds; FILE remembers how far it came
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "tables.hpp"

namespace {

using namespace perdure::test;     // NOLINT: a program of its own
using namespace perdure::testing;  // NOLINT

int mutants(const std::string& name) {
  std::vector<MutantRow> rows;
  bool good = true;
  for (const Mutant& mutant : all_mutants()) {
    if (!mutant.name.starts_with(name)) continue;
    rows.push_back(run_mutant(mutant));
    for (const std::string& fault : rows.back().faults) std::cerr << mutant.name << ": " << fault;
    for (const std::string& preset : rows.back().missed) {
      std::cerr << mutant.name << " passes under " << preset << "\n";
    }
    good = good && rows.back().faults.empty() && rows.back().missed.empty();
  }
  write_mutants(std::cout, rows);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int proofs(const std::string& name) {
  auto wanted = all_proofs();
  std::erase_if(wanted, [&](const Proof& proof) { return !proof.workload.name.starts_with(name); });
  auto begin = std::chrono::steady_clock::now();
  const auto rows = run_proofs(wanted, [&](const ProofRow& row) {
    const auto end = std::chrono::steady_clock::now();
    std::cerr << row.workload << " " << row.preset << ": " << row.report.states << " states, "
              << row.report.distinct << " distinct, "
              << std::chrono::round<std::chrono::milliseconds>(end - begin).count() << " ms\n";
    begin = end;
  });
  write_proofs(std::cout, rows);
  for (const ProofRow& row : rows) {
    if (!row.report.violation) continue;
    std::cerr << row.report.violation->reproducer;
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

struct Progress {
  std::size_t done = 0;
  std::uint64_t distinct = 0;
};

/// One line in the file for each exploration that is done: workload, preset, seed, bound, distinct,
/// and a full stop, without which the line was cut off and does not count.
Progress read_progress(const std::string& path) {
  Progress progress;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string workload;
    std::string preset;
    std::string stop;
    std::uint64_t seed = 0;
    std::uint64_t bound = 0;
    std::uint64_t count = 0;
    if (!(words >> workload >> preset >> seed >> bound >> count >> stop) || stop != ".") continue;
    ++progress.done;
    progress.distinct += count;
  }
  return progress;
}

/// Round after round through all workloads and presets, each with a new seed and more states.
int explore_long(double minutes, const std::string& path) {
  auto [done, distinct] = read_progress(path);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(minutes * 60);
  const auto all = all_proofs();
  const std::size_t round_size = all.size() * all_presets().size();
  std::ofstream file(path, std::ios::app);
  if (done > 0) std::cout << "goes on after " << done << " explorations\n";
  file << "\n";  // in case the last line was cut off
  for (; std::chrono::steady_clock::now() < end; ++done) {
    const Proof& proof = all[done % round_size / all_presets().size()];
    const Preset& preset = *all_presets()[done % all_presets().size()];
    ExploreOptions options = options_for(proof, preset);
    options.seed = 1 + done / round_size;
    options.states_max <<= std::min<std::size_t>(done / round_size + 1, 3);
    const Report report = explore(proof.workload, proof.oracles, options);
    distinct += report.distinct;
    std::cout << proof.workload.name << " " << preset.name << " seed " << options.seed << ": "
              << report.distinct << " distinct, " << distinct << " in all\n";
    if (report.violation) {
      std::cout << report.violation->reproducer;
      return EXIT_FAILURE;
    }
    file << proof.workload.name << " " << preset.name << " " << options.seed << " "
         << options.states_max << " " << report.distinct << " ." << std::endl;
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "run" && argc == 3) return proofs(argv[2]);
  if (command == "mutants") return mutants(argc > 2 ? argv[2] : "");
  if (command == "long" && argc == 4) return explore_long(std::atof(argv[2]), argv[3]);
  if (command != "tables") {
    std::cerr << "usage: prove tables | run NAME | mutants | long MINUTES FILE\n";
    return 2;
  }
  const int first = proofs("");
  std::cout << "\n";
  const int second = mutants("");
  return first != EXIT_SUCCESS ? first : second;
}
