// SPDX-License-Identifier: BSL-1.0
// The contents and names of a file tree, moment by moment, and the promises about them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "witness/content.hpp"

namespace crashlab {

/// The calls of a workload are counted as they end; a position is the state after that call, 0 the
/// state before the first.
using Position = std::uint32_t;

/// A file, directory or other inode, told from any other that had the same number.
using Node = std::uint32_t;

enum class NodeKind : std::uint8_t { file, directory, link, other };

/// A name in a directory.
struct Name {
  Node directory = 0;
  std::string leaf;
  auto operator<=>(const Name&) const = default;
};

/// The content from a position on, until the next version.
struct Version {
  Position from = 0;
  Content content;
  bool intact = false;  ///< complete, as its writer wanted it: nobody was writing, or it was synced
};

/// The node that a name leads to from a position on; none: there is no such name.
struct Binding {
  Position from = 0;
  std::optional<Node> node;
};

/// A sync that returned success at `told`; it promised what it saw at `seen`.
struct Promise {
  Position seen = 0;
  Position told = 0;
  std::uint64_t from = 0;  ///< of a content: these bytes
  std::uint64_t to = UINT64_MAX;
};

/// The calls between which a power cut comes. It comes after the call at `floor` and all its
/// promises, and before the end of the call at `ceiling`.
struct Window {
  Position floor = 0;
  Position ceiling = 0;
};

/// How many names a node has from a position on.
struct NameCount {
  Position from = 0;
  int count = 0;
};

struct NodeRecord {
  NodeKind kind = NodeKind::file;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;  ///< permission bits
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::vector<Version> versions;  ///< of a file, and of a link its target; one at least
  std::vector<Promise> promises;  ///< of the content
  std::vector<NameCount> named;
};

struct NameRecord {
  std::vector<Binding> bindings;
  std::vector<Promise> promises;
};

/// Grows by the facts that an observer saw. Everything at position 0 is durable.
class History {
 public:
  static constexpr Node root = 0;

  History();

  Position now() const { return static_cast<Position>(calls_.size() - 1); }
  /// Goes on by one call; the facts that are added next belong to its position. `call` is for
  /// humans.
  void next(std::string call);
  const std::string& call_at(Position position) const { return calls_[position]; }

  Node add(NodeRecord record, Content content);
  void set_content(Node node, Content content);
  void set_owner(Node node, std::uint32_t mode, std::uint32_t owner, std::uint32_t group);
  /// The node's content is complete, as its writer wanted it.
  void set_intact(Node node);
  void bind(const Name& name, std::optional<Node> node);

  void promise_content(Node node, Promise promise);
  void promise_name(const Name& name, Promise promise);
  /// A crash may fall between this promise and the next; each has its acknowledgement.
  void mark() { marks_.push_back(now()); }

  /// The window of a crash that came after so many marks.
  Window window(std::size_t marks) const;
  std::size_t mark_count() const { return marks_.size() - 1; }

  const NodeRecord& node(Node node) const { return nodes_[node]; }
  std::size_t node_count() const { return nodes_.size(); }
  const std::map<Name, NameRecord>& names() const { return names_; }

  std::optional<Node> bound(const Name& name, Position at) const;
  /// The bindings in force at `from`, and those that came until `to`.
  std::vector<Binding> bindings(const NameRecord& record, Position from, Position to) const;
  std::vector<Version> versions(Node node, Position from, Position to) const;
  /// Whether the node had a name all the time.
  bool always_named(Node node, Position from, Position to) const;
  /// The names that led to a node at `at`.
  std::vector<Name> names_of(Node node, Position at) const;

 private:
  void count_name(std::optional<Node> node, int more);

  std::vector<std::string> calls_ = {""};
  std::vector<NodeRecord> nodes_;
  std::map<Name, NameRecord> names_;
  std::vector<Position> marks_ = {0};
};

/// The position that was seen by the last promise that was made by `floor`, if there is one.
/// `offset` counts for contents: only promises that cover this byte.
std::optional<Position> promised(const std::vector<Promise>& promises, Position floor,
                                 std::uint64_t from = 0, std::uint64_t to = UINT64_MAX);

}  // namespace crashlab
