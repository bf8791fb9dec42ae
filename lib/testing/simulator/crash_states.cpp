// SPDX-License-Identifier: BSL-1.0
// Enumerates the sets of pending changes that a power cut may leave.
#include "testing/simulator/crash_states.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "testing/simulator/in_memory.hpp"
#include "testing/simulator/tears.hpp"

namespace perdure::testing {

namespace {

using Set = std::vector<bool>;  // by position among the free changes: whether it survived

bool takes_names_from(const Change& change, InodeId directory) {
  return change.kind == Change::Kind::entry &&
         std::ranges::any_of(change.effects, [&](const Effect& effect) {
           return effect.directory == directory && effect.child == no_inode;
         });
}

bool removes_directory(const Change& change) {
  return change.kind == Change::Kind::entry && !change.born &&
         std::ranges::all_of(change.effects,
                             [](const Effect& effect) { return effect.child == no_inode; });
}

/// Whether content with a place in the order did not survive there intact. Until a later change
/// survives, it may be torn like any other content.
bool is_overtaken(const Pending& pending, const std::vector<std::uint64_t>& lost) {
  return pending.awaited && !pending.durable &&
         std::ranges::find(lost, pending.change->number) != lost.end();
}

bool is_durable_write(const Pending& pending) {
  return pending.durable && pending.change->kind == Change::Kind::write;
}

class Explorer {
 public:
  Explorer(const Disk& disk, const Bounds& bounds,
           const std::function<bool(Disk&&, const Choice&)>& visit)
      : disk_(disk), bounds_(bounds), visit_(visit) {
    for (std::size_t i = 0; i < disk.log.size(); ++i) {
      if (!disk.log[i].durable && !disk.log[i].is_torn(*disk.preset)) free_.push_back(i);
    }
    needs_.resize(free_.size());
    for (std::size_t i = 0; i < free_.size(); ++i) find_needs(i);
  }

  void all() {
    if (free_.size() <= bounds_.pending_max && count(0, Set(free_.size()), 0) <= bounds_.sets_max) {
      std::vector<std::uint64_t> lost;
      walk(0, Tree(disk_.base), Set(free_.size()), lost);
    } else {
      sampled();
    }
  }

  [[nodiscard]] bool allows(const Choice& choice) const {
    Set set(free_.size());
    for (std::size_t i = 0; i < free_.size(); ++i) {
      set[i] = std::ranges::find(choice.lost, change(i).number) == choice.lost.end();
      if (set[i] && !may_survive(i, set)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] const Change& change(std::size_t i) const { return *disk_.log[free_[i]].change; }

  void find_needs(std::size_t i) {
    const Pending& pending = disk_.log[free_[i]];
    const auto reuse = disk_.reuse_of(*pending.change);
    for (std::size_t j = 0; j < i; ++j) {
      const bool ordered = disk_.preset->ordered && !pending.loose;
      const bool emptied =
          removes_directory(*pending.change) && takes_names_from(change(j), pending.change->inode);
      const bool freed = reuse && disk_.frees_number(free_[j], *reuse);
      if (ordered || emptied || freed) needs_[i].push_back(j);
    }
  }

  [[nodiscard]] bool may_survive(std::size_t i, const Set& set) const {
    return std::ranges::all_of(needs_[i], [&](std::size_t need) { return set[need]; });
  }

  /// How many down-closed sets there are, or somewhat more than `sets_max`.
  std::size_t count(std::size_t i, Set set, std::size_t found) const {
    if (found > bounds_.sets_max) return found;
    if (i == free_.size()) return found + 1;
    if (may_survive(i, set)) {
      set[i] = true;
      found = count(i + 1, set, found);
      set[i] = false;
    }
    return count(i + 1, set, found);
  }

  /// Goes through the log: durable changes happen, free ones happen or not.
  void walk(std::size_t at, Tree tree, Set set, std::vector<std::uint64_t>& lost) {
    std::size_t next = 0;
    while (next < free_.size() && free_[next] < at) ++next;
    for (; at < disk_.log.size(); ++at) {
      const Pending& pending = disk_.log[at];
      if (next == free_.size() || free_[next] != at) {
        if (pending.durable) apply(tree, *pending.change, disk_.log);
        continue;
      }
      if (may_survive(next, set)) {
        Tree with = tree.fork();
        apply(with, *pending.change, disk_.log);
        set[next] = true;
        walk(at + 1, std::move(with), set, lost);
        if (stopped_) return;
        set[next] = false;
      }
      lost.push_back(pending.change->number);
      walk(at + 1, std::move(tree), set, lost);
      lost.pop_back();
      return;
    }
    finish(std::move(tree), lost);
  }

  void visit_set(const Set& set) {
    if (stopped_) return;
    Tree tree(disk_.base);
    std::vector<std::uint64_t> lost;
    std::size_t next = 0;
    for (std::size_t at = 0; at < disk_.log.size(); ++at) {
      const bool is_free = next < free_.size() && free_[next] == at;
      const bool survives = is_free ? set[next] : disk_.log[at].durable;
      if (survives) apply(tree, *disk_.log[at].change, disk_.log);
      if (is_free && !survives) lost.push_back(disk_.log[at].change->number);
      if (is_free) ++next;
    }
    finish(std::move(tree), lost);
  }

  /// Takes out the changes that can't survive without a missing one.
  [[nodiscard]] Set closed(Set set) const {
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (set[i] && !may_survive(i, set)) set[i] = false;
    }
    return set;
  }

  void sampled() {
    const std::size_t n = free_.size();
    for (std::size_t length = n + 1; length-- > 0;) {  // prefixes
      Set set(n);
      std::fill_n(set.begin(), length, true);
      visit_set(closed(std::move(set)));
    }
    const auto dropping = [&](std::size_t i, std::size_t j) {
      Set set(n, true);
      set[i] = set[j] = false;
      visit_set(closed(std::move(set)));
    };
    for (std::size_t i = 0; i < n; ++i) dropping(i, i);
    for (std::size_t i = 0; i < n && n <= 64; ++i) {
      for (std::size_t j = i + 1; j < n; ++j) dropping(i, j);
    }
    for (std::size_t i = 0; i < n; ++i) {  // keep one, and what it needs
      Set set(n);
      set[i] = true;
      for (const std::size_t need : needs_[i]) set[need] = true;
      visit_set(closed(std::move(set)));
    }
    std::uint64_t random = mix(bounds_.seed, disk_.next_change);
    for (std::size_t sample = 0; sample < bounds_.samples; ++sample) {
      Set set(n);
      for (std::size_t i = 0; i < n; ++i) {
        random = mix(random, i);
        set[i] = (random & 3U) != 0;
      }
      visit_set(closed(std::move(set)));
    }
  }

  /// The names are decided; now the content of each file that was not synced.
  void finish(Tree tree, const std::vector<std::uint64_t>& lost) {
    tree.drop_unreachable();
    std::vector<const std::vector<Torn>*> files;
    for (const auto& [id, inode] : tree.inodes()) {
      if (inode->type != FileType::regular) continue;
      if (const auto* tears = tears_of(id, *inode, lost)) files.push_back(tears);
    }
    std::vector<std::size_t> picks(files.size(), 0);
    std::size_t product = 1;
    for (const auto* tears : files)
      product = std::min(product * tears->size(), bounds_.pairs_max + 1);
    if (product <= bounds_.pairs_max) {
      do emit(tree, files, picks, lost);
      while (!stopped_ && advance(files, picks));
      return;
    }
    emit(tree, files, picks, lost);
    for (std::size_t file = 0; file < files.size(); ++file) {  // one torn, the others intact
      for (picks[file] = 1; picks[file] < files[file]->size(); ++picks[file]) {
        emit(tree, files, picks, lost);
      }
      picks[file] = 0;
    }
    std::uint64_t random = mix(bounds_.seed, lost.size());
    for (std::size_t sample = 0; sample < bounds_.pairs_max / 2; ++sample) {
      for (std::size_t file = 0; file < files.size(); ++file) {
        random = mix(random, file);
        picks[file] = in_memory(random % files[file]->size());
      }
      emit(tree, files, picks, lost);
    }
  }

  static bool advance(const std::vector<const std::vector<Torn>*>& files,
                      std::vector<std::size_t>& picks) {
    for (std::size_t file = 0; file < files.size(); ++file) {
      if (++picks[file] < files[file]->size()) return true;
      picks[file] = 0;
    }
    return false;
  }

  void emit(const Tree& tree, const std::vector<const std::vector<Torn>*>& files,
            const std::vector<std::size_t>& picks, const std::vector<std::uint64_t>& lost) {
    if (stopped_) return;
    Choice choice{lost, {}};
    Tree visible(tree);
    for (std::size_t file = 0; file < files.size(); ++file) {
      const Torn& torn = (*files[file])[picks[file]];
      visible.set_data(torn.tear.inode, torn.blob);
      if (keeps_time(*disk_.preset, picks[file] == 0)) {
        visible.edit(torn.tear.inode).mtime_ns = torn.mtime_ns;
      }
      if (picks[file] != 0) choice.tears.push_back(torn.tear);
    }
    stopped_ = !visit_(disk_.after_crash(std::move(visible)), choice);
  }

  /// The ways in which this file can be found, first the one without a tear; nullptr if its content
  /// is decided.
  const std::vector<Torn>* tears_of(InodeId id, const Inode& inode,
                                    const std::vector<std::uint64_t>& lost) {
    const auto concerns = [&](const Pending& pending) {
      return !pending.durable && pending.change->inode == id;
    };
    const bool overtaken = std::ranges::any_of(disk_.log, [&](const Pending& pending) {
      return concerns(pending) && is_overtaken(pending, lost);
    });
    const Buffer& durable = inode.data->bytes;
    const std::uint64_t key = mix(mix(id, inode.data->hash()), overtaken ? 1 : 0);
    if (const auto known = tears_.find(key); known != tears_.end()) {
      return known->second.empty() ? nullptr : &known->second;
    }
    Buffer fresh = durable;
    Buffer plain = durable;
    std::int64_t mtime_ns = inode.mtime_ns;
    std::vector<Extent> written;
    for (const Pending& pending : disk_.log) {
      const Change& change = *pending.change;
      // Durable content over an older write whose sync failed: the older write can't come back.
      if (is_durable_write(pending) && change.inode == id) {
        write(fresh, change);
        write(plain, change);
      }
      const bool is_torn = pending.is_torn(*disk_.preset);
      if (!concerns(pending) || !(is_torn || is_overtaken(pending, lost))) continue;
      write(fresh, change);
      if (is_torn) write(plain, change);
      mtime_ns = std::max(mtime_ns, change.time_ns);
      written.push_back({change.offset, change.offset + change.bytes.size()});
    }
    std::vector<Torn>& tears = tears_[key];
    if (written.empty()) return nullptr;
    tears = all_tears(*disk_.preset, id, durable, fresh, written, bounds_);
    if (overtaken) {
      Torn first{{}, std::make_shared<Blob>()};
      first.blob->bytes = std::move(plain);
      tears.insert(tears.begin(), std::move(first));
    }
    for (Torn& torn : tears) torn.mtime_ns = mtime_ns;
    return &tears;
  }

  static void write(Buffer& content, const Change& change) {
    const std::uint64_t end = change.offset + change.bytes.size();
    if (content.size() < end) content.resize(in_memory(end));
    std::ranges::copy(change.bytes, content.begin() + static_cast<std::ptrdiff_t>(change.offset));
  }

  const Disk& disk_;
  const Bounds& bounds_;
  const std::function<bool(Disk&&, const Choice&)>& visit_;
  std::vector<std::size_t> free_;                // positions in the log
  std::vector<std::vector<std::size_t>> needs_;  // by position in free_
  std::unordered_map<std::uint64_t, std::vector<Torn>> tears_;
  bool stopped_ = false;
};

}  // namespace

void for_each_crash_state(const Disk& disk, const Bounds& bounds,
                          const std::function<bool(Disk&&, const Choice&)>& visit) {
  Explorer(disk, bounds, visit).all();
}

Disk crash_state(const Disk& disk, const Choice& choice) {
  const auto survives = [&](const Pending& pending) {
    return pending.durable ||
           std::ranges::find(choice.lost, pending.change->number) == choice.lost.end();
  };
  const auto is_torn = [&](const Pending& pending) {
    return !pending.durable && pending.is_torn(*disk.preset);
  };
  Tree tree(disk.base);
  for (const Pending& pending : disk.log) {
    if (survives(pending) && !is_torn(pending)) apply(tree, *pending.change, disk.log);
  }
  tree.drop_unreachable();
  Tree survived = tree;
  for (const Pending& pending : disk.log) {
    const InodeId inode = pending.change->inode;
    const bool has_tear =
        std::ranges::find(choice.tears, inode, &Tear::inode) != choice.tears.end();
    const bool is_there = is_durable_write(pending) || (is_torn(pending) && survives(pending)) ||
                          (has_tear && is_overtaken(pending, choice.lost));
    if (is_there && tree.contains(inode)) apply(survived, *pending.change, disk.log);
  }
  for (const Tear& tear : choice.tears) {
    if (!tree.contains(tear.inode)) continue;
    survived.set_data(tear.inode, torn_content(tear, tree.find(tear.inode)->data->bytes,
                                               survived.find(tear.inode)->data->bytes));
    if (!keeps_time(*disk.preset, false)) {
      survived.edit(tear.inode).mtime_ns = tree.find(tear.inode)->mtime_ns;
    }
  }
  return disk.after_crash(std::move(survived));
}

bool is_possible(const Disk& disk, const Choice& choice, const Bounds& bounds) {
  const std::function<bool(Disk&&, const Choice&)> none;
  return Explorer(disk, bounds, none).allows(choice);
}

}  // namespace perdure::testing
