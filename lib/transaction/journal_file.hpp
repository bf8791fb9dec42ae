// SPDX-License-Identifier: BSL-1.0
// The journal of a transaction as a file: written, found, made durable, removed.
#pragma once

#include <optional>
#include <string_view>

#include <perdure/bytes.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/root.hpp"

namespace perdure {

inline constexpr std::string_view recover_step = "recover the root";
/// What a person can do about a journal that recovery refuses.
inline constexpr std::string_view refused_journal_advice =
    "; `perdure inspect` shows what is there, `perdure recover --abandon` sets it aside as "
    "evidence";

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
/// as what a stranger wrote. A copy beside a journal of another transaction is one whose removal
/// never reached the disk: that one was settled before.
Result<std::optional<FoundJournal>> find_journal(TransactionRoot& root);

/// Nothing may depend on a journal that is in the page cache alone. Syncing what was found is not
/// enough, since its sync may have failed before, which is said once: so it is written anew. Under
/// its other name: where a rename is no single step on the disk, the one that was there and the one
/// that takes its name may both be gone for a moment.
Result<void> make_durable(TransactionRoot& root, const FoundJournal& found, Protocol protocol);

/// The journal is gone, durably or, with `fast`, before what others do later. `recovered`: recovery
/// may have made a copy of it, which goes first.
Result<void> remove_journal(TransactionRoot& root, std::string_view step, Protocol protocol,
                            bool recovered);

}  // namespace perdure
