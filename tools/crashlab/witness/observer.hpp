// SPDX-License-Identifier: BSL-1.0
// Writes down the history of a file tree while a workload changes it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "recording/tracer.hpp"
#include "witness/effects.hpp"
#include "witness/history.hpp"
#include "witness/promises.hpp"
#include "witness/tree.hpp"

namespace crashlab {

/// Looks at the tree itself while the caller of each call stands still. So it needs to know at most
/// which file a call changed, and not the bytes that were written. Mappings, copies and unknown
/// calls are seen like all others.
class Observer : public CallWatcher {
 public:
  /// `mark` is called after each promise, before the caller goes on, with words for humans.
  Observer(std::string directory, FileSystemRow row, History& history, ContentStore& store,
           Costs& costs, std::function<void(const std::string&)> mark);

  /// The tree as it is, all of it durable.
  void begin();
  void before(const Call& call) override;
  void after(const Call& call, std::int64_t result) override;
  /// The program has ended: everything it left is as it wanted it.
  void end();

 private:
  void scan(bool everything);
  void look_at(const std::string& path);
  void look_at_mapped();
  void changed(Node node, Content content);
  void settle();
  void promise(const Call& call, Effect effect);
  void promise_written(const Call& call, std::int64_t result);
  std::optional<Node> node_of(const std::string& path);
  Node node_for(const Entry& entry);
  std::map<Name, Node> names_in(const Tree& tree) const;

  std::string directory_;
  History& history_;
  ContentStore& store_;
  Promises promises_;
  std::function<void(const std::string&)> mark_;
  Tree tree_;
  std::map<Handle, Node> nodes_;
  std::map<Node, std::string> mapped_;  ///< by a path beneath the directory
  std::set<Node> unsettled_;            ///< changed since they were last known to be intact
  Position seen_ = 0;                   ///< before the call that is under way
};

}  // namespace crashlab
