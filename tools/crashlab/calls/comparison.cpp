// SPDX-License-Identifier: BSL-1.0
// Looks at states, and asks the preset.
#include "calls/comparison.hpp"

#include <algorithm>
#include <system_error>

#include <perdure/system/native.hpp>

#include "calls/player.hpp"
#include "calls/tree.hpp"
#include "host/posix.hpp"

namespace crashlab::calls {
namespace {

std::uint64_t count(const Outcomes& outcomes) {
  std::uint64_t sum = 0;
  for (const auto& words : outcomes) sum += words.size();
  return sum;
}

/// The last acknowledgement: its script, and how many notes that had made.
struct Place {
  std::size_t script = 0;
  std::size_t notes = 0;
};

std::optional<Place> place_of(const std::string& acked) {
  const std::size_t end = acked.find_last_not_of('\n');
  if (end == std::string::npos) return std::nullopt;
  const std::size_t line_end = acked.rfind('\n', end);
  const std::string line = acked.substr(line_end == std::string::npos ? 0 : line_end + 1);
  unsigned long script = 0;
  unsigned long notes = 0;
  if (std::sscanf(line.c_str(), "%lu %lu", &script, &notes) != 2) return std::nullopt;  // refused
  return Place{script, notes};
}

}  // namespace

void Tally::add(const Tally& other) {
  scripts += other.scripts;
  recordings += other.recordings;
  states += other.states;
  seconds_exploring += other.seconds_exploring;
  outcomes_seen += other.outcomes_seen;
  outcomes_allowed += other.outcomes_allowed;
  refused.insert(other.refused.begin(), other.refused.end());
  differences.insert(differences.end(), other.differences.begin(), other.differences.end());
}

std::string Comparison::judge(const std::string& script, std::size_t notes,
                              const std::string& outcome) {
  const auto [at, is_new] = scripts_.try_emplace(script);
  Known& known = at->second;
  if (is_new) {
    known.allowed = allowed(script_named(script), rules_);
    known.seen.resize(known.allowed.size());
  }
  if (notes >= known.allowed.size()) throw Failure(script + ": the simulator made fewer notes");
  if (!known.seen[notes].insert(outcome).second) return {};
  if (known.allowed[notes].contains(outcome)) return {};
  return "\"" + script + "\", " + std::to_string(notes) +
         " calls returned: " + (outcome.empty() ? "nothing" : outcome) + " is left, which " +
         (rules_.crash == Crash::kill ? "a kill" : std::string(rules_.preset->name)) +
         " does not allow";
}

Tally Comparison::tally() const {
  Tally sum = tally_;
  sum.scripts = scripts_.size();
  for (const auto& [script, known] : scripts_) {
    sum.outcomes_seen += count(known.seen);
    sum.outcomes_allowed += count(known.allowed);
  }
  return sum;
}

/// Equal disks show equal trees: one that was seen after an earlier note is not mounted again.
class Onlooker::AtStates : public Checker {
 public:
  AtStates(Onlooker& onlooker, std::string acked) : onlooker_(onlooker), acked_(std::move(acked)) {}

  std::optional<Verdict> recall(const ImageHash& hash) override {
    place_ = place_of(read_file(acked_));
    if (!place_) return Verdict{true, ""};
    hash_ = hash;
    if (seen_script_ != place_->script) seen_.clear();
    seen_script_ = place_->script;
    const auto known = seen_.find(hash);
    if (known == seen_.end()) return std::nullopt;
    return verdict(known->second);
  }

  Verdict check() override {
    const std::string path = tree_of(onlooker_.directory_, place_->script);
    std::string words;
    perdure::FileSystem& files = perdure::native_file_system();
    const auto root = files.open_directory(perdure::Handle::working_directory, path);
    if (root) {
      const perdure::OwnedHandle owned(files, root.value());
      words = look(files, owned.get());
    } else {
      words = "no tree (" + root.error().message() + ")";
    }
    seen_[hash_] = words;
    return verdict(words);
  }

 private:
  Verdict verdict(const std::string& words) {
    const std::string wrong =
        onlooker_.comparison_.judge(onlooker_.names_[place_->script], place_->notes, words);
    return {wrong.empty(), wrong};
  }

  Onlooker& onlooker_;
  std::string acked_;
  std::optional<Place> place_;
  ImageHash hash_;
  std::size_t seen_script_ = 0;
  std::map<ImageHash, std::string> seen_;
};

std::unique_ptr<Checker> Onlooker::checker(const std::string& acked, Tick /*tick*/) {
  return std::make_unique<AtStates>(*this, acked);
}

int Onlooker::report(const Findings& findings) {
  Tally& sums = comparison_.sums();
  ++sums.recordings;
  sums.states += findings.summary.states;
  sums.seconds_exploring += findings.summary.seconds;
  const std::string refused = " refused: ";
  for (const Ack& ack : findings.recording.acks) {
    const std::size_t at = ack.text.find(refused);
    if (at == std::string::npos) continue;
    sums.refused[names_[std::stoul(ack.text)]] = ack.text.substr(at + refused.size());
  }
  for (const Violation& violation : findings.kept) {
    Difference found{"", noise_, violation.reason, violation.id};
    const std::vector<Ack>& acks = findings.recording.acks;
    const std::size_t last = violation.ack_count;
    if (last > 0) found.script = names_[std::stoul(acks[last - 1].text)];
    sums.differences.push_back(std::move(found));
  }
  for (std::uint64_t more = findings.kept.size(); more < findings.summary.violation_count();
       ++more) {
    sums.differences.push_back({"", noise_, "one more, beyond --keep-max", ""});
  }
  return findings.summary.cut == "interrupted" ? 2 : 0;
}

}  // namespace crashlab::calls
