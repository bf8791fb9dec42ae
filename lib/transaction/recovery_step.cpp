// SPDX-License-Identifier: BSL-1.0
// Compares each path of a journal with what is there now.
#include "transaction/recovery_step.hpp"

#include <algorithm>

#include "engine/names.hpp"
#include "engine/protocol.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "look at the path";

/// Nobody changed it since. It may be older than it was: what its last writer never synced may have
/// gone with the power, its time of modification along with it.
bool is_as_before(const Version& now, const Before& before) {
  return identity_of(now) == before.identity && now.mtime_ns <= before.mtime_ns;
}

enum class Staged { there, missing, another };

Staged look_for_staged(TransactionRoot& root, const Journal& journal, const JournalEntry& entry) {
  const auto staged =
      root.files.stat_at(root.private_directory.get(), names::staged_of(journal.id, entry.staged));
  if (!staged) return Staged::missing;
  const bool same = identity_of(staged.value().version) == entry.staged_identity;
  return same ? Staged::there : Staged::another;
}

/// The file goes on under another name of the same transaction.
bool is_moved(const Journal& journal, const Identity& identity) {
  return std::ranges::any_of(journal.entries, [&](const JournalEntry& other) {
    return other.action == JournalAction::put && other.staged_identity == identity;
  });
}

bool renames_at_once(TransactionRoot& root) {
  if (!root.renames_at_once) {
    const auto info = root.files.describe(root.private_directory.get());
    root.renames_at_once = info && renames_at_once(info.value());
  }
  return *root.renames_at_once;
}

RecoveryStep judge_put(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                       const std::optional<Status>& now) {
  if (now && identity_of(now->version) == entry.staged_identity) return RecoveryStep::done;
  bool as_before = false;
  if (now) as_before = entry.before && is_as_before(now->version, *entry.before);
  // Missing although it was there before: somebody removed it, or, where a rename is several steps
  // on the disk, that is half of ours.
  if (!now) as_before = !entry.before || !renames_at_once(root);
  const Staged staged = look_for_staged(root, journal, entry);
  if (as_before) return staged == Staged::there ? RecoveryStep::redo : RecoveryStep::lost;
  // A staged file of another identity is a copy, as all the others are: nobody changed the path.
  return staged == Staged::another ? RecoveryStep::lost : RecoveryStep::foreign;
}

RecoveryStep judge_removal(const Journal& journal, const JournalEntry& entry,
                           const std::optional<Status>& now) {
  if (!now) return RecoveryStep::done;
  if (!entry.before) return RecoveryStep::foreign;
  if (is_as_before(now->version, *entry.before)) return RecoveryStep::redo;
  // Written into, and it keeps what was written: only this name goes.
  const bool same = identity_of(now->version) == entry.before->identity;
  return same && is_moved(journal, entry.before->identity) ? RecoveryStep::redo
                                                           : RecoveryStep::foreign;
}

}  // namespace

Result<RecoveryStep> recovery_step_of(TransactionRoot& root, const Journal& journal,
                                      const JournalEntry& entry, Directories& directories) {
  const auto replaced = directories.is_replaced(parent_of(entry.path));
  if (!replaced) return root.failure(step, entry.path, replaced.error());
  if (replaced.value()) return RecoveryStep::foreign;
  BOOST_OUTCOME_TRY(const auto now, root.checked(step, entry.path, directories.stat(entry.path)));
  switch (entry.action) {
    case JournalAction::put:
      return judge_put(root, journal, entry, now);
    case JournalAction::remove:
      return judge_removal(journal, entry, now);
    case JournalAction::make_directory:
      if (!now) return RecoveryStep::redo;
      return now->type == FileType::directory ? RecoveryStep::done : RecoveryStep::foreign;
  }
  return RecoveryStep::foreign;
}

std::string_view to_string(RecoveryStep step_to_name) noexcept {
  switch (step_to_name) {
    case RecoveryStep::done:
      return "done";
    case RecoveryStep::redo:
      return "redo";
    case RecoveryStep::foreign:
      return "foreign";
    case RecoveryStep::lost:
      return "lost";
  }
  return "";
}

}  // namespace perdure
