// SPDX-License-Identifier: BSL-1.0
// Runs the recovery in the tree of each moment, and compares.
#include "witness/recovery.hpp"

#include <algorithm>
#include <sys/mount.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr Position kills_max = 500;  ///< so many moments are tried before a state is a finding

const char* const subject = "(recovered)";

/// Hides the content of a directory behind an empty one.
class Covered {
 public:
  explicit Covered(const std::string& directory) : directory_(directory) {
    must(::mount("crashlab", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
         "mount a tmpfs at " + directory);
  }
  ~Covered() { ::umount2(directory_.c_str(), MNT_DETACH); }
  Covered(const Covered&) = delete;
  Covered& operator=(const Covered&) = delete;

 private:
  const std::string& directory_;
};

/// The first line of a text, fit for a terminal.
std::string first_line(const std::string& text) {
  std::string line = text.substr(0, std::min<std::size_t>(text.find('\n'), 120));
  std::replace_if(
      line.begin(), line.end(), [](char letter) { return letter < ' ' || letter == '\x7f'; }, '?');
  return line;
}

void add_entries(const History& history, Position position, Node directory,
                 const std::string& prefix, Tree& tree) {
  for (auto at = history.names().lower_bound({directory, ""});
       at != history.names().end() && at->first.directory == directory; ++at) {
    const auto node = history.bound(at->first, position);
    if (!node) continue;
    const NodeRecord& record = history.node(*node);
    Entry entry;
    entry.kind = record.kind;
    entry.status.st_mode = record.mode;
    entry.status.st_uid = record.owner;
    entry.status.st_gid = record.group;
    entry.content = history.versions(*node, position, position).front().content;
    tree.emplace(prefix + at->first.leaf, std::move(entry));
    if (record.kind == NodeKind::directory) {
      add_entries(history, position, *node, prefix + at->first.leaf + "/", tree);
    }
  }
}

}  // namespace

Tree tree_at(const History& history, Position position) {
  Tree tree;
  add_entries(history, position, History::root, "", tree);
  return tree;
}

Recovery::Recovery(Command command, std::string directory, const History& history, Tick tick)
    : command_(std::move(command)),
      directory_(std::move(directory)),
      history_(history),
      tick_(std::move(tick)) {}

Outcome Recovery::recover() {
  const Outcome outcome = run(command_, tick_);
  if (outcome.exit_code == 126 || outcome.exit_code == 127) {
    throw Failure("the recovery can't be run: " + outcome.story());
  }
  return outcome;
}

const std::string& Recovery::at(Position position) {
  const auto known = outputs_.find(position);
  if (known != outputs_.end()) return known->second;
  const Covered covered(directory_);
  lay_out(tree_at(history_, position), directory_);
  const Outcome outcome = recover();
  // A recovery that fails after a kill does not excuse one that fails after a power cut.
  return outputs_[position] = outcome.good() ? "=" + outcome.output : "";
}

void Recovery::check_uncrashed() {
  const std::string once = at(history_.now());
  if (once.empty()) throw Failure("the recovery fails on what the program left, without a crash");
  outputs_.clear();
  if (at(history_.now()) != once) {
    throw Failure("the recovery prints something else each time: let it print what the files hold");
  }
  for (std::size_t mark = 0; mark <= history_.mark_count(); ++mark) {
    at(history_.window(mark).floor);
  }
}

std::optional<Finding> Recovery::judge(Window window, bool ended) {
  const Outcome outcome = recover();
  if (!outcome.good()) {
    return Finding{Finding::Kind::torn, subject,
                   "the recovery fails: " + first_line(outcome.story())};
  }
  const std::string output = "=" + outcome.output;
  if (ended) {
    if (output == at(history_.now())) return std::nullopt;
    if (is_known(output, window.ceiling)) {
      return Finding{Finding::Kind::rolled_back, subject,
                     "what it held earlier: \"" + first_line(outcome.output) + "\""};
    }
  } else if (is_known(output, window.ceiling)) {
    return std::nullopt;
  }
  return Finding{Finding::Kind::torn, subject,
                 "what no kill leaves behind: \"" + first_line(outcome.output) + "\""};
}

bool Recovery::is_known(const std::string& output, Position until) {
  for (const auto& [position, known] : outputs_) {
    if (position <= until && known == output) return true;
  }
  Position tried = 0;
  for (Position position = until; tried < kills_max; --position, ++tried) {
    if (at(position) == output) return true;
    if (position == 0) break;
  }
  return false;
}

}  // namespace crashlab
