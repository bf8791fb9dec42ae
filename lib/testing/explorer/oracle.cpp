// SPDX-License-Identifier: BSL-1.0
// The oracles that most programs need.
#include <algorithm>
#include <limits>
#include <set>

#include <perdure/testing/oracle.hpp>

#include "testing/simulator/simulation_access.hpp"

namespace perdure::testing::oracles {

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

/// One attempt and its end; positions are those of the history.
struct Attempt {
  const Event* event = nullptr;
  std::size_t begin = 0;
  std::size_t end = never;  // acknowledged, failed, or the crash within it
  bool binding = false;
  bool refused = false;      // failed as `unchanged`
  bool ordered_cut = false;  // power went since it began
};

std::vector<Attempt> attempts_of(const std::vector<Event>& history) {
  std::vector<Attempt> attempts;
  for (std::size_t at = 0; at < history.size(); ++at) {
    const Event& event = history[at];
    switch (event.kind) {
      case Event::Kind::attempt:
        attempts.push_back({.event = &event, .begin = at});
        break;
      case Event::Kind::acknowledged:
        attempts.at(event.attempt).end = at;
        attempts.at(event.attempt).binding = true;
        break;
      case Event::Kind::failed:
        attempts.at(event.attempt).end = at;
        attempts.at(event.attempt).refused = event.fate == Fate::unchanged;
        attempts.at(event.attempt).binding =
            event.fate == Fate::committed || event.fate == Fate::durable;
        break;
      case Event::Kind::kill:
      case Event::Kind::power_cut:
        for (Attempt& attempt : attempts) {
          attempt.end = std::min(attempt.end, at);
          if (event.kind == Event::Kind::kill) continue;
          attempt.ordered_cut = true;
          if (attempt.event->durability != Durability::durable) attempt.binding = false;
        }
        break;
    }
  }
  return attempts;
}

std::set<std::string> targets_of(const std::vector<Event>& history) {
  std::set<std::string> targets;
  for (const Event& event : history) {
    if (event.kind == Event::Kind::attempt) targets.insert(event.target);
  }
  return targets;
}

/// The contents that a target may have.
struct Allowed {
  bool anything = false;
  bool missing_at_first = true;  // no binding attempt: it may never have been there
  std::vector<const Attempt*> attempts;
};

Allowed allowed_for(const std::vector<Attempt>& attempts, const std::string& target,
                    bool superseding) {
  Allowed allowed;
  for (const Attempt& attempt : attempts) {
    if (attempt.event->target != target || attempt.refused) continue;
    const bool superseded =
        superseding && std::ranges::any_of(attempts, [&](const Attempt& by) {
          return by.binding && by.event->target == target && by.begin > attempt.end;
        });
    if (attempt.binding && superseding) allowed.missing_at_first = false;
    if (superseded) continue;
    allowed.attempts.push_back(&attempt);
    allowed.anything |= attempt.event->durability == Durability::none && attempt.ordered_cut;
  }
  return allowed;
}

std::string size_words(const std::optional<std::string>& content) {
  return content ? std::to_string(content->size()) + " bytes" : "missing";
}

/// Words for a target that has none of the allowed contents.
std::string target_fault(Session& session, bool superseding) {
  const auto attempts = attempts_of(session.history());
  for (const std::string& target : targets_of(session.history())) {
    const Allowed allowed = allowed_for(attempts, target, superseding);
    if (allowed.anything) continue;
    const auto content = session.disk().content(target);
    if (!content && allowed.missing_at_first) continue;
    if (std::ranges::any_of(allowed.attempts, [&](const Attempt* attempt) {
          return attempt->event->content == content;
        })) {
      continue;
    }
    // A rename in three steps leaves the target missing in between, and no program can prevent
    // that.
    if (!content && session.preset().split_rename &&
        std::ranges::any_of(allowed.attempts, [](const Attempt* a) { return !a->binding; })) {
      continue;
    }
    std::string words = target + " is " + size_words(content) + "; allowed:";
    for (const Attempt* attempt : allowed.attempts) {
      words += " attempt " + std::to_string(attempt->event->attempt) + " (" +
               size_words(attempt->event->content) + ")";
    }
    return words;
  }
  return {};
}

/// The preparation's part of the history gives a first value, and not an attempt that may be
/// missing. `old_or_new` asks whether the target was ever there for certain.
std::string judge_content(Session& session) {
  const auto attempts = attempts_of(session.history());
  for (const std::string& target : targets_of(session.history())) {
    const Allowed allowed = allowed_for(attempts, target, false);
    if (allowed.anything) continue;
    const auto content = session.disk().content(target);
    const auto matches = [&](const Attempt* attempt) { return attempt->event->content == content; };
    if (std::ranges::any_of(allowed.attempts, matches)) continue;
    const auto first = std::ranges::find_if(
        attempts, [&](const Attempt& attempt) { return attempt.event->target == target; });
    // An acknowledged attempt made the file before any crash, and no attempt removed it.
    if (!content && !(first->binding && first->event->durability == Durability::durable)) continue;
    return target + " is " + size_words(content) + ", which no attempt ever made it";
  }
  return {};
}

}  // namespace

Oracle at_once(Oracle oracle) {
  oracle.before_recovery = true;
  return oracle;
}

Oracle old_or_new() {
  return {"old_or_new", [](Session& session) { return judge_content(session); }};
}

Oracle acknowledged() {
  return {"acknowledged", [](Session& session) { return target_fault(session, true); }};
}

Oracle found(std::string target, std::function<std::optional<std::string>(Session&)> read) {
  std::string name = "found_" + target;
  return {std::move(name),
          [target = std::move(target), read = std::move(read)](Session& session) -> std::string {
            const auto attempts = attempts_of(session.history());
            const Allowed allowed = allowed_for(attempts, target, true);
            if (allowed.anything || !targets_of(session.history()).contains(target)) return {};
            const std::optional<std::string> now = read(session);
            if (!now && allowed.missing_at_first) return {};
            std::string words = "found " + now.value_or("nothing") + "; allowed:";
            for (const Attempt* attempt : allowed.attempts) {
              if (attempt->event->content == now) return {};
              words += " " + attempt->event->content.value_or("nothing");
            }
            return words;
          },
          true};
}

Oracle steps_whole() {
  return {"steps_whole", [](Session& session) -> std::string {
            // A target is missing between two of a rename's three steps.
            if (session.preset().split_rename) return {};
            const auto attempts = attempts_of(session.history());
            const auto targets = targets_of(session.history());
            std::map<std::string, std::optional<std::string>> found;
            for (const std::string& target : targets)
              found[target] = session.disk().content(target);
            std::map<std::string, std::optional<std::string>> state;
            for (const std::string& target : targets) state[target] = std::nullopt;
            std::size_t binding_left = 0;
            for (const Attempt& attempt : attempts) binding_left += attempt.binding ? 1 : 0;
            bool matched = binding_left == 0 && state == found;
            for (std::size_t i = 0; i < attempts.size(); ++i) {
              if (attempts[i].refused) continue;
              state[attempts[i].event->target] = attempts[i].event->content;
              binding_left -= attempts[i].binding ? 1 : 0;
              const bool goes_on = i + 1 < attempts.size() && attempts[i].event->step != 0 &&
                                   attempts[i + 1].event->step == attempts[i].event->step;
              if (!goes_on && binding_left == 0) matched |= state == found;
            }
            if (matched) return {};
            std::string words = "no step left the targets like this:";
            for (const auto& [target, content] : found)
              words += " " + target + " " + size_words(content);
            return words;
          }};
}

Oracle no_litter(std::vector<std::string> allowed) {
  return {"no_litter", [allowed = std::move(allowed)](Session& session) -> std::string {
            std::set<std::string> known = targets_of(session.history());
            known.insert(allowed.begin(), allowed.end());
            for (const std::string& path : session.disk().paths()) {
              // A directory is expected when something below it is, which sorts right behind it.
              const auto next = known.lower_bound(path);
              const bool expected =
                  next != known.end() &&
                  (*next == path || (path.ends_with('/') && next->starts_with(path)));
              if (!expected) return path + " is left behind";
            }
            return {};
          }};
}

Oracle untouched(std::map<std::string, std::string> files) {
  return {"untouched", [files = std::move(files)](Session& session) -> std::string {
            for (const auto& [path, content] : files) {
              if (session.disk().content(path) != content) {
                return path + ", which is nobody's target, was changed";
              }
            }
            return {};
          }};
}

Oracle metadata_kept(std::string target, ExpectedMetadata expected) {
  return {"metadata_kept",
          [target = std::move(target),
           expected = std::move(expected)](Session& session) -> std::string {
            const Tree& tree = SimulationAccess::of(session.disk()).disk.visible;
            const auto slash = target.rfind('/');
            const std::string directory =
                slash == std::string::npos ? "" : target.substr(0, slash + 1);
            for (const auto& [id, inode] : tree.inodes()) {
              if (inode->type != FileType::regular) continue;
              const std::string path = tree.path_of(id);
              if (path == target) {
                if (inode->mode != expected.mode) return target + " has another mode";
                if (inode->owner != expected.owner || inode->group != expected.group) {
                  return target + " has another owner or group";
                }
                std::map<std::string, std::string> xattrs;
                if (inode->xattrs) {
                  for (const Xattr& xattr : *inode->xattrs) {
                    xattrs[xattr.name] = as_text(xattr.value);
                  }
                }
                if (xattrs != expected.xattrs) return target + " has other attributes";
              } else if (path.starts_with(directory) && inode->size() > 0 &&
                         (inode->mode & ~expected.mode & 0777U) != 0) {
                std::string words = path;
                return words.append(" may be read by more users than ").append(target);
              }
            }
            return {};
          }};
}

Oracle recovery_idempotent(Procedure<Session&> recover) {
  return {"recovery_idempotent",
          [recover = std::move(recover)](Session& session) -> std::string {
            const std::uint64_t before = session.disk().fingerprint();
            recover(session);
            return session.disk().fingerprint() == before ? ""
                                                          : "a second recovery changed something";
          },
          true};
}

Oracle still_works(std::function<std::string(Session&)> commit) {
  return {"still_works", std::move(commit), true};
}

Oracle generations(std::string target,
                   std::function<std::optional<std::uint64_t>(const std::string&)> number) {
  return {
      "generations",
      [target = std::move(target), number = std::move(number)](Session& session) -> std::string {
        const auto attempts = attempts_of(session.history());
        std::map<std::uint64_t, std::string> contents;
        std::uint64_t binding = 0;
        std::uint64_t newest = 0;
        for (const Attempt& attempt : attempts) {
          if (attempt.event->target != target || !attempt.event->content) continue;
          const auto generation = number(*attempt.event->content);
          if (!generation) continue;
          const auto [known, is_new] = contents.emplace(*generation, *attempt.event->content);
          if (!is_new && known->second != *attempt.event->content) {
            return "generation " + std::to_string(*generation) + " was given twice";
          }
          newest = std::max(newest, *generation);
          if (attempt.binding) binding = std::max(binding, *generation);
        }
        const auto content = session.disk().content(target);
        const auto found = content ? number(*content) : std::nullopt;
        if (binding == 0 && !found) return {};
        if (!found) return target + " has no generation";
        if (*found < binding || *found > newest) {
          return "generation " + std::to_string(*found) + ", binding was " +
                 std::to_string(binding);
        }
        return {};
      }};
}

Oracle nothing_open() {
  return {"nothing_open", [](Session& session) -> std::string {
            const std::size_t open = session.disk().handles_open();
            return open == 0 ? "" : std::to_string(open) + " handles are left open";
          }};
}

}  // namespace perdure::testing::oracles
