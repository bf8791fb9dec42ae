// SPDX-License-Identifier: BSL-1.0
// Looks, appends, publishes, settles; stops where it must.
#include "model/writer.hpp"

#include "model/history.hpp"
#include "model/recovery.hpp"

namespace perdure::model {
namespace {

constexpr std::uint8_t word_of(Path path) {
  return static_cast<std::uint8_t>(path);
}

constexpr std::uint8_t bit_of(Path path) {
  return static_cast<std::uint8_t>(1U << index_of(path));
}

std::string words_of(const Tree& tree) {
  Step step{.event = Event::recovered};
  for (std::size_t i = 0; i < path_count; ++i) step.words.at(i) = tree[i];
  return to_string(step);
}

/// If another program deletes it from here on, it may come back.
void note_made(History& history, Path path, const Entry& entry, Content content) {
  auto& contents = history.own[index_of(path)];
  contents = {content, contents[0]};
  if (entry.before.file != 0 && entry.action != Action::remove) return;
  history.made = static_cast<std::uint8_t>(history.made | bit_of(path));
}

/// From here on the log brings nothing back.
void forget_made(History& history) {
  history.made = 0;
  history.own = {};
}

/// The oracle: what was promised is there, and nothing else.
void check_recovered(Calls& calls) {
  State& state = calls.state();
  const Tree tree = tree_of(state.disk);
  calls.tell(Event::recovered, {tree[0], tree[1]});
  if (!allows(state.history, tree)) {
    throw Violation("no promise allows this: " + words_of(tree));
  }
  resolve(state.history, tree);
  forget_made(state.history);
}

}  // namespace

void Writer::forget() {
  memory_.known = {};
  memory_.unchanged = 0;
  memory_.way = 0;
  memory_.sync_failed = false;
}

bool Writer::open() {
  calls_.tell(Event::open, {0});
  if (!recover_root(calls_)) return false;
  check_recovered(calls_);
  // Once more: somebody may have taken the journal away.
  if (!recover_log(calls_, false)) return false;
  check_recovered(calls_);
  memory_.up = true;
  return true;
}

bool Writer::open_for_transaction() {
  calls_.tell(Event::open, {1});
  const bool recovered = recover_root(calls_);
  memory_ = {};
  if (!recovered) return false;
  calls_.disk().flush_failed = calls_.disk().power_lost = false;
  check_recovered(calls_);
  return true;
}

Before Writer::before_at(Path path) {
  const Disk& disk = calls_.disk();
  const FileId file = disk.now[static_cast<std::size_t>(name_of(disk, path))];
  return file == 0 ? Before{} : Before{file, disk.files[file].time_now};
}

void Writer::answer(Promise::Status status) {
  if (status == Promise::Status::pending) {
    calls_.tell(Event::not_acknowledged, {1});
    return;
  }
  perdure::model::answer(calls_.state().history, status);
  calls_.tell(Event::acknowledged);
}

// --- A commit.

void Writer::commit(const Wanted& one, const Wanted& two, const Foreign& race) {
  State& state = calls_.state();
  const auto number = [](Action action) { return static_cast<std::uint8_t>(action); };
  const auto content = static_cast<Content>(first_own + state.commits);
  calls_.tell(Event::commit,
              {number(one[0]), number(one[1]), number(two[0]), number(two[1]), content});
  begin(state.history);
  race_ = race;
  Row<Member, 2> members;  // each caller stages its own, then waits for the one who leads
  for (const Wanted& wanted : {one, two}) {
    if (wanted != Wanted{}) members.push(prepare(wanted));
  }
  for (Member& member : members) {
    if (!add(member)) calls_.tell(Event::not_acknowledged, {0});
  }
  finish_group();
}

Writer::Member Writer::prepare(const Wanted& wanted) {
  State& state = calls_.state();
  Member member{
      .record = {},
      .wanted = wanted,
      .content = static_cast<Content>(first_own + state.commits++),
  };
  for (const Path path : both_paths) {
    Entry& entry = member.record.entries[index_of(path)];
    entry.action = wanted[index_of(path)];
    if (entry.action == Action::none) continue;
    if (path == Path::x) member.record.directory = directory_of(state.disk, path);
    if (entry.action != Action::put) continue;
    try_out(path);
    entry.content = member.content;
    entry.staged.file = calls_.stage(member.content);
    entry.staged.time = state.disk.files[entry.staged.file].time_now;
  }
  return member;
}

/// The first put in a directory tries out a link there, and so changes its stamps.
void Writer::try_out(Path path) {
  const std::uint8_t directory = directory_of(calls_.disk(), path);
  if ((memory_.tried & directory) != 0) return;
  memory_.tried = static_cast<std::uint8_t>(memory_.tried | directory);
  memory_.unchanged = static_cast<std::uint8_t>(memory_.unchanged & ~directory);
}

void Writer::give_promise(const Member& member, bool chained) {
  Promise promised{.status = Promise::Status::pending, .chained = chained};
  History& history = calls_.state().history;
  for (const Path path : both_paths) {
    const Entry& entry = member.record.entries[index_of(path)];
    if (entry.action == Action::none) continue;
    const Content content = entry.action == Action::put ? member.content : absent;
    note_made(history, path, entry, content);
    // A path that others changed before what was left for it got there is left alone when the log
    // settles, whatever is committed to it until then.
    const bool overtaken = (memory_.overtaken & bit_of(path)) != 0;
    Promise alone{.status = Promise::Status::maybe};
    Promise& of = overtaken ? alone : promised;
    of.touched = static_cast<std::uint8_t>(of.touched | bit_of(path));
    of.content[index_of(path)] = content;
    if (overtaken) promise(history, alone);
  }
  if (promised.touched != 0) promise(history, promised);
}

bool Writer::begin_log() {
  if (memory_.live || !calls_.has(Part::mark_log)) return true;
  memory_.live = calls_.name_journal(journal_of_log) == Calls::Named::yes;
  failed_ = failed_ || (!memory_.live && calls_.has(Part::count_failures));
  return memory_.live;
}

/// LogWriter::add_record.
bool Writer::add(Member& member) {
  if (memory_.stopped || !begin_log() || !look(member)) return false;
  if (memory_.offset == calls_.model().records) {
    finish_group();
    if (memory_.stopped || !settle_now(false) || !look(member)) return false;
  }
  if (failed_ && calls_.has(Part::check_staged)) return false;
  Record& record = member.record;
  record.epoch = memory_.epoch;
  record.number = memory_.next_number++;
  record.durable_before = memory_.durable_before;
  record.previous = memory_.last;
  record.digest = memory_.last = ++calls_.disk().salts;
  ++memory_.offset;
  give_promise(member, !group_.empty());
  group_.push(member);
  return true;
}

bool Writer::look(Member& member) {
  bool looked = true;
  for (const Path path : both_paths) {
    if (member.wanted[index_of(path)] == Action::none) continue;
    looked = looked && look_at(member, path);
  }
  if (memory_.sync_failed) {  // it may have lost what was awaited or written before
    finish_group();
    if (!memory_.stopped) recover_in_place(Promise::Status::kept);
  }
  return looked;
}

bool Writer::look_at(Member& member, Path path) {
  Entry& entry = member.record.entries[index_of(path)];
  const std::size_t i = index_of(path);
  if ((memory_.left >> i & 1U) != 0) {
    entry.before = memory_.staged[i];
    return entry.action != Action::remove || entry.before.file != 0;
  }
  const Entry* planned = nullptr;
  for (const Member& earlier : group_) {
    const Entry& other = earlier.record.entries[index_of(path)];
    if (other.action != Action::none && calls_.has(Part::planned_before)) planned = &other;
  }
  if (planned != nullptr) {
    entry.before = planned->action == Action::put ? planned->staged : Before{};
  } else if (!find(path, entry.before)) {
    return false;
  }
  return entry.action != Action::remove || entry.before.file != 0;
}

/// KnownDurable::look.
bool Writer::find(Path path, Before& before) {
  if (path == Path::x && !sync_way()) return false;
  before = before_at(path);
  const std::uint8_t directory = directory_of(calls_.disk(), path);
  Before& known = memory_.known[index_of(path)];
  const bool is_known = before.file != 0 ? known == before : (memory_.unchanged & directory) != 0;
  if (is_known || !calls_.has(Part::sync_before)) return true;
  if (before.file != 0 && !calls_.sync_file(before.file)) {
    memory_.sync_failed = true;
    return false;
  }
  if (!sync_known(directory)) return false;
  if (before.file != 0) known = before;
  return true;
}

bool Writer::sync_way() {
  const std::uint8_t directory = directory_of(calls_.disk(), Path::x);
  if (memory_.way == directory || !calls_.has(Part::sync_before)) return true;
  if (!sync_known(top)) return false;
  memory_.way = directory;
  return true;
}

bool Writer::sync_known(std::uint8_t directory) {
  memory_.unchanged = static_cast<std::uint8_t>(memory_.unchanged & ~directory);
  if (!calls_.sync_directory(directory)) {
    memory_.sync_failed = true;
    return false;
  }
  memory_.unchanged = static_cast<std::uint8_t>(memory_.unchanged | directory);
  return true;
}

/// LogFile::flush.
bool Writer::flush() {
  if (!group_.empty()) {
    const auto place = static_cast<std::size_t>(memory_.offset - group_.size());
    const Record* two = group_.size() > 1 ? &group_[1].record : nullptr;
    const bool alone = memory_.flushed || !calls_.has(Part::header_in_cache);
    memory_.flushed = false;
    if (calls_.model().direct && alone && calls_.goes_direct()) {
      if (!calls_.write_through(memory_.epoch, place, {&group_[0].record, two})) return false;
      memory_.flushed = true;
      memory_.durable_before = memory_.next_number;
      return true;
    }
    calls_.write_records(memory_.epoch, place, {&group_[0].record, two});
    if (!calls_.has(Part::flush_append)) return true;
  }
  if (!calls_.sync_log()) return false;
  memory_.flushed = true;
  memory_.durable_before = memory_.next_number;
  return true;
}

void Writer::finish_group() {
  if (group_.empty()) return;
  if (flush()) {
    if (calls_.model().is_later()) {
      for (const Member& member : group_) leave_for_later(member);
    }
    if (can(calls_.state(), race_)) interfere(calls_, race_);
    bool published = true;
    for (std::size_t i = 0; i < group_.size() && published; ++i) {
      published = calls_.model().is_later() || publish(group_[i]);
    }
    if (published) {
      answer(Promise::Status::kept);
    } else {
      recover_in_place(Promise::Status::kept);
    }
  } else if (calls_.has(Part::stop_at_append)) {
    recover_in_place(Promise::Status::pending);
  } else {
    answer(Promise::Status::pending);
    (void)(sync_published() && turn());
  }
  group_.clear();
  race_ = {};
  calls_.may_crash();
}

void Writer::leave_for_later(const Member& member) {
  for (const Path path : both_paths) {
    const Entry& entry = member.record.entries[index_of(path)];
    if (entry.action == Action::none) continue;
    memory_.left = static_cast<std::uint8_t>(memory_.left | bit_of(path));
    memory_.staged[index_of(path)] = entry.staged;
  }
}

bool Writer::publish(const Member& member) {
  if (calls_.model().is_fast() && calls_.has(Part::await_data)) {
    for (const Entry& entry : member.record.entries) {
      if (entry.action == Action::put && !calls_.await_file(entry.staged.file)) return false;
    }
  }
  bool left_alone = false;
  for (const Path path : both_paths) {
    const Entry& entry = member.record.entries[index_of(path)];
    if (entry.action != Action::none && !publish_at(member, path, left_alone)) return false;
  }
  return !left_alone || calls_.keep_evidence();
}

bool Writer::publish_at(const Member& member, Path path, bool& left_alone) {
  const Entry& entry = member.record.entries[index_of(path)];
  const bool same = is_directory(calls_, path, member.record.directory) &&
                    before_at(path).file == entry.before.file;
  if (!same && calls_.has(Part::check_publish)) {
    calls_.leave_alone(path);
    left_alone = left_alone || entry.action == Action::put;
    return true;
  }
  if (entry.action == Action::put) {
    calls_.name_file(path, entry.staged.file);
    memory_.known[index_of(path)] = entry.staged;
    memory_.last_directory = own;
  } else {
    calls_.unlink_file(path);
    memory_.known[index_of(path)] = {};
    memory_.last_directory = directory_of(calls_.disk(), path);
  }
  return true;
}

void Writer::recover_in_place(Promise::Status otherwise) {
  forget();
  memory_.last_directory = own;
  failed_ = true;
  const bool recovered = recover_log(calls_, true);
  memory_.stopped = !recovered;
  if (recovered) forget_left(memory_);
  if (group_.empty()) return;
  if (!recovered) return answer(otherwise);
  std::size_t found = group_.size();  // a direct write may leave the first record alone
  for (; found > 0 && group_[found - 1].record.number >= memory_.next_number; --found) {
    take_back(calls_.state().history);
    calls_.tell(Event::not_acknowledged, {0});
  }
  if (found > 0) answer(Promise::Status::kept);
}

// --- Settling.

bool Writer::sync_published() {
  if (!calls_.has(Part::settle)) return true;
  if (!calls_.model().is_fast()) return calls_.sync_file_system();
  return calls_.sync_directory(calls_.has(Part::last_change) ? memory_.last_directory
                                                             : std::uint8_t{own});
}

/// LogFile::turn.
bool Writer::turn() {
  if (!memory_.flushed && !flush()) return false;
  const auto next = static_cast<Number>(memory_.epoch + 1);
  if (!calls_.has(Part::header_first)) {
    memory_.next = write_new_header(calls_, next, next);
  }
  const Header entered = memory_.next;
  if (calls_.has(Part::turn) && calls_.has(Part::header_first)) {
    memory_.next = write_new_header(calls_, static_cast<Number>(next + 1), next);
  } else if (!calls_.has(Part::turn)) {  // it believes that it did
    memory_.next = {static_cast<Number>(next + 1), next, memory_.next_number,
                    ++calls_.disk().salts};
  }
  memory_.epoch = entered.epoch;
  memory_.last = entered.salt;
  memory_.offset = 0;
  return true;
}

bool Writer::settle_now(bool for_good) {
  bool settled = true;
  if (memory_.offset != 0) {
    settled = (!calls_.model().is_later() || publish_log(calls_)) && sync_published();
    while (!settled && !calls_.has(Part::stop_at_settle)) settled = sync_published();
    if (settled) settled = turn();
  }
  const bool marks = calls_.has(Part::mark_settled) && calls_.has(Part::flush_headers);
  if (settled && for_good && marks && !memory_.flushed) settled = flush();
  if (settled) {
    memory_.last_directory = own;
    return true;
  }
  recover_in_place(Promise::Status::kept);
  return !memory_.stopped;
}

void Writer::settle() {
  calls_.tell(Event::settle);
  if (settle_now(true)) forget_made(calls_.state().history);
  calls_.may_crash();
}

bool Writer::end_log() {
  if (!memory_.live) return true;
  if (!settle_now(true)) return false;
  if (calls_.has(Part::mark_again)) memory_.live = false;
  if (!remove_journal(calls_, true)) return false;
  memory_.live = false;
  return true;
}

void Writer::close() {
  calls_.tell(Event::close);
  if (end_log()) forget_made(calls_.state().history);
  memory_ = {};
  calls_.may_crash();
}

// --- Other protocols.

void Writer::commit_alone(Path path, Action action) {
  const Journal journal = stage_journal(path, action);
  if (calls_.has(Part::end_log) && !end_log()) {
    calls_.tell(Event::not_acknowledged, {0});
    return;
  }
  if (failed_ && calls_.has(Part::check_staged)) return;
  forget();
  by_journal(journal, calls_.model().is_fast() ? Protocol::fast : Protocol::whole);
}

void Writer::transact(Path path, Action action) {
  by_journal(stage_journal(path, action), Protocol::portable);
}

Journal Writer::stage_journal(Path path, Action action) {
  State& state = calls_.state();
  const bool put = action == Action::put;
  const auto content = static_cast<Content>(first_own + state.commits++);
  calls_.tell(Event::commit_by_journal,
              {word_of(path), static_cast<std::uint8_t>(action), put ? content : absent});
  Journal journal{.path = path};
  journal.entry = {.action = action, .content = put ? content : absent};
  if (!put) return journal;
  const FileId staged = calls_.stage(content);
  journal.entry.staged = {staged, state.disk.files[staged].time_now};
  return journal;
}

/// Transaction::State::commit_by_journal, of one path.
void Writer::by_journal(Journal journal, Protocol protocol) {
  State& state = calls_.state();
  const Path path = journal.path;
  journal.directory = directory_of(state.disk, path);
  journal.entry.before = before_at(path);
  const bool conflicts = journal.entry.action == Action::remove && journal.entry.before.file == 0;
  if (conflicts) return;
  begin(state.history);
  if (!stage_for_journal(journal, protocol)) {
    calls_.tell(Event::not_acknowledged, {0});
    return;
  }
  Promise promised{.status = Promise::Status::pending, .touched = bit_of(path)};
  promised.content[index_of(path)] = journal.entry.content;
  note_made(state.history, path, journal.entry, journal.entry.content);
  promise(state.history, promised);
  state.disk.journals.push(journal);
  state.disk.staged_left = journal.entry.action == Action::put;
  const auto named = calls_.name_journal(static_cast<std::uint8_t>(state.disk.journals.size()));
  if (named == Calls::Named::no) {
    take_back(state.history);
    calls_.tell(Event::not_acknowledged, {0});
    return;
  }
  const bool reached = named == Calls::Named::yes;
  const bool finished = reached && finish_journal(journal, protocol);
  if (finished) {
    state.disk.staged_left = false;
    if (protocol != Protocol::fast) forget_made(state.history);  // its removal is on its way
  }
  // Another journal, the log's own, would take the place of one that is not finished.
  memory_.stopped = memory_.up && !finished && calls_.has(Part::stop_at_journal);
  answer(reached ? Promise::Status::kept : Promise::Status::pending);
  calls_.may_crash();
}

bool Writer::stage_for_journal(const Journal& journal, Protocol protocol) {
  const bool put = journal.entry.action == Action::put;
  const FileId staged = journal.entry.staged.file;
  switch (protocol) {
    case Protocol::fast:
      return !put || calls_.await_file(staged);
    case Protocol::whole:
      return calls_.sync_file_system();
    case Protocol::portable:
      if (put && !calls_.sync_file(staged)) return false;
      return calls_.sync_directory(directory_of(calls_.disk(), journal.path)) &&
             (!put || calls_.sync_directory(own));
  }
  return false;
}

bool Writer::finish_journal(const Journal& journal, Protocol protocol) {
  const std::uint8_t directory = directory_of(calls_.disk(), journal.path);
  if (journal.entry.action == Action::put) {
    calls_.name_file(journal.path, journal.entry.staged.file);
  } else {
    calls_.unlink_file(journal.path);
  }
  if (protocol == Protocol::portable && !calls_.sync_directory(directory)) return false;
  if (protocol == Protocol::whole && !calls_.sync_file_system()) return false;
  return remove_journal(calls_, protocol != Protocol::fast);
}

}  // namespace perdure::model
