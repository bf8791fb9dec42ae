// SPDX-License-Identifier: BSL-1.0
#include "tables.hpp"

#include <algorithm>
#include <map>

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

bool is_reduced() {
  return PERDURE_PROOF_REDUCED != 0;
}

std::vector<ProofRow> run_proofs(const std::vector<Proof>& proofs,
                                 const std::function<void(const ProofRow&)>& done) {
  std::vector<ProofRow> rows;
  for (Proof proof : proofs) {
    if (is_reduced()) proof.workload.cases = std::min<std::size_t>(proof.workload.cases, 40);
    for (const Preset* preset : all_presets()) {
      if (proof.differs_on != nullptr && !proof.differs_on(*preset)) continue;
      ExploreOptions options = options_for(proof, *preset);
      if (is_reduced()) {
        options.states_max = std::min<std::size_t>(options.states_max, 300);
        options.depth = std::min(options.depth, 1U);
        options.tears_max = std::min<std::size_t>(options.tears_max, 6);
        options.sets_max = std::min<std::size_t>(options.sets_max, 64);
        options.pairs_max = std::min<std::size_t>(options.pairs_max, 12);
        options.schedules_max = 20;
        if (options.faults.size() > 40) options.faults.resize(40);
      }
      rows.push_back({proof.workload.name, std::string(preset->name),
                      explore(proof.workload, proof.oracles, options)});
      if (done) done(rows.back());
    }
  }
  return rows;
}

MutantRow run_mutant(const Mutant& mutant) {
  MutantRow row{mutant.name, mutant.equivalent, {}, {}, {}, {}};
  for (const Preset* preset : all_presets()) {
    const ExploreOptions options = options_for(mutant, *preset);
    const Report report = explore(mutant.proof.workload, mutant.proof.oracles, options);
    const std::string name(preset->name);
    if (!report.violation) {
      const auto reason = mutant.allowed.find(name);
      if (reason != mutant.allowed.end()) {
        row.allowed.emplace_back(name, reason->second);
      } else if (mutant.equivalent.empty()) {
        row.missed.push_back(name);
      }
      continue;
    }
    row.caught.emplace_back(name, report.violation->oracle);
    const std::string& text = report.violation->reproducer;
    if (std::ranges::count(text, '\n') >= 20) row.faults.push_back("20 lines or more:\n" + text);
    const auto again = replay(mutant.proof.workload, mutant.proof.oracles, text, options);
    if (!again || again->oracle != report.violation->oracle) {
      row.faults.push_back("does not replay:\n" + text);
    }
  }
  return row;
}

void write_proofs(std::ostream& out, const std::vector<ProofRow>& rows) {
  out << "| workload | preset | runs | crash points | states made | distinct, each recovered | "
         "crashes in a row | beyond the bound |\n"
         "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  std::uint64_t distinct = 0;
  std::uint64_t states = 0;
  for (const ProofRow& row : rows) {
    const Report& report = row.report;
    out << "| " << row.workload << " | " << row.preset << " | " << report.runs << " | "
        << report.points << " | " << report.states << " | " << report.distinct << " | "
        << report.depth << " | " << report.left_out + report.uncrashed << " |\n";
    distinct += report.distinct;
    states += report.states;
  }
  out << "| **all** | | | | **" << states << "** | **" << distinct << "** | | |\n";
}

void write_mutants(std::ostream& out, const std::vector<MutantRow>& rows) {
  out << "| mutant |";
  for (const Preset* preset : all_presets()) out << " " << preset->name << " |";
  out << "\n| --- |";
  for (std::size_t i = 0; i < all_presets().size(); ++i) out << " --- |";
  out << "\n";
  std::map<std::string, std::vector<std::string>> reasons;
  for (const MutantRow& row : rows) {
    out << "| " << row.mutant << " |";
    for (const Preset* preset : all_presets()) {
      const auto caught =
          std::ranges::find(row.caught, preset->name, &std::pair<std::string, std::string>::first);
      out << " " << (caught != row.caught.end() ? caught->second : "passes") << " |";
    }
    out << "\n";
    if (!row.equivalent.empty()) reasons[row.equivalent].push_back(row.mutant);
    for (const auto& [preset, reason] : row.allowed) {
      reasons[reason].push_back(row.mutant + " (" + preset + ")");
    }
  }
  out << "\nWhy those that pass may pass:\n\n";
  for (const auto& [reason, names] : reasons) {
    out << "- ";
    for (std::size_t i = 0; i < names.size(); ++i) out << (i == 0 ? "" : ", ") << names[i];
    out << ": " << reason << ".\n";
  }
}

}  // namespace perdure::test
