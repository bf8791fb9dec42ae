// SPDX-License-Identifier: BSL-1.0
// Reads, judges, redoes.
#include "model/recovery.hpp"

#include <algorithm>
#include <optional>

namespace perdure::model {
namespace {

struct FoundRecord {
  Record record;
  std::uint8_t place = 0;
};

/// LogContents.
struct Contents {
  Row<std::uint8_t, segments> headers;  ///< Blocks of the newest of each segment, oldest first.
  Row<FoundRecord, segments * records_max> records;
  Number next_number = 1;
};

enum class Judged : std::uint8_t { none, redo, done, foreign };

[[noreturn]] void damaged_log(const std::string& words) {
  throw Violation("recovery_required, and nothing was damaged: " + words);
}

/// One word on a path, with the record that has it.
struct Word {
  const Record* record = nullptr;
  const Entry* entry = nullptr;
};
using Words = Row<Word, segments * records_max>;

Words words_on(const Contents& contents, Path path) {
  Words words;
  for (const FoundRecord& found : contents.records) {
    const Entry& entry = found.record.entries[index_of(path)];
    if (entry.action != Action::none) words.push({&found.record, &entry});
  }
  return words;
}

class LogReader {
 public:
  /// `in_use`: it has a header.
  LogReader(Calls& calls, bool in_use) : calls_(calls), disk_(calls.disk()), in_use_(in_use) {}

  Contents read() {
    find_headers();
    if (contents_.headers.empty() && in_use_) damaged_log("no header can be read");
    if (contents_.headers.empty()) return contents_;
    const Header* newest = &header(0);
    for (std::size_t i = 1; i < contents_.headers.size(); ++i) {
      if (header(i).live_from > newest->live_from) newest = &header(i);
    }
    contents_.next_number = newest->live_number;
    for (std::size_t i = 0; i < contents_.headers.size(); ++i) {
      if (header(i).epoch >= newest->live_from) read_epoch(header(i));
    }
    const Memory& memory = calls_.state().memory;
    if (memory.up && contents_.next_number < memory.durable_before) {
      damaged_log("records can't be read");
    }
    return contents_;
  }

 private:
  [[nodiscard]] const Header& header(std::size_t i) const {
    return disk_.headers[contents_.headers[i]].now;
  }

  void find_headers() {
    for (std::size_t segment = 0; segment < segments; ++segment) {
      std::optional<std::uint8_t> newest;
      for (std::size_t block = 2 * segment; block < 2 * segment + 2; ++block) {
        const Number epoch = disk_.headers[block].now.epoch;
        if (epoch == 0) continue;
        if (!newest || epoch > disk_.headers[*newest].now.epoch) {
          newest = static_cast<std::uint8_t>(block);
        }
      }
      if (newest) contents_.headers.push(*newest);
    }
    if (contents_.headers.size() == 2 && header(0).epoch > header(1).epoch) {
      std::swap(contents_.headers[0], contents_.headers[1]);
    }
  }

  [[nodiscard]] const Record* record_at(Number epoch, std::size_t place) const {
    const std::uint8_t at = disk_.cells[segment_of(epoch)][place].now;
    if (at == 0) return nullptr;
    const Record& record = disk_.records[at - 1U];
    return record.epoch == epoch ? &record : nullptr;
  }

  void read_epoch(const Header& of) {
    Salt previous = of.salt;
    for (std::size_t place = 0; place < calls_.model().records; ++place) {
      const Record* record = record_at(of.epoch, place);
      if (record == nullptr || record->previous != previous) {
        check_end(of.epoch, place);
        return;
      }
      if (record->number != contents_.next_number) damaged_log("records are missing");
      ++contents_.next_number;
      previous = record->digest;
      contents_.records.push({*record, static_cast<std::uint8_t>(place)});
    }
  }

  void check_end(Number epoch, std::size_t end) const {
    for (std::size_t place = end; place < calls_.model().records; ++place) {
      const Record* record = record_at(epoch, place);
      if (record == nullptr) continue;
      const bool trusted = calls_.has(Part::durable_before);
      if (!trusted || record->durable_before > contents_.next_number) {
        damaged_log("a record behind the end");
      }
    }
  }

  Calls& calls_;
  Disk& disk_;
  bool in_use_;
  Contents contents_;
};

/// log_judge.cpp.
class Judge {
 public:
  Judge(Calls& calls, const Contents& contents) : calls_(calls) {
    for (const FoundRecord& found : contents.records) {  // the last one that names it counts
      if (found.record.directory != no_directory) expected_ = found.record.directory;
    }
  }

  [[nodiscard]] Judged judge(Path path, const Words& words) {
    if (path == Path::x && !is_directory(calls_, path, expected_)) return Judged::foreign;
    const Disk& disk = calls_.disk();
    const FileId file = disk.now[static_cast<std::size_t>(name_of(disk, path))];
    if (file == 0) return judge_missing(words);
    if (!calls_.has(Part::identity)) return Judged::redo;
    const Entry& last = *words[words.size() - 1].entry;
    if (last.action == Action::put && has_content(file, last)) {
      return calls_.has(Part::redo_seen) ? Judged::redo : Judged::done;
    }
    return is_of_records(file, words) ? Judged::redo : Judged::foreign;
  }

 private:
  [[nodiscard]] bool has_content(FileId file, const Entry& entry) {
    if (!calls_.has(Part::compare_content) && entry.staged.file != file) return false;
    return calls_.disk().files[file].now == entry.content;
  }

  [[nodiscard]] Judged judge_missing(const Words& words) {
    if (words[words.size() - 1].entry->action == Action::remove) return Judged::done;
    if (!calls_.has(Part::missing_before)) return Judged::redo;
    const bool was_missing = std::any_of(words.begin(), words.end(), [](const Word& word) {
      return word.entry->before.file == 0 || word.entry->action == Action::remove;
    });
    return was_missing ? Judged::redo : Judged::foreign;
  }

  [[nodiscard]] bool has_time_of(const File& found, const Entry& entry) const {
    if (!calls_.has(Part::time_before)) return true;
    if (!calls_.has(Part::time_of_lost)) return false;
    return calls_.model().is_whole_at_name() ? found.time_now == entry.staged.time
                                             : found.time_now <= entry.staged.time;
  }

  [[nodiscard]] bool is_of_records(FileId file, const Words& words) {
    const File& found = calls_.disk().files[file];
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Entry& entry = *words[i].entry;
      const bool counts = i == 0 || calls_.has(Part::every_before);
      if (counts && entry.before == Before{file, found.time_now}) return true;
      if (entry.action != Action::put || entry.staged.file != file) continue;
      if (has_time_of(found, entry) || found.now == entry.content) return true;
    }
    return false;
  }

  Calls& calls_;
  std::uint8_t expected_ = no_directory;
};

/// log_recovery.cpp.
class Redo {
 public:
  /// `open`: of a root that is open, whose staged files are as they were written.
  Redo(Calls& calls, const Contents& contents, bool open = false)
      : calls_(calls), judge_(calls, contents), open_(open) {
    for (const Path path : both_paths) words_[index_of(path)] = words_on(contents, path);
  }

  void judge() {
    for (const Path path : both_paths) {
      if (!words(path).empty()) step(path) = judge_.judge(path, words(path));
    }
  }

  [[nodiscard]] bool stage() {
    for (const Path path : both_paths) {
      const bool wanted = step(path) == Judged::redo || step(path) == Judged::foreign;
      if (!wanted || last(path).action != Action::put) continue;
      FileId& staged = staged_[index_of(path)];
      staged = open_ ? calls_.state().memory.staged[index_of(path)].file : FileId{0};
      if (staged != 0) continue;
      staged = calls_.stage(last(path).content);
      if (calls_.has(Part::sync_redo) && !calls_.sync_file(staged)) return false;
    }
    return !open_ || !calls_.has(Part::sync_later) || calls_.sync_file_system();
  }

  void apply() {
    for (const Path path : {Path::x, Path::y}) {
      if (step(path) == Judged::redo) step(path) = judge_.judge(path, words(path));
      if (step(path) == Judged::none) continue;
      const bool foreign = step(path) == Judged::foreign;
      if (foreign) calls_.leave_alone(path);
      if (step(path) == Judged::redo && last(path).action == Action::put) {
        calls_.name_file(path, staged_[index_of(path)]);
        if (open_) calls_.state().memory.known[index_of(path)] = last(path).staged;
      } else if (step(path) == Judged::redo) {
        calls_.unlink_file(path);
        if (open_) calls_.state().memory.known[index_of(path)] = {};
      }
      if (!foreign || calls_.has(Part::settle_foreign)) {
        changed_ = static_cast<std::uint8_t>(changed_ | directory_of(calls_.disk(), path));
      }
    }
  }

  [[nodiscard]] bool keep_foreign() {
    for (const Path path : both_paths) {
      if (step(path) != Judged::foreign || last(path).action != Action::put) continue;
      if (!calls_.keep_evidence()) return false;
    }
    return true;
  }

  [[nodiscard]] bool settle() {
    if (!calls_.has(Part::settle_redo)) return true;
    for (const std::uint8_t directory : {top, first, second}) {
      if ((changed_ & directory) != 0 && !calls_.sync_directory(directory)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] Judged& step(Path path) { return steps_[index_of(path)]; }
  [[nodiscard]] const Words& words(Path path) const { return words_[index_of(path)]; }
  [[nodiscard]] const Entry& last(Path path) const {
    return *words(path)[words(path).size() - 1].entry;
  }

  Calls& calls_;
  Judge judge_;
  bool open_;
  std::array<Words, path_count> words_{};
  std::array<Judged, path_count> steps_{};
  std::array<FileId, path_count> staged_{};
  std::uint8_t changed_ = 0;  ///< Directories.
};

/// The same bytes to the same places: the cache may have them, and the disk not.
[[nodiscard]] bool write_again(Calls& calls, const Contents& contents) {
  for (const std::uint8_t block : contents.headers) {
    if (!calls.has(Part::write_again)) break;
    calls.write_header_again(block);
    const Number epoch = calls.disk().headers[block].now.epoch;
    for (const FoundRecord& found : contents.records) {
      if (found.record.epoch == epoch) calls.write_record_again(epoch, found.place);
    }
  }
  if (!calls.has(Part::flush_found)) return true;
  if (!calls.has(Part::flush_headers) && contents.records.empty()) return true;
  return calls.sync_log();
}

/// Nothing that the log has is needed any more.
[[nodiscard]] bool begin_anew(Calls& calls, const Contents& contents) {
  Memory& memory = calls.state().memory;
  Number newest = 0;
  for (const std::uint8_t block : contents.headers) {
    newest = std::max(newest, calls.disk().headers[block].now.epoch);
  }
  memory.next_number = contents.next_number;
  const auto epoch = static_cast<Number>(newest + 1);
  const Header begun = write_new_header(calls, epoch, epoch);
  if (calls.has(Part::header_first)) {
    memory.next = write_new_header(calls, static_cast<Number>(epoch + 1), epoch);
  }
  memory.epoch = begun.epoch;
  memory.last = begun.salt;
  memory.offset = 0;
  if (calls.has(Part::flush_headers) && !calls.sync_log()) return false;
  memory.flushed = true;
  memory.durable_before = memory.next_number;
  return true;
}

/// recovery_step.cpp, of the one path of a journal.
Judged judge_journal(Calls& calls, const Journal& journal) {
  const Disk& disk = calls.disk();
  if (!is_directory(calls, journal.path, journal.directory)) return Judged::foreign;
  const Entry& entry = journal.entry;
  const FileId file = disk.now[static_cast<std::size_t>(name_of(disk, journal.path))];
  const bool is_before =
      file != 0 && entry.before.file == file && disk.files[file].time_now <= entry.before.time;
  if (entry.action == Action::remove) {
    if (file == 0) return Judged::done;
    return is_before ? Judged::redo : Judged::foreign;
  }
  if (file == entry.staged.file) return Judged::done;
  if (is_before || (file == 0 && entry.before.file == 0)) return Judged::redo;
  return file != 0 && disk.files[file].now == entry.content ? Judged::done : Judged::foreign;
}

[[nodiscard]] bool recover_journal(Calls& calls, std::uint8_t number) {
  const Journal journal = calls.disk().journals[number - 1U];
  const Judged step = judge_journal(calls, journal);
  if (!calls.sync_directory(own) || calls.name_journal(number) != Calls::Named::yes) return false;
  if (step == Judged::redo && journal.entry.action == Action::put) {
    calls.name_file(journal.path, journal.entry.staged.file);
  } else if (step == Judged::redo) {
    calls.unlink_file(journal.path);
  } else if (step == Judged::foreign && journal.entry.action == Action::put) {
    if (!calls.keep_evidence()) return false;
  }
  const std::uint8_t directory = directory_of(calls.disk(), journal.path);
  const bool ours = is_directory(calls, journal.path, journal.directory);
  if (ours && !calls.sync_directory(directory)) return false;
  if (!remove_journal(calls, true)) return false;
  calls.disk().staged_left = false;
  return true;
}

/// Without a journal, whose removal is made durable first.
[[nodiscard]] bool discard_staged(Calls& calls) {
  if (!calls.disk().staged_left) return true;
  calls.disk().staged_left = false;
  return calls.sync_directory(own);
}

}  // namespace

bool is_directory(Calls& calls, Path path, std::uint8_t directory) {
  if (path == Path::y || !calls.has(Part::directory)) return true;
  return directory_of(calls.disk(), path) == directory;
}

bool remove_journal(Calls& calls, bool synced) {
  calls.unlink_journal();
  return !synced || calls.sync_directory(own);
}

Header write_new_header(Calls& calls, Number epoch, Number live_from) {
  Memory& memory = calls.state().memory;
  const Header header{.epoch = epoch,
                      .live_from = live_from,
                      .live_number = memory.next_number,
                      .salt = calls.has(Part::salt) ? ++calls.disk().salts : Salt{0}};
  memory.flushed = false;
  const std::size_t block = calls.has(Part::second_block) ? block_of(epoch) : 2 * segment_of(epoch);
  calls.write_header(block, header);
  return header;
}

void forget_left(Memory& memory) {
  memory.left = memory.overtaken = 0;
  memory.staged = {};
}

bool publish_log(Calls& calls) {
  const Contents contents = LogReader(calls, true).read();
  Redo redo(calls, contents, true);
  redo.judge();
  if (!redo.stage()) return false;
  redo.apply();
  if (!redo.keep_foreign()) return false;
  forget_left(calls.state().memory);
  return true;
}

bool recover_log(Calls& calls, bool in_use) {
  const Contents contents = LogReader(calls, in_use).read();
  Redo redo(calls, contents);
  redo.judge();
  if (!write_again(calls, contents)) return false;
  if (!contents.records.empty()) {
    if (!redo.stage()) return false;
    redo.apply();
    if (!redo.keep_foreign() || !redo.settle()) return false;
  }
  if (!begin_anew(calls, contents)) return false;
  calls.disk().flush_failed = calls.disk().power_lost = false;
  return true;
}

bool recover_root(Calls& calls) {
  const std::uint8_t journal = calls.disk().now[static_cast<std::size_t>(Name::j)];
  if (journal == 0) return discard_staged(calls);
  if (journal != journal_of_log) return recover_journal(calls, journal);
  return recover_log(calls, true) && remove_journal(calls, true);
}

}  // namespace perdure::model
