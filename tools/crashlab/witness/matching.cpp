// SPDX-License-Identifier: BSL-1.0
// Decides by versions and promises, page by page where a file was written in place.
#include "witness/matching.hpp"

#include <algorithm>

namespace crashlab {
namespace {

constexpr std::uint64_t page_size = content_page_size;

/// Whether the file was shortened and grew again, so that its old content was gone for a while.
bool was_cut(const std::vector<Version>& versions) {
  const std::uint64_t whole = versions.front().content.size;
  std::uint64_t least = whole;
  for (const Version& version : versions) {
    if (version.content.size > least && least < whole) return true;
    least = std::min(least, version.content.size);
  }
  return false;
}

/// The first byte that is equal in all versions and not in the found content; UINT64_MAX: none.
std::uint64_t missing_byte(const std::vector<Version>& versions, std::uint64_t page,
                           const Content& found) {
  const std::uint64_t begin = page * page_size;
  std::uint64_t end = begin + page_size;
  bool one = true;
  for (const Version& version : versions) {
    end = std::min(end, version.content.size);
    if (end <= begin) return UINT64_MAX;
    one = one && version.content.pages[page] == versions.front().content.pages[page];
  }
  if (one && found.size >= end && found.pages[page] == versions.front().content.pages[page]) {
    return UINT64_MAX;
  }
  for (std::uint64_t at = begin; at < end; ++at) {
    const std::byte byte = versions.front().content.at(at);
    const bool fixed = one || std::all_of(versions.begin(), versions.end(),
                                          [&](const auto& v) { return v.content.at(at) == byte; });
    if (fixed && (at >= found.size || found.at(at) != byte)) return at;
  }
  return UINT64_MAX;
}

/// Each byte that has not changed since its last sync has to be there.
Match match_in_place(const History& history, Node node, Position bound, Window window,
                     const Content& found) {
  const NodeRecord& record = history.node(node);
  std::uint64_t pages = 0;
  for (const Version& version : record.versions) {
    pages = std::max<std::uint64_t>(pages, version.content.pages.size());
  }
  for (std::uint64_t page = 0; page < pages; ++page) {
    const auto synced =
        promised(record.promises, window.floor, page * page_size, (page + 1) * page_size);
    const auto versions =
        history.versions(node, std::max(bound, synced.value_or(0)), window.ceiling);
    const std::uint64_t at = missing_byte(versions, page, found);
    if (at == UINT64_MAX) continue;
    const bool was_promised = synced && *synced >= versions.front().from;
    return {was_promised ? Match::Kind::lost : Match::Kind::torn,
            "byte " + std::to_string(at) + " is not there, though nothing changed it since " +
                (was_promised ? "it was synced" : "the file got its name")};
  }
  return {Match::Kind::in_place, history.versions(node, bound, bound).front().intact
                                     ? "is between two contents"
                                     : "is new, and holds a part of its content"};
}

}  // namespace

std::string describe(const Content& found, const Content& expected) {
  const std::string size = std::to_string(found.size);
  if (found.size == 0) return "is empty";
  if (found.is_zeros()) return "is " + size + " bytes of zeros";
  if (found.size < expected.size) {
    return "has " + size + " of " + std::to_string(expected.size) + " bytes";
  }
  return "has " + size + " bytes, and not those that it was given";
}

Match match(const History& history, Node node, Position bound, Window window,
            const Content& found) {
  const NodeRecord& record = history.node(node);
  const auto synced = promised(record.promises, window.floor);
  const auto versions = history.versions(node, std::max(bound, synced.value_or(0)), window.ceiling);
  const auto is_found = [&](const Version& version) { return version.content == found; };
  const bool changing = versions.size() > 1;
  if (std::any_of(versions.begin(), versions.end(), [&](const Version& version) {
        return is_found(version) && (version.intact || !changing);
      })) {
    return {};
  }
  const Version& first = versions.front();
  const std::string what = describe(found, versions.back().content);
  if (!changing) {
    const bool was_promised = synced && *synced >= first.from;
    if (!was_promised) {
      return {Match::Kind::torn, what + ", and got its name before its content was synced"};
    }
    const auto& all = record.versions;
    return {Match::Kind::lost, std::any_of(all.begin(), all.end(), is_found)
                                   ? "has an older content than the one that was synced"
                                   : what + ", though its content was synced"};
  }
  if (first.intact && was_cut(versions)) {
    return {Match::Kind::rewritten, what + ": it was cut and written again under its own name"};
  }
  return match_in_place(history, node, bound, window, found);
}

}  // namespace crashlab
