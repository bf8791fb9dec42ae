// SPDX-License-Identifier: BSL-1.0
// Normalises states, so that equal ones are found to be equal.
#include "model/state.hpp"

#include <algorithm>
#include <cstring>

namespace perdure::model {
namespace {

constexpr bool leads_to_file(Name name) {
  return name == Name::x_in_first || name == Name::x_in_second || name == Name::y;
}

/// Calls `visit` with each place that holds a file's id. `seen`: the data of that file counts.
template <class Visit>
void visit_entry(Entry& entry, bool seen, Visit visit) {
  visit(entry.before.file, false);
  visit(entry.staged.file, seen);
}

template <class Visit>
void visit_files(State& state, Visit visit) {
  Disk& disk = state.disk;
  for (std::size_t i = 0; i < name_count; ++i) {
    if (!leads_to_file(static_cast<Name>(i))) continue;
    visit(disk.now[i], true);
    visit(disk.disk[i], true);
  }
  for (Change& change : disk.changes) {
    if (change.is_entry != 0 && change.has_name != 0 && leads_to_file(change.name)) {
      visit(change.value, true);
    }
  }
  for (Journal& journal : disk.journals) visit_entry(journal.entry, true, visit);
  for (Change& change : disk.changes) visit(change.about, false);
  for (Record& record : disk.records) {
    for (Entry& entry : record.entries) visit_entry(entry, false, visit);
  }
  for (Before& staged : state.memory.staged) visit(staged.file, true);
  for (Before& known : state.memory.known) visit(known.file, false);
}

template <class Visit>
void visit_stamps(State& state, Visit visit) {
  const auto visit_entry_stamps = [&](Entry& entry) {
    visit(entry.before.time);
    visit(entry.staged.time);
  };
  for (File& file : state.disk.files) {
    visit(file.time_now);
    visit(file.time_disk);
  }
  for (Record& record : state.disk.records) {
    for (Entry& entry : record.entries) visit_entry_stamps(entry);
  }
  for (Journal& journal : state.disk.journals) visit_entry_stamps(journal.entry);
  for (Before& staged : state.memory.staged) visit(staged.time);
  for (Before& known : state.memory.known) visit(known.time);
}

template <class Visit>
void visit_headers(State& state, Visit visit) {
  for (Cell<Header>& cell : state.disk.headers) {
    if (cell.now.epoch != 0) visit(cell.now);
    if (cell.disk.epoch != 0) visit(cell.disk);
  }
  if (state.memory.up && state.memory.next.epoch != 0) visit(state.memory.next);
}

template <class Visit>
void visit_salts(State& state, Visit visit) {
  visit_headers(state, [&](Header& header) { visit(header.salt); });
  for (auto& segment : state.disk.cells) {
    for (const auto& cell : segment) {
      for (const std::uint8_t at : {cell.now, cell.disk}) {
        if (at == 0) continue;
        visit(state.disk.records[at - 1U].previous);
        visit(state.disk.records[at - 1U].digest);
      }
    }
  }
  visit(state.memory.last);
}

/// Keeps what `is_used` says, in the order of the list, and says where each item is now.
template <class T, std::size_t places, class IsUsed>
std::array<std::uint8_t, 256> keep_used(Row<T, places>& row, IsUsed is_used) {
  std::array<std::uint8_t, 256> moved{};
  Row<T, places> kept;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!is_used(i)) continue;
    moved[i] = static_cast<std::uint8_t>(kept.size());
    kept.push(row[i]);
  }
  row = kept;
  return moved;
}

void forget_records(State& state, bool keep_stale) {
  Disk& disk = state.disk;
  std::array<bool, 256> epochs{};
  visit_headers(state, [&](const Header& header) { epochs[header.epoch] = true; });
  epochs[state.memory.epoch] = true;
  // Nothing reads a record of an epoch that no header has, and no header is ever written for it:
  // the one that it had was durable first (L2), and epochs only grow.
  const auto is_stale = [&](std::uint8_t at) {
    return !keep_stale && at != 0 && !epochs[disk.records[at - 1U].epoch];
  };
  std::array<std::uint8_t, 256> order{};
  std::uint8_t count = 0;
  for (auto& segment : disk.cells) {
    for (auto& cell : segment) {
      if (is_stale(cell.now)) cell.now = 0;
      if (is_stale(cell.disk)) cell.disk = 0;
      if (cell.now == cell.disk) cell.dirty = false;
      for (const std::uint8_t at : {cell.now, cell.disk}) {
        if (at != 0 && order[at] == 0) order[at] = ++count;
      }
    }
  }
  std::array<Record, 256> sorted{};
  for (std::size_t at = 1; at <= disk.records.size(); ++at) {
    if (order[at] != 0) sorted[order[at]] = disk.records[at - 1];
  }
  disk.records.clear();
  for (std::size_t at = 1; at <= count; ++at) disk.records.push(sorted[at]);
  for (auto& segment : disk.cells) {
    for (auto& cell : segment) {
      cell.now = order[cell.now];
      cell.disk = order[cell.disk];
    }
  }
  for (auto& cell : disk.headers) {
    if (cell.now == cell.disk) cell.dirty = false;
  }
}

void forget_journals(State& state) {
  Disk& disk = state.disk;
  std::array<bool, 256> used{};
  const auto j = static_cast<std::size_t>(Name::j);
  used[disk.now[j]] = used[disk.disk[j]] = used[journal_of_log] = true;
  for (const Change& change : disk.changes) {
    if (change.is_entry != 0 && change.has_name != 0 && change.name == Name::j) {
      used[change.value] = true;
    }
  }
  const auto moved = keep_used(disk.journals, [&](std::size_t i) { return used[i + 1]; });
  const auto renamed = [&](std::uint8_t& value) {
    if (value != 0) value = static_cast<std::uint8_t>(moved[value - 1U] + 1);
  };
  renamed(disk.now[j]);
  renamed(disk.disk[j]);
  for (Change& change : disk.changes) {
    if (change.is_entry != 0 && change.has_name != 0 && change.name == Name::j) {
      renamed(change.value);
    }
  }
}

/// A change that has nothing before it and no name of its own, and the awaited data of a file that
/// nothing leads to, make no difference.
void forget_changes(State& state) {
  Row<Change, 32>& changes = state.disk.changes;
  std::array<bool, 256> seen{};
  visit_files(state, [&](std::uint8_t& file, bool counts) { seen[file] = seen[file] || counts; });
  for (std::size_t i = 0; i < changes.size();) {
    const Change& change = changes[i];
    const bool awaits_nothing = change.is_entry == 0 && !seen[change.about];
    const bool leads_nowhere = i == 0 && change.is_entry != 0 && change.has_name == 0;
    if (awaits_nothing || leads_nowhere) {
      changes.erase(i);
    } else {
      ++i;
    }
  }
}

void renumber_files(State& state) {
  std::array<std::uint8_t, 256> order{};
  std::array<bool, 256> seen{};
  std::uint8_t count = 0;
  visit_files(state, [&](std::uint8_t& file, bool counts) {
    if (file == 0) return;
    if (order[file] == 0) order[file] = ++count;
    seen[file] = seen[file] || counts;
  });
  Row<File, 44> sorted;
  std::array<std::uint8_t, 256> from{};
  for (std::size_t file = 1; file < state.disk.files.size(); ++file)
    from[order[file]] = static_cast<std::uint8_t>(file);
  sorted.push({});
  for (std::size_t at = 1; at <= count; ++at) {
    sorted.push(seen[from[at]] ? state.disk.files[from[at]] : File{});
  }
  state.disk.files = sorted;
  visit_files(state, [&](std::uint8_t& file, bool) { file = order[file]; });
}

void renumber_stamps(State& state) {
  std::array<bool, 256> used{};
  visit_stamps(state, [&](const Stamp& stamp) { used[stamp] = true; });
  std::array<std::uint8_t, 256> rank{};
  std::uint8_t count = 0;
  for (std::size_t stamp = 1; stamp < used.size(); ++stamp) {
    if (used[stamp]) rank[stamp] = ++count;
  }
  visit_stamps(state, [&](Stamp& stamp) { stamp = rank[stamp]; });
  state.disk.clock = count;
}

void renumber_salts(State& state) {
  // A record may be visited twice: the map is made first, then used once for each place.
  std::array<std::uint8_t, 256> order{};
  std::uint8_t count = 0;
  visit_salts(state, [&](const Salt& salt) {
    if (salt != 0 && order[salt] == 0) order[salt] = ++count;
  });
  visit_headers(state, [&](Header& header) { header.salt = order[header.salt]; });
  for (Record& record : state.disk.records) {
    record.previous = order[record.previous];
    record.digest = order[record.digest];
  }
  state.memory.last = order[state.memory.last];
  state.disk.salts = count;
}

void shift(Number& number, Number by) {
  if (number != 0) number = static_cast<Number>(number - by);
}

void renumber_records(State& state) {
  Number least_number = 255;
  Number least_epoch = 255;
  const auto look = [](Number& least, Number number) {
    if (number != 0) least = std::min(least, number);
  };
  Memory& memory = state.memory;
  visit_headers(state, [&](const Header& header) {
    look(least_number, header.live_number);
    look(least_epoch, header.epoch);
    look(least_epoch, header.live_from);
  });
  for (const Record& record : state.disk.records) {
    look(least_number, record.number);
    look(least_number, record.durable_before);
    look(least_epoch, record.epoch);
  }
  if (memory.up) {
    look(least_number, memory.next_number);
    look(least_number, memory.durable_before);
    look(least_epoch, memory.epoch);
  }
  if (least_number == 255) return;
  const auto numbers = static_cast<Number>(least_number - 1);
  // An epoch's place in the file comes round after four.
  const auto epochs = static_cast<Number>(least_epoch == 255 ? 0 : (least_epoch - 1) / 4 * 4);
  visit_headers(state, [&](Header& header) {
    shift(header.live_number, numbers);
    shift(header.epoch, epochs);
    shift(header.live_from, epochs);
  });
  for (Record& record : state.disk.records) {
    shift(record.number, numbers);
    shift(record.durable_before, numbers);
    shift(record.epoch, epochs);
  }
  if (!memory.up) return;
  shift(memory.next_number, numbers);
  shift(memory.durable_before, numbers);
  shift(memory.epoch, epochs);
}

template <class Visit>
void visit_contents(State& state, Visit visit) {
  for (Content& content : state.history.tree) visit(content);
  for (auto& contents : state.history.own) {
    for (Content& content : contents) visit(content);
  }
  for (Promise& promise : state.history.promises) {
    for (Content& content : promise.content) visit(content);
  }
  for (File& file : state.disk.files) {
    visit(file.now);
    visit(file.disk);
  }
  for (Record& record : state.disk.records) {
    for (Entry& entry : record.entries) visit(entry.content);
  }
  for (Journal& journal : state.disk.journals) visit(journal.entry.content);
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29U);
}

}  // namespace

Name name_of(const Disk& disk, Path path) {
  if (path == Path::y) return Name::y;
  const bool replaced = disk.now[static_cast<std::size_t>(Name::d)] == second;
  return replaced ? Name::x_in_second : Name::x_in_first;
}

std::uint8_t directory_of(const Disk& disk, Path path) {
  if (path == Path::y) return top;
  return disk.now[static_cast<std::size_t>(Name::d)];
}

Tree tree_of(const Disk& disk) {
  Tree tree{};
  for (const Path path : both_paths) {
    const FileId file = disk.now[static_cast<std::size_t>(name_of(disk, path))];
    tree[index_of(path)] = file == 0 ? absent : disk.files[file].now;
  }
  return tree;
}

Tree read_tree(const State& state) {
  Tree tree = tree_of(state.disk);
  for (std::size_t i = 0; i < path_count; ++i) {
    if ((state.memory.left >> i & 1U) == 0) continue;
    const FileId file = state.memory.staged[i].file;
    tree[i] = file == 0 ? absent : state.disk.files[file].now;
  }
  return tree;
}

void normalise(State& state, bool keep_stale) {
  forget_records(state, keep_stale);
  forget_journals(state);
  forget_changes(state);
  renumber_files(state);
  renumber_stamps(state);
  renumber_salts(state);
  renumber_records(state);
}

Key key_of(const State& state) {
  State named = state;
  std::array<std::uint8_t, 256> order{};
  std::uint8_t count = absent;
  visit_contents(named, [&](Content& content) {
    if (content <= absent) return;
    if (order[content] == 0) order[content] = ++count;
    content = order[content];
  });
  named.commits = named.foreigners = 0;
  Key key{0x243f6a8885a308d3U, 0x13198a2e03707344U};
  std::array<unsigned char, sizeof(State) + 8> bytes{};
  std::memcpy(bytes.data(), &named, sizeof(State));
  for (std::size_t at = 0; at < sizeof(State); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    key.high = mixed(key.high, word);
    key.low = mixed(key.low, word + at);
  }
  return key;
}

}  // namespace perdure::model
