// SPDX-License-Identifier: BSL-1.0
// The programs that are crashed, and what must hold for each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <perdure/atomic_writer.hpp>
#include <perdure/testing/explore.hpp>
#include <perdure/testing/oracle.hpp>

namespace perdure::test {

/// A workload with its oracles and with how far it is explored.
struct Proof {
  testing::Workload workload;
  std::vector<testing::Oracle> oracles;
  std::function<void(testing::ExploreOptions&)> bound;  // may be empty
  std::size_t fault_stride = 0;                         // 0: no faults
  /// Which directory syncs fail where no journal orders what is lost with them; 0: all. Once a
  /// transaction is being settled nobody can repeat what such a sync lost: the file has its name
  /// already, and a rename between two names of one file does nothing.
  std::uint64_t directory_syncs_max = 0;
  /// Whether it differs there from another proof; empty: everywhere.
  bool (*differs_on)(const testing::Preset& preset) = nullptr;
};

/// `automatic` is not `portable` there, which is proven for itself.
bool chooses_protocol(const testing::Preset& preset);

/// Everything that is offered for one file, and for a tracked state.
std::vector<Proof> file_proofs();
/// The same, and transactions.
std::vector<Proof> all_proofs();
/// The proof of that name; throws when there is none.
Proof find_proof(const std::string& name);

/// The oracles of files in "d" that are committed as d/t is; `allowed` may lie there, too.
std::vector<testing::Oracle> file_oracles(std::vector<std::string> allowed,
                                          std::function<void(testing::Session&)> clean_up);

/// Commits to "d/t" in a row by a writer of these options and this pipeline: the workload that
/// mutants change. With `strict` a commit that fails is a violation.
Proof replace_proof(const std::string& name, const WriteOptions& options, AnyPipeline pipeline,
                    bool strict);
/// The same with the pipeline that the options ask for.
Proof replace_proof(const std::string& name, const WriteOptions& options, bool strict = true);

/// The same proof by the protocol `whole`, under every preset.
Proof whole_proof(Proof proof, const std::string& name);

/// The options under which a proof is explored.
testing::ExploreOptions options_for(const Proof& proof, const testing::Preset& preset);

/// Content that says which it is at every place: `size` bytes.
std::string content_of(char letter, std::size_t size);

}  // namespace perdure::test
