// SPDX-License-Identifier: BSL-1.0
// Keeps what the cache has and what the disk has apart.
#include "model/disk.hpp"

namespace perdure::model {
namespace {

std::uint8_t& at(Names& names, Name name) {
  return names[static_cast<std::size_t>(name)];
}

void bring_data(File& file) {
  if (!file.lost) file.disk = file.now;
  file.time_disk = file.time_now;
}

/// One change reaches the disk.
void bring(Disk& disk, const Change& change) {
  if (change.is_entry == 0) {
    bring_data(disk.files[change.about]);
  } else if (change.has_name != 0) {
    at(disk.disk, change.name) = change.value;
  }
}

/// One change overtakes the others; earlier ones of its name are over. Returns the place of the
/// next.
std::size_t bring_alone(Disk& disk, std::size_t place) {
  const Change change = disk.changes[place];
  bring(disk, change);
  disk.changes.erase(place);
  if (change.has_name == 0) return place;
  for (std::size_t i = place; i-- > 0;) {
    if (disk.changes[i].has_name == 0 || disk.changes[i].name != change.name) continue;
    disk.changes.erase(i);
    --place;
  }
  return place;
}

/// In an order: all up to the last one that is asked for. Otherwise those alone.
template <class IsWanted>
void bring_changes(Disk& disk, Kind kind, IsWanted is_wanted) {
  if (kind == Kind::ordered) {
    std::size_t end = disk.changes.size();
    while (end > 0 && !is_wanted(disk.changes[end - 1])) --end;
    for (std::size_t i = 0; i < end; ++i) bring(disk, disk.changes[i]);
    disk.changes.erase_first(end);
    return;
  }
  for (std::size_t i = 0; i < disk.changes.size();) {
    if (is_wanted(disk.changes[i])) {
      i = bring_alone(disk, i);
    } else {
      ++i;
    }
  }
}

/// Calls `visit` with each place of the log whose disk does not have what the cache has, until it
/// says that it is done.
template <class Visit>
void visit_dirty(Disk& disk, Visit visit) {
  for (auto& cell : disk.headers) {
    if (cell.dirty && cell.now != cell.disk && visit(cell)) return;
  }
  for (auto& segment : disk.cells) {
    for (auto& cell : segment) {
      if (cell.dirty && cell.now != cell.disk && visit(cell)) return;
    }
  }
}

}  // namespace

FileId make_file(Disk& disk, Kind kind, Content content) {
  File file{.now = content, .disk = damaged};
  file.time_disk = ++disk.clock;  // when it was made
  file.time_now = ++disk.clock;   // when it was written
  // The order of the changes brings the time before any name.
  if (kind == Kind::ordered) file.time_disk = file.time_now;
  disk.files.push(file);
  return static_cast<FileId>(disk.files.size() - 1);
}

void change_name(Disk& disk, Name name, std::uint8_t value, FileId about,
                 std::uint8_t directories) {
  at(disk.now, name) = value;
  disk.changes.push({.is_entry = 1,
                     .has_name = 1,
                     .name = name,
                     .value = value,
                     .directories = directories,
                     .about = about});
}

void change_own(Disk& disk) {
  disk.changes.push({.is_entry = 1, .has_name = 0, .directories = own});
}

void write_in_place(Disk& disk, Kind kind, Path path, Content content) {
  const Name name = name_of(disk, path);
  const FileId id = at(disk.now, name);
  File& file = disk.files[id];
  file.now = content;
  file.lost = false;
  file.time_now = ++disk.clock;
  sync_file(disk, kind, id);
  sync_name(disk, kind, name);
}

void await_data(Disk& disk, Kind kind, FileId file) {
  if (kind == Kind::ordered) disk.changes.push({.is_entry = 0, .about = file});
}

void sync_file(Disk& disk, Kind kind, FileId file) {
  if (kind == Kind::ordered) {
    bring_changes(disk, kind, [&](const Change& change) { return change.about == file; });
  }
  bring_data(disk.files[file]);
}

void sync_directory(Disk& disk, Kind kind, std::uint8_t directories) {
  bring_changes(disk, kind,
                [&](const Change& change) { return (change.directories & directories) != 0; });
}

void sync_file_system(Disk& disk) {
  for (const Change& change : disk.changes) bring(disk, change);
  disk.changes.clear();
  for (File& file : disk.files) bring_data(file);
}

void sync_name(Disk& disk, Kind kind, Name name) {
  bring_changes(disk, kind, [&](const Change& change) {
    return change.is_entry != 0 && change.has_name != 0 && change.name == name;
  });
}

void sync_log(Disk& disk) {
  const auto bring_cell = [](auto& cell) {
    if (cell.dirty) cell.disk = cell.now;
    cell.dirty = false;
  };
  for (auto& cell : disk.headers) bring_cell(cell);
  for (auto& segment : disk.cells) {
    for (auto& cell : segment) bring_cell(cell);
  }
}

std::size_t dirty_cells(const Disk& disk) {
  std::size_t count = 0;
  visit_dirty(const_cast<Disk&>(disk), [&](auto&) {  // NOLINT: it changes nothing
    ++count;
    return false;
  });
  return count;
}

void settle_first_cell(Disk& disk, int fate) {
  visit_dirty(disk, [&](auto& cell) {
    if (fate == 1) cell.disk = cell.now;
    if (fate == 2) cell.disk = {};
    cell.dirty = false;
    return true;
  });
}

void lose_cached_cells(Disk& disk) {
  const auto lose = [](auto& cell) {
    cell.now = cell.disk;
    cell.dirty = false;
  };
  for (auto& cell : disk.headers) lose(cell);
  for (auto& segment : disk.cells) {
    for (auto& cell : segment) lose(cell);
  }
}

bool is_unsynced(const File& file) {
  return file.disk != file.now && !file.lost;
}

void survive_prefix(Disk& disk, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bring(disk, disk.changes[i]);
}

void survive_value(Disk& disk, Name name, std::uint8_t value) {
  at(disk.disk, name) = value;
}

}  // namespace perdure::model
