// SPDX-License-Identifier: BSL-1.0
// Appends to the record of a tree, and looks moments up.
#include "witness/history.hpp"

#include <algorithm>

namespace crashlab {

History::History() {
  NodeRecord record;
  record.kind = NodeKind::directory;
  add(std::move(record), {});
}

void History::next(std::string call) {
  calls_.push_back(std::move(call));
}

Node History::add(NodeRecord record, Content content) {
  record.versions = {{now(), std::move(content), now() == 0}};
  if (now() == 0) record.promises = {{}};
  nodes_.push_back(std::move(record));
  return static_cast<Node>(nodes_.size() - 1);
}

void History::set_content(Node node, Content content) {
  std::vector<Version>& versions = nodes_[node].versions;
  if (versions.back().content == content) return;
  versions.push_back({now(), std::move(content), false});
}

void History::set_owner(Node node, std::uint32_t mode, std::uint32_t owner, std::uint32_t group) {
  nodes_[node].mode = mode;
  nodes_[node].owner = owner;
  nodes_[node].group = group;
}

void History::set_intact(Node node) {
  nodes_[node].versions.back().intact = true;
}

void History::bind(const Name& name, std::optional<Node> node) {
  NameRecord& record = names_[name];
  if (record.bindings.empty()) {
    // A name that is new in the history was missing before, durably.
    if (now() > 0) record.bindings.push_back({0, std::nullopt});
    record.promises = {{}};
  } else if (record.bindings.back().node == node) {
    return;
  }
  if (!record.bindings.empty()) count_name(record.bindings.back().node, -1);
  count_name(node, 1);
  record.bindings.push_back({now(), node});
}

void History::count_name(std::optional<Node> node, int more) {
  if (!node) return;
  std::vector<NameCount>& named = nodes_[*node].named;
  if (named.empty() || named.back().from != now()) {
    named.push_back({now(), named.empty() ? 0 : named.back().count});
  }
  named.back().count += more;
}

bool History::always_named(Node node, Position from, Position to) const {
  bool always = false;
  for (const NameCount& named : nodes_[node].named) {
    if (named.from > to) break;
    always = (named.from <= from || always) && named.count > 0;
  }
  return always;
}

void History::promise_content(Node node, Promise promise) {
  nodes_[node].promises.push_back(promise);
}

void History::promise_name(const Name& name, Promise promise) {
  names_.at(name).promises.push_back(promise);
}

Window History::window(std::size_t marks) const {
  const std::size_t index = std::min(marks, marks_.size() - 1);
  return {marks_[index], index + 1 < marks_.size() ? marks_[index + 1] : now()};
}

std::optional<Node> History::bound(const Name& name, Position at) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  std::optional<Node> node;
  for (const Binding& binding : found->second.bindings) {
    if (binding.from <= at) node = binding.node;
  }
  return node;
}

std::vector<Binding> History::bindings(const NameRecord& record, Position from, Position to) const {
  std::vector<Binding> found;
  for (const Binding& binding : record.bindings) {
    if (binding.from > to) break;
    if (binding.from <= from) found.clear();
    found.push_back(binding);
  }
  return found;
}

std::vector<Version> History::versions(Node node, Position from, Position to) const {
  std::vector<Version> found;
  for (const Version& version : nodes_[node].versions) {
    if (version.from > to && !found.empty()) break;
    if (version.from <= from) found.clear();
    found.push_back(version);
  }
  return found;
}

std::vector<Name> History::names_of(Node node, Position at) const {
  std::vector<Name> found;
  for (const auto& [name, record] : names_) {
    if (bound(name, at) == node) found.push_back(name);
  }
  return found;
}

std::optional<Position> promised(const std::vector<Promise>& promises, Position floor,
                                 std::uint64_t from, std::uint64_t to) {
  std::optional<Position> seen;
  for (const Promise& promise : promises) {
    if (promise.told <= floor && promise.from <= from && promise.to >= to) {
      seen = std::max(seen.value_or(0), promise.seen);
    }
  }
  return seen;
}

}  // namespace crashlab
