// SPDX-License-Identifier: BSL-1.0
// Turns syncs into promises of contents and names.
#include "witness/promises.hpp"

#include <utility>
#include <vector>

namespace crashlab {

void Promises::sync(Node node, Position seen, bool names_too) {
  const NodeKind kind = history_.node(node).kind;
  if (kind == NodeKind::file) content(node, seen, 0, UINT64_MAX);
  // The entries of a directory are its content.
  if (kind == NodeKind::directory) entries(node, seen);
  if (names_too) names(node, seen);
}

void Promises::all(Position seen) {
  for (Node node = 0; node < history_.node_count(); ++node) {
    if (history_.node(node).kind == NodeKind::file) content(node, seen, 0, UINT64_MAX);
  }
  std::vector<Name> names;
  for (const auto& [name, record] : history_.names()) names.push_back(name);
  for (const Name& each : names) name(each, seen);
}

void Promises::content(Node node, Position seen, std::uint64_t from, std::uint64_t to) {
  const auto already = promised(history_.node(node).promises, history_.now(), from, to);
  const Version version = history_.versions(node, seen, seen).front();
  if (!already || *already < version.from) cost_.contents.insert(node);
  history_.promise_content(node, {seen, history_.now(), from, to});
  if (from == 0 && to == UINT64_MAX && history_.node(node).versions.back().from == version.from) {
    history_.set_intact(node);
  }
}

void Promises::written(Node node, std::uint64_t from, std::uint64_t to) {
  const NodeRecord& record = history_.node(node);
  const std::size_t count = record.versions.size();
  const auto already = promised(record.promises, history_.now());
  // If everything before this write was durable, everything is now.
  const bool last_was = count > 1 && already && *already >= record.versions[count - 2].from &&
                        record.versions.back().from == history_.now();
  content(node, history_.now(), last_was ? 0 : from, last_was ? UINT64_MAX : to);
}

void Promises::names(Node node, Position seen) {
  if (!row_.file_sync_keeps_name) return;
  for (const Name& each : history_.names_of(node, seen)) {
    name(each, seen);
    if (each.directory != History::root) names(each.directory, seen);
  }
}

void Promises::entries(Node directory, Position seen) {
  std::vector<Name> found;
  for (const auto& [name, record] : history_.names()) {
    if (name.directory == directory) found.push_back(name);
  }
  for (const Name& each : found) name(each, seen);
}

void Promises::name(const Name& name, Position seen) {
  const NameRecord& record = history_.names().at(name);
  const Position already = promised(record.promises, history_.now()).value_or(0);
  for (const Binding& binding : history_.bindings(record, already, seen)) {
    if (binding.from <= already) continue;
    const auto node = binding.node ? binding.node : history_.bound(name, binding.from - 1);
    if (node) cost_.names.insert(*node);
  }
  history_.promise_name(name, {seen, history_.now(), 0, UINT64_MAX});
}

void Promises::told(std::string words) {
  cost_.words = std::move(words);
  costs_.add(std::exchange(cost_, {}));
  history_.mark();
}

}  // namespace crashlab
