// SPDX-License-Identifier: BSL-1.0
// Mutants that know files by less than the library does.
#include "identity_workloads.hpp"
#include "lies.hpp"
#include "transaction_mutants.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// No racy rule: a stamp of this very tick is trusted as if no later change could have it.
struct TicksTrusted final : Lying {
  using Lying::Lying;
  Stamps stamps(Handle /*handle*/, const Status& /*status*/) override { return Stamps::fine; }
};

/// Takes from what a look says of a file whatever `cut` takes.
template <void cut(Version&)>
struct KnownBy : Lying {
  using Lying::Lying;
  SysResult<Status> stat(Handle handle) override { return known(Lying::stat(handle)); }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return known(Lying::stat_at(directory, name));
  }
  static SysResult<Status> known(SysResult<Status> status) {
    if (status && status.value().type == FileType::regular) cut(status.value().version);
    return status;
  }
};

/// A file is its inode number: which file that number meant before, nobody asks.
void keep_number(Version& version) {
  version.birth_ns = 1;
}

/// And nobody asks whether it was changed.
void keep_number_alone(Version& version) {
  version = {.device = version.device, .inode = version.inode, .size = version.size};
}

}  // namespace

std::vector<Mutant> identity_mutants() {
  Mutant unforced{"looks_not_forced", two_machines_proof(Looks::remembered), {}, {}, {}};
  return {mutant_on<TicksTrusted>("tick_trusted", "counters_in_one_tick"),
          mutant_on<TicksTrusted>("state_tick_trusted", "trackers_in_one_tick"),
          mutant_on<KnownBy<keep_number_alone>>("version_by_inode_alone", "counters_in_one_tick"),
          mutant_on<KnownBy<keep_number>>("identity_by_inode_alone", "transaction_beside_others"),
          mutant_on<KnownBy<keep_number_alone>>("recovery_by_inode_alone", "transaction_remade"),
          std::move(unforced)};
}

}  // namespace perdure::test
