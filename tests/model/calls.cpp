// SPDX-License-Identifier: BSL-1.0
// Changes the state by one call each.
#include "model/calls.hpp"

namespace perdure::model {
namespace {

/// A transaction that was committed by `fast` relies on awaited data even if a flush fails, as its
/// own proof does: that of the log must not.
bool is_of_journal(const Disk& disk, std::size_t file) {
  for (const Journal& journal : disk.journals) {
    if (journal.entry.staged.file == file) return true;
  }
  return false;
}

}  // namespace

void Calls::tell(Event event, std::initializer_list<std::uint8_t> words) {
  Step step{.event = event};
  std::size_t at = 0;
  for (const std::uint8_t word : words) step.words.at(at++) = word;
  fate_.tell(step);
}

/// A flush that fails may lose what the disk had answered since the last one, awaited data too.
/// Names stay on their way: a journal that goes on writes them later, and of one that died the
/// library is told otherwise (lib/engine/confirm.hpp).
bool Calls::fails(bool of_log) {
  if (state_.left.failures == 0 || fate_.choose(2) == 0) return false;
  --state_.left.failures;
  Disk& disk = state_.disk;
  disk.flush_failed = true;
  const bool cells_lost = of_log || (dirty_cells(disk) > 0 && fate_.choose(2) == 1);
  while (cells_lost && dirty_cells(disk) > 0) {
    settle_first_cell(disk, of_log ? fate_.choose(fates_of_cell) : 0);
  }
  for (std::size_t file = 1; file < disk.files.size(); ++file) {
    if (is_unsynced(disk.files[file]) && !is_of_journal(disk, file) && fate_.choose(2) == 1) {
      disk.files[file].lost = true;
    }
  }
  tell(Event::failed);
  may_crash();
  return true;
}

void Calls::leave_alone(Path path) {
  tell(Event::left_alone, {static_cast<std::uint8_t>(path)});
  if ((state_.history.others >> index_of(path) & 1U) != 0) return;
  throw Violation("a path is left alone as somebody else's, and nobody else changed it");
}

void Calls::write_header(std::size_t block, const Header& header) {
  Cell<Header>& cell = disk().headers[block];
  cell.now = header;
  cell.dirty = true;
  tell(Event::write_header, {header.epoch, header.live_from, static_cast<std::uint8_t>(block)});
  may_crash();
}

void Calls::write_header_again(std::size_t block) {
  write_header(block, disk().headers[block].now);
}

std::uint8_t Calls::place_records(Number epoch, std::size_t at,
                                  std::initializer_list<const Record*> records) {
  std::size_t place = at;
  for (const Record* record : records) {
    if (record == nullptr) continue;
    disk().records.push(*record);
    auto& cell = disk().cells[segment_of(epoch)].at(place++);
    cell.now = static_cast<std::uint8_t>(disk().records.size());
    cell.dirty = true;
  }
  return static_cast<std::uint8_t>(place - at);
}

void Calls::write_records(Number epoch, std::size_t at,
                          std::initializer_list<const Record*> records) {
  const std::uint8_t count = place_records(epoch, at, records);
  tell(Event::write_records, {epoch, static_cast<std::uint8_t>(at), count});
  may_crash();
}

bool Calls::write_through(Number epoch, std::size_t at,
                          std::initializer_list<const Record*> records) {
  const std::uint8_t count = place_records(epoch, at, records);
  tell(Event::write_through, {epoch, static_cast<std::uint8_t>(at), count});
  if (!has(Part::sync_direct)) return true;
  may_crash();  // in the middle of it
  const bool failed = fails(true);
  for (std::size_t place = at; place < at + count; ++place) {
    auto& cell = disk().cells[segment_of(epoch)].at(place);
    if (failed) {
      cell.now = cell.disk;
    } else {
      cell.disk = cell.now;
    }
    cell.dirty = false;
  }
  if (!failed) may_crash();
  return !failed;
}

void Calls::write_record_again(Number epoch, std::size_t place) {
  disk().cells[segment_of(epoch)].at(place).dirty = true;
  tell(Event::write_records, {epoch, static_cast<std::uint8_t>(place), 1});
  may_crash();
}

bool Calls::sync_log() {
  tell(Event::sync_log);
  if (fails(true)) return false;
  perdure::model::sync_log(disk());
  may_crash();
  return true;
}

FileId Calls::stage(Content content) {
  return make_file(disk(), model_.kind, content);
}

bool Calls::sync_file(FileId file) {
  tell(Event::sync_file, {disk().files[file].now});
  if (fails(false)) return false;
  perdure::model::sync_file(disk(), model_.kind, file);
  may_crash();
  return true;
}

bool Calls::await_file(FileId file) {
  tell(Event::await_file, {disk().files[file].now});
  if (fails(false)) return false;
  await_data(disk(), model_.kind, file);
  may_crash();
  return true;
}

void Calls::name_file(Path path, FileId file) {
  const auto directories = static_cast<std::uint8_t>(directory_of(disk(), path) | own);
  change_name(disk(), name_of(disk(), path), file, file, directories);
  tell(Event::name_file, {static_cast<std::uint8_t>(path), disk().files[file].now});
  may_crash();
}

void Calls::unlink_file(Path path) {
  const Name name = name_of(disk(), path);
  const FileId file = disk().now[static_cast<std::size_t>(name)];
  if (file == 0) return;
  change_name(disk(), name, 0, file, directory_of(disk(), path));
  tell(Event::unlink_file, {static_cast<std::uint8_t>(path)});
  may_crash();
}

bool Calls::keep_evidence() {
  change_own(disk());
  tell(Event::keep_evidence);
  return sync_directory(own);
}

bool Calls::sync_directory(std::uint8_t directory) {
  tell(Event::sync_directory, {directory});
  if (fails(false)) return false;
  perdure::model::sync_directory(disk(), model_.kind, directory);
  may_crash();
  return true;
}

bool Calls::sync_file_system() {
  tell(Event::sync_file_system);
  if (fails(false)) return false;
  perdure::model::sync_file_system(disk());
  may_crash();
  return true;
}

Calls::Named Calls::name_journal(std::uint8_t journal) {
  tell(Event::sync_file, {damaged});  // j.tmp, which nothing else knows
  if (fails(false)) return Named::no;
  change_name(disk(), Name::j, journal, 0, own);
  tell(Event::name_journal, {journal});
  may_crash();
  return sync_directory(own) ? Named::yes : Named::unknown;
}

void Calls::unlink_journal() {
  if (disk().now[static_cast<std::size_t>(Name::j)] == 0) return;
  change_name(disk(), Name::j, 0, 0, own);
  tell(Event::unlink_journal);
  may_crash();
}

}  // namespace perdure::model
