// SPDX-License-Identifier: BSL-1.0
// Remembers the content that a path is to get.
#include "transaction/unpublished.hpp"

#include "engine/names.hpp"
#include "transaction/file_image.hpp"

namespace perdure {
namespace {

std::uint64_t bytes_of(const LeftFile& file) {
  return file.image ? file.image->content.size() : 0;
}

}  // namespace

Result<const LeftFile*> Unpublished::find(const std::string& path) const {
  const auto found = left_.find(path);
  if (found == left_.end()) return nullptr;
  if (stopped_) return *stopped_;
  return &found->second;
}

std::vector<std::string> Unpublished::note(const Journal& journal,
                                           std::vector<std::shared_ptr<const FileImage>> images) {
  const auto lock = change();
  std::vector<std::string> superfluous;
  for (std::size_t i = 0; i < journal.entries.size(); ++i) {
    const JournalEntry& entry = journal.entries[i];
    LeftFile& file = left_[entry.path];
    if (!file.staged.empty()) superfluous.push_back(std::move(file.staged));
    bytes_ -= bytes_of(file);
    file = {.removed = entry.action != JournalAction::put, .staged = {}, .image = {}};
    if (file.removed) continue;
    file.image = std::move(images[i]);
    if (entry.staged_identity != Identity{}) {
      file.staged = names::staged_of(journal.id, entry.staged);
    }
    bytes_ += bytes_of(file);
  }
  return superfluous;
}

void Unpublished::clear() noexcept {
  left_.clear();
  bytes_ = 0;
}

}  // namespace perdure
