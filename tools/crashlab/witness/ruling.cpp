// SPDX-License-Identifier: BSL-1.0
// Walks a state and the record of the tree side by side.
#include "witness/ruling.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <set>

#include "witness/matching.hpp"

namespace crashlab {
namespace {

class Ruling {
 public:
  Ruling(const History& history, Window window, bool ended, const Tree& state,
         const RulingRules& rules)
      : history_(history), window_(window), ended_(ended), state_(state), rules_(rules) {}

  std::vector<Finding> operator()() {
    directory(History::root, "");
    if (std::none_of(findings_.begin(), findings_.end(), is_fault)) contents();
    return std::move(findings_);
  }

 private:
  static bool is_fault(const Finding& finding) { return finding.kind <= Finding::Kind::lost; }

  void add(Finding::Kind kind, const std::string& path, const std::string& reason) {
    findings_.push_back({kind, path, reason});
  }

  void directory(Node node, const std::string& path) {
    std::set<std::string> leaves;
    const auto& names = history_.names();
    for (auto at = names.lower_bound({node, ""}); at != names.end() && at->first.directory == node;
         ++at) {
      leaves.insert(at->first.leaf);
    }
    const std::string prefix = path.empty() ? "" : path + "/";
    for (auto at = state_.lower_bound(prefix);
         at != state_.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
      leaves.insert(
          at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size()));
    }
    for (const std::string& leaf : leaves) {
      const std::string entry = prefix + leaf;
      if (ignored(entry)) {
        ignore({node, leaf});
      } else {
        name({node, leaf}, entry);
      }
    }
  }

  /// Ignores all nodes to which such a name ever led.
  void ignore(const Name& name) {
    const auto record = history_.names().find(name);
    if (record == history_.names().end()) return;
    for (const Binding& binding : record->second.bindings) {
      if (binding.node) satisfied_.insert(*binding.node);
    }
  }

  bool ignored(const std::string& path) const {
    return std::any_of(rules_.ignored.begin(), rules_.ignored.end(),
                       [&](const std::string& pattern) {
                         return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
                       });
  }

  void name(const Name& name, const std::string& path) {
    const auto record = history_.names().find(name);
    const auto found = state_.find(path);
    if (record == history_.names().end()) {
      add(Finding::Kind::torn, path, "is a name that was never there");
      return;
    }
    const Position promise = promised(record->second.promises, window_.floor).value_or(0);
    const auto bindings = history_.bindings(record->second, promise, window_.ceiling);
    const std::size_t before = findings_.size();
    if (found == state_.end()) {
      missing(name, path, bindings);
    } else {
      present(name, record->second, path, found->second, bindings);
    }
    const bool fault = std::any_of(findings_.begin() + static_cast<std::ptrdiff_t>(before),
                                   findings_.end(), is_fault);
    if (ended_ && !rules_.recovered && !fault) {
      compare_end(name, path, found == state_.end() ? nullptr : &found->second);
    }
  }

  void missing(const Name& name, const std::string& path, const std::vector<Binding>& bindings) {
    const auto absent = [](const Binding& binding) { return !binding.node; };
    if (std::none_of(bindings.begin(), bindings.end(), absent)) {
      add(Finding::Kind::lost, path, "is missing, though its name was synced");
      return;
    }
    const auto first = history_.bound(name, 0);
    const auto last = history_.bound(name, history_.now());
    if (rules_.recovered || !first || !last) return;
    if (history_.node(*first).kind == NodeKind::file) {
      add(Finding::Kind::missing, path, "is not there: the old file went before the new one came");
    }
  }

  /// Whether a name exists neither before nor after the program: nobody will look under it.
  bool is_temporary(const Name& name) const {
    return !history_.bound(name, 0) && !history_.bound(name, history_.now());
  }

  void present(const Name& name, const NameRecord& record, const std::string& path,
               const Entry& found, const std::vector<Binding>& bindings) {
    Match best{Match::Kind::lost, "is back, though its removal was synced"};
    bool any = false;
    for (const Binding& binding : bindings) {
      if (!binding.node) continue;
      const Match match = matched(*binding.node, binding.from, found);
      if (match.good() || (match.kind == Match::Kind::rewritten && rules_.recovered)) {
        satisfied_.insert(*binding.node);
      }
      if (!any || match.kind < best.kind) best = match;
      any = true;
    }
    if (best.good()) {
      if (best.kind == Match::Kind::in_place && !rules_.recovered && !is_temporary(name)) {
        add(Finding::Kind::in_place, path, best.reason);
      }
      if (found.kind == NodeKind::directory) deeper(path, found, bindings);
      return;
    }
    if (best.kind == Match::Kind::rewritten && rules_.recovered) return;
    if (any && had_before(record, found, bindings.front().from)) {
      best = {Match::Kind::lost, "is an older file than the one whose name was synced"};
    }
    add(best.kind == Match::Kind::lost ? Finding::Kind::lost : Finding::Kind::torn, path,
        best.reason);
  }

  Match matched(Node node, Position bound, const Entry& found) const {
    const NodeRecord& record = history_.node(node);
    if (record.kind != found.kind) return {Match::Kind::torn, "is of another kind"};
    if (record.kind == NodeKind::file) {
      return match(history_, node, bound, window_, found.content);
    }
    if (record.kind == NodeKind::link && record.versions.front().content != found.content) {
      return {Match::Kind::torn, "leads elsewhere"};
    }
    return {};
  }

  bool had_before(const NameRecord& record, const Entry& found, Position end) const {
    return std::any_of(record.bindings.begin(), record.bindings.end(), [&](const Binding& binding) {
      if (!binding.node || binding.from >= end || found.kind != NodeKind::file) return false;
      const auto& versions = history_.node(*binding.node).versions;
      return std::any_of(versions.begin(), versions.end(), [&](const Version& version) {
        return version.intact && version.content == found.content;
      });
    });
  }

  void deeper(const std::string& path, const Entry& found, const std::vector<Binding>& bindings) {
    for (const Binding& binding : bindings) {
      if (!binding.node) continue;
      const NodeRecord& record = history_.node(*binding.node);
      if (record.kind != NodeKind::directory || record.inode != found.status.st_ino) continue;
      directory(*binding.node, path);
      return;
    }
    add(Finding::Kind::torn, path, "is a directory that nobody made there");
  }

  /// A file whose content was synced, and that always had a name, has to be under one of them.
  void contents() {
    for (Node node = 1; node < history_.node_count(); ++node) {
      const NodeRecord& record = history_.node(node);
      if (record.kind != NodeKind::file || satisfied_.contains(node)) continue;
      const auto synced = promised(record.promises, window_.floor);
      if (!synced || !history_.always_named(node, *synced, window_.ceiling)) continue;
      const auto names = history_.names_of(node, *synced);
      const bool known = std::any_of(names.begin(), names.end(), [&](const Name& name) {
        const auto& promises = history_.names().at(name).promises;
        const auto promise = promised(promises, window_.floor);
        return promise && history_.bound(name, *promise) == node;
      });
      if (known) {
        add(Finding::Kind::lost, names.front().leaf,
            "is under none of its names, though its content was synced");
      }
    }
  }

  void compare_end(const Name& name, const std::string& path, const Entry* found) {
    const auto last = history_.bound(name, history_.now());
    if (!last) {
      if (found != nullptr && !is_temporary(name)) {
        add(Finding::Kind::rolled_back, path, "is back after its removal");
      }
      return;
    }
    if (found == nullptr) {
      add(Finding::Kind::rolled_back, path, "is missing");
      return;
    }
    const NodeRecord& record = history_.node(*last);
    const Content& content = record.versions.back().content;
    if (record.kind != NodeKind::file || content == found->content) return;
    const bool older = had_before(history_.names().at(name), *found, history_.now());
    add(Finding::Kind::rolled_back, path,
        older ? "is an older one" : describe(found->content, content));
  }

  const History& history_;
  Window window_;
  bool ended_;
  const Tree& state_;
  const RulingRules& rules_;
  std::vector<Finding> findings_;
  std::set<Node> satisfied_;
};

}  // namespace

const char* name_of(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::torn:
      return "torn";
    case Finding::Kind::missing:
      return "missing";
    case Finding::Kind::lost:
      return "lost";
    case Finding::Kind::rolled_back:
      return "rolled back";
    case Finding::Kind::in_place:
      return "in place";
  }
  return "?";
}

std::vector<Finding> rule(const History& history, Window window, bool ended, const Tree& state,
                          const RulingRules& rules) {
  return Ruling(history, window, ended, state, rules)();
}

}  // namespace crashlab
