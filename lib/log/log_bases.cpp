// SPDX-License-Identifier: BSL-1.0
// Derives contents from those that the log has.
#include "log/log_bases.hpp"

#include <algorithm>
#include <utility>

#include "engine/version.hpp"

namespace perdure {
namespace {

/// Below it a record saves no block, or one.
constexpr std::size_t size_min = 2 * log_block;

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
  const auto equal = std::ranges::find_if(contents_, [&](const auto& item) {
    const Base& base = item.second;
    return base.hash == hash && std::ranges::equal(base.content, content);
  });
  if (equal != contents_.end()) {
    return Derivation{equal->second.record, equal->second.entry, {}, hash};
  }
  const auto last = contents_.find(path);
  if (last == contents_.end()) return std::nullopt;
  std::vector<Edit> edits = edits_between(last->second.content, content);
  if (size_of(edits) > content.size() / 2) return std::nullopt;
  return Derivation{last->second.record, last->second.entry, std::move(edits), hash};
}

void LogBases::note(const std::string& path, std::uint64_t record, std::uint32_t entry,
                    Buffer content) {
  if (content.size() < size_min) return forget(path);
  const std::uint64_t hash = content_hash(content);
  contents_.insert_or_assign(path, Base{record, entry, hash, std::move(content)});
}

}  // namespace perdure
