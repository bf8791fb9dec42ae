// SPDX-License-Identifier: BSL-1.0
// Remembers which staged file a path is to get.
#include "transaction/unpublished.hpp"

#include <utility>

#include "engine/names.hpp"

namespace perdure {

std::optional<std::string> Unpublished::staged_for(const std::string& path) const {
  const auto found = staged_.find(path);
  if (found == staged_.end()) return {};
  return found->second;
}

std::vector<std::string> Unpublished::note(const Journal& journal) {
  const auto lock = change();
  std::vector<std::string> superfluous;
  for (const JournalEntry& entry : journal.entries) {
    std::string& staged = staged_[entry.path];
    if (!staged.empty()) superfluous.push_back(std::move(staged));
    staged.clear();
    if (entry.action == JournalAction::put) staged = names::staged_of(journal.id, entry.staged);
  }
  return superfluous;
}

}  // namespace perdure
