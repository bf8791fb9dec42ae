// SPDX-License-Identifier: BSL-1.0
// Sets aside, as evidence, what recovery does not put in place and a person may need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// A new directory in the private one, for what is given up.
struct Evidence {
  std::string name;
  OwnedHandle directory;
};

Result<Evidence> make_evidence(TransactionRoot& root);

/// Its path: relative to the root, or absolute.
[[nodiscard]] std::string path_of(const TransactionRoot& root, const Evidence& evidence);

/// Moves the apply temps of a journal to the evidence: one may be the last copy of its content.
/// Without the journal nobody knows that they are of no use, so they are gone from the disk before
/// it is. Their names are random: one that lies in a copied directory is of no use, either. Returns
/// the words for those that can't be moved, which must not keep the root from being given up.
std::string set_apply_temps_aside(TransactionRoot& root, const Journal& journal,
                                  const Evidence& evidence);

/// Moves everything of the private directory that belongs to transactions to the evidence.
Result<void> set_all_aside(TransactionRoot& root, const Evidence& evidence, std::uint64_t mark);

/// The new content of paths that were left alone, as long as the journal is there.
struct Kept {
  std::string directory;           ///< Of the evidence; empty if there was nothing to keep.
  std::vector<std::string> files;  ///< For each path; empty if it was to have no content.
};

/// Nobody but the journal knows this content, and the journal goes: so it gets a second name first,
/// that of its apply temp, durably, or that name alone where the kernel gives it no second one. May
/// be repeated: the evidence has the transaction's name.
Result<Kept> keep_left_alone(TransactionRoot& root, const Journal& journal,
                             const std::vector<const JournalEntry*>& left_alone);

}  // namespace perdure
