// SPDX-License-Identifier: BSL-1.0
// Derives contents from contents that the log has.
#include "log/log_bases.hpp"

#include <algorithm>
#include <utility>

#include "engine/version.hpp"

namespace perdure {
namespace {

/// Below this size a record would save one block at most.
constexpr std::size_t size_min = 2 * log_block;

/// Recovery copies a content so often, at most, to make it.
constexpr std::size_t depth_max = 64;
/// The most bytes of contents that are held.
constexpr std::size_t held_max = std::size_t{64} << 20U;

std::size_t size_of(const std::vector<Edit>& edits) {
  constexpr std::size_t head = 3 * sizeof(std::uint64_t);
  std::size_t size = 0;
  for (const Edit& edit : edits) size += head + edit.inserted.size();
  return size;
}

}  // namespace

std::optional<Derivation> LogBases::derive(const std::string& path, Bytes content) const {
  if (content.size() < size_min) return std::nullopt;
  const std::uint64_t hash = content_hash(content);
  if (const auto equal = paths_.find(hash); equal != paths_.end()) {
    const Base& base = contents_.at(equal->second);
    if (base.depth < depth_max && std::ranges::equal(base.content, content)) {
      return Derivation{base.record, base.entry, {}, hash, base.depth + 1};
    }
  }
  const auto last = contents_.find(path);
  if (last == contents_.end() || last->second.depth >= depth_max) return std::nullopt;
  std::vector<Edit> edits = edits_between(last->second.content, content);
  if (size_of(edits) > content.size() / 2) return std::nullopt;
  return Derivation{last->second.record, last->second.entry, std::move(edits), hash,
                    last->second.depth + 1};
}

void LogBases::note(const std::string& path, std::uint64_t record, std::uint32_t entry,
                    LoggedFile file) {
  forget(path);
  Buffer& content = file.image.content;
  if (content.size() < size_min) return;
  if (size_ + content.size() > held_max) clear();
  size_ += content.size();
  const std::uint64_t hash = file.derived ? file.derived->hash : content_hash(content);
  const std::size_t depth = file.derived ? file.derived->depth : 0;
  paths_.insert_or_assign(hash, path);
  contents_.emplace(path, Base{record, entry, hash, depth, std::move(content)});
}

void LogBases::forget(const std::string& path) {
  const auto found = contents_.find(path);
  if (found == contents_.end()) return;
  size_ -= found->second.content.size();
  const auto by_hash = paths_.find(found->second.hash);
  if (by_hash != paths_.end() && by_hash->second == path) paths_.erase(by_hash);
  contents_.erase(found);
}

void LogBases::clear() noexcept {
  contents_.clear();
  paths_.clear();
  size_ = 0;
}

}  // namespace perdure
