// SPDX-License-Identifier: BSL-1.0
// The file system of the model: what a call changes, what a sync brings to the disk, and what a
// failed one and a power cut leave.
//
// Two kinds. `ordered` is a journal like that of ext4 and xfs: names reach the disk in the order of
// the calls, awaited data takes its place in it, and a sync brings all before the last change that
// it is asked for. `unordered` gives what a manual page promises: names that no sync covers survive
// in any combination. In both a rename is one step, and data that was not synced is damaged or
// there.
#pragma once

#include "model/state.hpp"

namespace perdure::model {

enum class Kind : std::uint8_t { ordered, unordered };

/// A new file with this content, in the cache alone.
FileId make_file(Disk& disk, Kind kind, Content content);
/// From now on the name leads to `value`. `about`: the file that it led or leads to.
/// `directories`: those that the change is one of.
void change_name(Disk& disk, Name name, std::uint8_t value, FileId about, std::uint8_t directories);
/// A change of a directory of ours that no reader of the two paths sees.
void change_own(Disk& disk);
/// The content of a file, written in place and synced by another program.
void write_in_place(Disk& disk, Kind kind, Path path, Content content);

void await_data(Disk& disk, Kind kind, FileId file);
void sync_file(Disk& disk, Kind kind, FileId file);
/// `directories`: one or more bits.
void sync_directory(Disk& disk, Kind kind, std::uint8_t directories);
void sync_file_system(Disk& disk);
/// fdatasync of the log.
void sync_log(Disk& disk);
/// Another program syncs this name. Without an order nothing else reaches the disk by that.
void sync_name(Disk& disk, Kind kind, Name name);

/// How many places of the log there are whose disk does not have what the cache has.
std::size_t dirty_cells(const Disk& disk);
/// A crash, or a failed flush, leaves of such a place: 0: the old; 1: the new; 2: nothing whole.
inline constexpr int fates_of_cell = 3;
void settle_first_cell(Disk& disk, int fate);
/// The cache is gone.
void lose_cached_cells(Disk& disk);

/// Whether the disk does not have the data of the file.
[[nodiscard]] bool is_unsynced(const File& file);

/// Leaves of `disk` what the choices say, and forgets the rest. `Choose(count)` returns a number
/// below `count`.
template <class Choose>
void cut_power(Disk& disk, Kind kind, Choose choose);

/// So many changes, in the order of the calls, survive; or of a name this one.
void survive_prefix(Disk& disk, std::size_t count);
void survive_value(Disk& disk, Name name, std::uint8_t value);

template <class Choose>
void cut_power(Disk& disk, Kind kind, Choose choose) {
  if (kind == Kind::ordered) {
    survive_prefix(disk,
                   static_cast<std::size_t>(choose(static_cast<int>(disk.changes.size()) + 1)));
  } else {
    for (std::size_t i = 0; i < name_count; ++i) {
      const auto name = static_cast<Name>(i);
      Row<std::uint8_t, 33> values;
      values.push(disk.disk[i]);
      for (const Change& change : disk.changes) {
        if (change.is_entry == 0 || change.has_name == 0 || change.name != name) continue;
        bool known = false;
        for (const std::uint8_t value : values) known = known || value == change.value;
        if (!known) values.push(change.value);
      }
      survive_value(disk, name,
                    values[static_cast<std::size_t>(choose(static_cast<int>(values.size())))]);
    }
  }
  disk.changes.clear();
  disk.now = disk.disk;
  for (std::size_t file = 1; file < disk.files.size(); ++file) {
    File& found = disk.files[file];
    bool seen = false;
    for (const Name name : {Name::x_in_first, Name::x_in_second, Name::y}) {
      seen = seen || disk.now[static_cast<std::size_t>(name)] == file;
    }
    for (const Journal& journal : disk.journals) {
      seen = seen || journal.entry.staged.file == file;
    }
    if (seen && is_unsynced(found) && choose(2) == 1) found.disk = found.now;
    if (seen && found.time_disk != found.time_now && choose(2) == 1) {
      found.time_disk = found.time_now;
    }
    found.now = found.disk;
    found.time_now = found.time_disk;
    found.lost = false;
  }
  for (std::size_t dirty = dirty_cells(disk); dirty-- > 0;) {
    settle_first_cell(disk, choose(fates_of_cell));
  }
  lose_cached_cells(disk);
}

}  // namespace perdure::model
