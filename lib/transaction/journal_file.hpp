// SPDX-License-Identifier: BSL-1.0
// The journal of a transaction as a file: written, found, made durable, removed.
//
// The life of a transaction, as the private directory shows it. `j` is the journal, `j.copy` the
// copy that recovery makes. A crash keeps the state, and the next recovery goes on from there.
//
//     nothing <------- discard ------- staged          prepare_journal: J2
//        ^                               |
//        |                               | commit_journal writes j.tmp, renames it to j
//        |                               v
//        |                           committed  <---> copied: recovery, make_durable: J4
//        |                               |              |
//        |                               | apply_entry  | redo: apply_entry
//        |                               v              v
//        +------- remove_journal ----- in place         settle: J5, J6
//
// J1. There is one journal at a time. A transaction begins under the root's lock, when recovery has
//     left none, and commits once.
// J2. Before `j` has its name, the disk has the staged files with their names, and the names that
//     the checks found: synced, or by `fast` ordered before it.
// J3. A journal gets its name when its content is complete: synced, or by `fast` awaited. One that
//     can't be read was damaged later, so only a person can decide.
// J4. No path changes before the journal is durable. Recovery does not know whether it is, so it
//     writes it anew first; never over the one that it found.
// J5. A staged file that the journal names keeps its own name until the journal is gone, so that
//     each step can be repeated.
// J6. The journal is removed when the disk has all that it names, or by `fast` gets that first. The
//     removal is synced, or by `fast` ordered, before the staged files go and before a commit
//     succeeds: a journal that came back would undo later commits.
// J7. Recovery judges the whole journal before it changes anything. A journal of another root, or
//     one whose staged file is lost, stops it.
// J8. Once `j` may have its name, the transaction leaves its staged files to recovery.
#pragma once

#include <optional>
#include <string_view>

#include <perdure/bytes.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

inline constexpr std::string_view recover_step = "recover the root";
/// Advice about a journal that recovery refuses.
inline constexpr std::string_view refused_journal_advice =
    "; `perdure recover --abandon` sets journal and staged files aside as evidence";

/// Makes the journal durable under this name: written beside, synced, renamed, its name synced.
/// After Fate::unknown nobody knows whether it counts until recovery. True if the file system
/// confirmed it (Receipt::confirmed).
Result<bool> commit_journal(TransactionRoot& root, Bytes journal, std::string_view name,
                            Protocol protocol);

struct FoundJournal {
  Buffer bytes;
  Journal journal;
  bool copied = false;  ///< An earlier recovery made its copy.
};

/// The journal, or the copy that an earlier recovery made of it; empty where there is neither. Read
/// without trust in its content. A copy beside the journal of another transaction is old: its
/// transaction was settled, and its removal never reached the disk.
Result<std::optional<FoundJournal>> find_journal(TransactionRoot& root);

/// Nothing may depend on a journal that is in the page cache alone. To sync the journal that was
/// found is not enough: an earlier sync may have failed, and the kernel reports that once. So it is
/// written anew. On file systems where a rename is several disk writes, a crash can lose both the
/// old and the new name. So we write the copy under the other name and keep the original.
Result<void> make_durable(TransactionRoot& root, const FoundJournal& found, Protocol protocol);

/// Removes the journal, durably or, with `fast`, ordered before later changes of others.
/// `recovered`: recovery may have made a copy of it, which goes first.
Result<void> remove_journal(TransactionRoot& root, std::string_view step, Protocol protocol,
                            bool recovered);

}  // namespace perdure
