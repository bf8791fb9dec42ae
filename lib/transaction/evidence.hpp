// SPDX-License-Identifier: BSL-1.0
// Sets aside, as evidence, the files that recovery does not put in place and a person may need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// A new directory in the private one, for the files that are set aside.
struct Evidence {
  std::string name;
  OwnedHandle directory;
};

/// Makes one, durably.
Result<Evidence> make_evidence(TransactionRoot& root);

/// Its path: relative to the root, or absolute.
[[nodiscard]] std::string path_of(const TransactionRoot& root, const Evidence& evidence);

/// Moves the apply temps of a journal to the evidence: one may be the last copy of its content.
/// Once the journal is gone, nobody can tell that the apply temps are of no use. So they are moved,
/// durably, before the journal is. Their names are random, so one that lies in a copied directory
/// is of no use, either. Returns words about apply temps that can't be moved; these must not keep
/// the root from being abandoned.
std::string set_apply_temps_aside(TransactionRoot& root, const Journal& journal,
                                  const Evidence& evidence);

/// Moves everything of the private directory that belongs to transactions to the evidence. The
/// journals go last, once the rest has moved on the disk: without a journal the next recovery
/// discards the staged files that it finds.
Result<void> set_all_aside(TransactionRoot& root, const Evidence& evidence, std::uint64_t mark);

/// The new content of paths that were left alone, as long as the journal is there.
struct Kept {
  std::string directory;           ///< Of the evidence; empty if there was nothing to keep.
  std::vector<std::string> files;  ///< For each path; empty if it was to have no content.
};

/// Only the journal knows this content, and the journal is about to be removed. So each staged file
/// first gets a second name in the evidence, that of its apply temp, durably. Where the kernel
/// refuses a second name, the file is renamed. May be repeated: the evidence has the transaction's
/// name.
Result<Kept> keep_left_alone(TransactionRoot& root, const Journal& journal,
                             const std::vector<const JournalEntry*>& left_alone);

}  // namespace perdure
