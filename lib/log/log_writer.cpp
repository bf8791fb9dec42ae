// SPDX-License-Identifier: BSL-1.0
// Leads the commits of a log: looks, appends, publishes, settles.
#include "log/log_writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <perdure/system/observer.hpp>

#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/unlink.hpp"
#include "transaction/apply.hpp"
#include "transaction/evidence.hpp"
#include "transaction/journal_file.hpp"
#include "transaction/marker.hpp"

namespace perdure {
namespace {

constexpr std::string_view log_step = "open the log";
constexpr std::string_view commit_step = "commit to the log";
constexpr std::string_view settle_step = "settle the log";
constexpr std::string_view close_step = "close the root";
/// The longest time that nanoseconds can safely count here.
constexpr std::chrono::milliseconds settle_after_max = std::chrono::hours(24 * 365);
/// Bytes of content that memory keeps until the log settles.
constexpr std::uint64_t unpublished_max = std::uint64_t{64} << 20U;
/// Each waiting commit keeps its staged files and directories open.
constexpr LeaderQueue::Limits limits{.group_size_max = 128, .waiting_max = 128};

/// The protocol by which the root's files get their names. Fails where no log can be kept.
Result<Protocol> check_file_system(TransactionRoot& root, const FileSystemInfo& info,
                                   Publish publish) {
  const Stamps stamps = root.files.stamps(root.private_directory.get(), root.private_status);
  LogCheck check = allows_log(root.private_status, stamps, info, publish == Publish::at_once);
  if (check.protocol) return *check.protocol;
  return root.failure(log_step, "", ErrorKind::unsupported,
                      std::move(check.reason) + "; commit there by Transaction or AtomicWriter");
}

/// Direct writes only where they are known to be durable. Fails where nothing else is wanted.
Result<LogWrites> check_writes(TransactionRoot& root, const FileSystemInfo& info,
                               LogWrites wanted) {
  const std::string reason = reason_without_direct_writes(info);
  if (wanted == LogWrites::direct && !reason.empty()) {
    return root.failure(log_step, "", ErrorKind::unsupported,
                        "no direct writes: " + reason + "; use LogWrites::measured");
  }
  return reason.empty() ? wanted : LogWrites::cached;
}

bool makes_directory(const Journal& journal) {
  return std::ranges::any_of(journal.entries, [](const JournalEntry& entry) {
    return entry.action == JournalAction::make_directory;
  });
}

}  // namespace

/// A commit, or other work that wants the log for itself.
struct LogWriter::Errand : Arrival {
  explicit Errand(LogCommit& wanted) : Arrival(1), step(commit_step), commit(&wanted) {}
  Errand(std::string_view step_of, std::function<Result<void>()> other)
      : Arrival(1), step(step_of), work(std::move(other)) {
    lasts = true;
  }

  std::string_view step;
  LogCommit* commit = nullptr;
  std::function<Result<void>()> work{};
  std::uint64_t number = 0;  ///< Of its record.
  bool too_large = false;
  Result<void> outcome = success();
  std::exception_ptr thrown{};
};

Result<std::unique_ptr<LogWriter>> LogWriter::open(TransactionRoot& root,
                                                   const RootOptions& options,
                                                   RecoveryReport& recovery) {
  BOOST_OUTCOME_TRY(const FileSystemInfo info,
                    root.checked(log_step, "", root.files.describe(root.private_directory.get())));
  BOOST_OUTCOME_TRY(const Protocol protocol, check_file_system(root, info, options.publish));
  BOOST_OUTCOME_TRY(const LogWrites writes, check_writes(root, info, options.writes));
  BOOST_OUTCOME_TRY(mark_root(root));
  BOOST_OUTCOME_TRY(auto found, LogFile::find(root));
  if (!found) {
    BOOST_OUTCOME_TRY(found, LogFile::make(root, options.segment_size));
  }
  BOOST_OUTCOME_TRY(found->choose_writes(writes));
  // The log should have no live record here, unless somebody removed the journal that says so.
  BOOST_OUTCOME_TRY(LogRecovery done, recover_log(root, *found));
  const bool unreadable = recovery.unreadable || done.report.unreadable;
  if (done.report.journal) {
    recovery = std::move(done.report);
    root.tell(recovery);
  }
  recovery.unreadable = unreadable;
  root.unpublished.expected = options.publish == Publish::later;
  root.unpublished.content_max = options.record_size_max;
  return std::unique_ptr<LogWriter>(new LogWriter(root, std::move(*found), protocol, options));
}

LogWriter::LogWriter(TransactionRoot& root, LogFile log, Protocol protocol,
                     const RootOptions& options)
    : root_(root),
      log_(std::move(log)),
      protocol_(protocol),
      record_size_max_(options.record_size_max),
      known_(root),
      later_(options.publish == Publish::later),
      settle_after_(std::min(options.settle_after_ms, settle_after_max)),
      sync_mark_(failed_syncs()),
      queue_(limits, [this](const ArrivalQueue& group) { serve(group); }) {
  if (!options.settler_thread || settle_after_ <= std::chrono::milliseconds::zero()) return;
  settler_ = std::make_unique<Settler>(settle_after_, [this] {
    Errand errand(settle_step, [this] { return first_change_ ? settle_now(true) : success(); });
    // After a failure or an exception the root refuses everything, and says why.
    (void)queue_.join(errand);
  });
}

Error LogWriter::refusal(std::string_view step) const {
  if (stopped_) {
    Error error = *stopped_;
    error.fate = Fate::unchanged;
    error.detail += "; this root refuses everything since: open it again, which recovers it";
    return error;
  }
  return root_.failure(step, "", ErrorKind::invalid_argument, "the root was closed; open it again");
}

Result<bool> LogWriter::commit(LogCommit& commit) {
  Errand errand(commit);
  BOOST_OUTCOME_TRY(run(errand));
  return !errand.too_large;
}

Result<void> LogWriter::alone(std::uint64_t failures, std::function<Result<void>()> work) {
  Errand errand(commit_step, [&, this]() -> Result<void> {
    BOOST_OUTCOME_TRY(end_log());
    BOOST_OUTCOME_TRY(check_staged(failures));
    known_.forget();
    auto done = work();
    ++times_alone_;
    // A comparison that fails has not tried a sync, so staged content is not in doubt.
    if (!done && done.error().kind != ErrorKind::conflict) ++failures_;
    // The work may have left a journal, which the log's own would overwrite.
    if (!done && done.error().fate != Fate::unchanged) {
      const auto lock = root_.unpublished.change();
      stop(done.error());
    }
    return done;
  });
  return run(errand);
}

Result<void> LogWriter::settle() {
  Errand errand(settle_step, [this] { return settle_now(true); });
  return run(errand);
}

Result<void> LogWriter::hold(const std::function<Result<void>()>& work) {
  std::exception_ptr thrown;  // of the caller's code: the log has nothing to do with it
  Errand errand(settle_step, [&, this]() -> Result<void> {
    BOOST_OUTCOME_TRY(settle_now(true));
    try {
      return work();
    } catch (...) {
      thrown = std::current_exception();
      return success();
    }
  });
  auto held = run(errand);
  if (thrown) std::rethrow_exception(thrown);
  return held;
}

std::vector<RecoveredPath> LogWriter::left_alone() {
  const std::lock_guard lock(left_alone_mutex_);
  return std::exchange(left_alone_, {});
}

Result<void> LogWriter::close() {
  const std::lock_guard one(closing_);
  if (queue_.is_closed()) return success();
  if (settler_) settler_->stop();
  Errand errand(close_step, [this] {
    closed_ = true;  // for those who wait behind this
    return end_log();
  });
  auto ended = run(errand);
  queue_.close();
  return ended;
}

Result<void> LogWriter::run(Errand& errand) {
  if (!queue_.join(errand)) return refusal(errand.step);
  if (errand.thrown) std::rethrow_exception(errand.thrown);
  return std::move(errand.outcome);
}

/// An exception may leave anything half done: it reaches everybody of the group whose commit is not
/// durable yet, and the root stops. If memory for the reason is missing, the root refuses calls as
/// a closed one does.
void LogWriter::serve(const ArrivalQueue& group) noexcept try {
  for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    serve_one(static_cast<Errand&>(*arrival));
  }
  finish_group();
  settle_if_due();
} catch (...) {
  for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    auto& errand = static_cast<Errand&>(*arrival);
    const bool is_durable = errand.commit != nullptr && errand.commit->fate == Fate::durable;
    if (!is_durable) errand.thrown = std::current_exception();
  }
  group_.clear();
  planned_.clear();
  closed_ = true;
  try {
    const auto lock = root_.unpublished.change();
    stop(root_.failure(commit_step, "", ErrorKind::recovery_required,
                       "an exception ended a commit half-way"));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
}

/// Refuses everything from here on. Nobody knows which changes that were left for later are in
/// place: call it under their lock.
void LogWriter::stop(const Error& why) {
  if (stopped_) return;
  stopped_ = why;
  root_.unpublished.stop(refusal(why.step));
}

void LogWriter::serve_one(Errand& errand) {
  if (errand.work) finish_group();
  if (stopped_ || closed_) {
    errand.outcome = refusal(errand.step);
  } else {
    errand.outcome = errand.work ? errand.work() : add_record(errand);
  }
  // The next commit looks for the new directory at its path, so it is put in place now.
  const bool leaves_directory = later_ && errand.commit != nullptr && errand.outcome &&
                                makes_directory(errand.commit->journal);
  if (leaves_directory) (void)settle_group();
}

/// Publishes everything that was left for later, and settles.
Result<void> LogWriter::settle_group() {
  finish_group();
  if (stopped_) return refusal(commit_step);
  return settle_now(false);
}

Result<void> LogWriter::look_at(LogCommit& commit, JournalEntry& entry) {
  const auto planned = planned_.find(entry.path);
  if (planned != planned_.end()) {
    entry.before = planned->second;
  } else {
    BOOST_OUTCOME_TRY(const auto found, known_.look(commit.changes.directories(), entry.path));
    if (found && (found->type == FileType::directory || found->type == FileType::other)) {
      return root_.failure(commit_step, entry.path, ErrorKind::conflict,
                           "somebody else made it in the meantime");
    }
    entry.before.reset();
    if (found) entry.before = before_of(found->version);
  }
  const bool there = entry.before.has_value();
  if (entry.action == JournalAction::remove && !there) {
    return root_.failure(commit_step, entry.path, ErrorKind::conflict,
                         "somebody else removed it in the meantime");
  }
  if (entry.action == JournalAction::make_directory && there) {
    return root_.failure(commit_step, entry.path, ErrorKind::conflict,
                         "somebody else made it in the meantime");
  }
  return success();
}

/// A directory that is open can be used even after another transaction removes it: so look again.
Result<void> LogWriter::check_directories(LogCommit& commit) {
  if (commit.times_alone == times_alone_) return success();
  Directories& directories = commit.changes.directories();
  directories.look_anew();
  for (const JournalDirectory& directory : commit.journal.directories) {
    BOOST_OUTCOME_TRY(const bool replaced, root_.checked(commit_step, directory.path,
                                                         directories.is_replaced(directory.path)));
    if (!replaced) continue;
    return root_.failure(commit_step, directory.path, ErrorKind::conflict,
                         "another transaction removed this directory in the meantime");
  }
  return success();
}

/// Finds the file that was at each path before, and whether it is the version that the caller
/// expects.
Result<void> LogWriter::look(LogCommit& commit) {
  for (JournalEntry& entry : commit.journal.entries) {
    auto looked = look_at(commit, entry);
    if (looked) continue;
    if (known_.has_failed()) {  // a sync, which maybe lost what was awaited or written before
      finish_group();
      if (!stopped_) recover_in_place(looked.error(), Fate::committed);
    }
    return looked;
  }
  for (const std::string& path : commit.expected) {
    if (!planned_.contains(path)) continue;
    return root_.failure(commit_step, path, ErrorKind::conflict,
                         "somebody else changed it in the meantime; read it again");
  }
  return commit.compare ? commit.compare() : Result<void>(success());
}

Result<void> LogWriter::check_staged(std::uint64_t failures) const {
  if (failures == failures_) return success();
  return root_.failure(commit_step, "", ErrorKind::system,
                       "another commit failed since this one was staged, and what failed may have "
                       "lost the staged content; do it again");
}

/// Encodes a content that is like an earlier one as its differences.
EncodedRecord LogWriter::encode(LogRecord& record) const {
  for (std::size_t i = 0; i < record.files.size(); ++i) {
    const JournalEntry& entry = record.journal.entries[i];
    if (entry.action != JournalAction::put) continue;
    LoggedFile& file = record.files[i];
    file.derived = bases_.derive(entry.path, file.image.content);
  }
  return log_.chain(record);
}

void LogWriter::note_added(LogRecord& record) {
  for (std::size_t i = 0; i < record.files.size(); ++i) {
    const JournalEntry& entry = record.journal.entries[i];
    std::optional<Before>& planned = planned_[entry.path];
    planned.reset();
    if (entry.action == JournalAction::put) {
      planned = Before{entry.staged_identity, entry.staged_size, entry.staged_mtime_ns};
      bases_.note(entry.path, record.number, static_cast<std::uint32_t>(i),
                  std::move(record.files[i]));
    } else {
      bases_.forget(entry.path);
    }
  }
}

Result<void> LogWriter::add_record(Errand& errand) {
  LogCommit& commit = *errand.commit;
  BOOST_OUTCOME_TRY(begin_log());
  BOOST_OUTCOME_TRY(check_directories(commit));
  const bool full = root_.unpublished.bytes() + group_bytes_ > unpublished_max;
  if (later_ && (full || makes_directory(commit.journal))) {
    BOOST_OUTCOME_TRY(settle_group());
  }
  BOOST_OUTCOME_TRY(look(commit));
  LogRecord record{
      .ordered = later_ || protocol_ == Protocol::fast, .journal = commit.journal, .files = {}};
  for (FileImage& file : commit.files) record.files.push_back({.image = std::move(file)});
  EncodedRecord encoded = encode(record);
  if (!log_.has_room(encoded.bytes.size())) {
    BOOST_OUTCOME_TRY(settle_group());
    // The files that the group had planned exist now.
    BOOST_OUTCOME_TRY(look(commit));
    record.journal = commit.journal;
    encoded = encode(record);
  }
  errand.too_large = !log_.has_room(encoded.bytes.size());
  if (errand.too_large) return success();
  BOOST_OUTCOME_TRY(check_staged(commit.failures));
  log_.add(encoded);
  errand.number = record.number;
  group_.push_back(&errand);
  for (const auto& image : commit.left) group_bytes_ += image ? image->content.size() : 0;
  note_added(record);
  return success();
}

/// The commit point of all commits in the group, and the steps after it.
void LogWriter::finish_group() {
  if (group_.empty()) return;
  if (root_.options.system.observer != nullptr) {
    root_.options.system.observer->group_formed(group_.size());
  }
  if (const auto flushed = log_.flush(); !flushed) {
    recover_in_place(flushed.error(), Fate::unknown);
  } else {
    note_change();
    for (Errand* errand : group_) errand->commit->fate = Fate::committed;
    for (Errand* errand : group_) {
      const auto published = later_ ? leave_for_later(*errand->commit) : publish(*errand->commit);
      if (!published) {
        recover_in_place(published.error(), Fate::committed);
        break;
      }
      errand->commit->fate = Fate::durable;
    }
  }
  group_.clear();
  group_bytes_ = 0;
  if (!later_) planned_.clear();
}

/// Records are durable, and wait for a settling from now on.
void LogWriter::note_change() {
  if (first_change_) return;
  first_change_ = root_.random.monotonic();
  if (settler_) settler_->changed();
}

void LogWriter::settle_if_due() {
  const bool timed = first_change_ && settle_after_ > std::chrono::milliseconds::zero();
  if (stopped_ || !timed || root_.random.monotonic() - *first_change_ < settle_after_) return;
  (void)settle_now(true);  // after a failure the root refuses everything, and says why
}

Result<void> LogWriter::leave_for_later(LogCommit& commit) {
  for (const std::string& staged : root_.unpublished.note(commit.journal, std::move(commit.left))) {
    const auto removed = unlink_if_there(root_.files, root_.private_directory.get(), staged);
    BOOST_OUTCOME_TRY(root_.checked(commit_step, "", removed));
  }
  return success();
}

/// In later mode: all files get their paths.
Result<void> LogWriter::publish_left() {
  const auto lock = root_.unpublished.change();
  BOOST_OUTCOME_TRY(const RecoveryReport report, publish_log(root_, log_, known_));
  forget_left(report);
  return success();
}

/// Forgets the files that were left: all are in place, except paths that somebody else had changed.
void LogWriter::forget_left(const RecoveryReport& report) {
  planned_.clear();
  root_.unpublished.clear();
  const std::lock_guard lock(left_alone_mutex_);
  std::ranges::copy_if(report.paths, std::back_inserter(left_alone_),
                       [](const auto& path) { return path.step == RecoveryStep::foreign; });
}

Result<void> LogWriter::publish(LogCommit& commit) {
  Directories& directories = commit.changes.directories();
  BOOST_OUTCOME_TRY(commit.changes.staged().flush());  // `fast`: waits for the data
  std::vector<const JournalEntry*> left_alone;
  const JournalEntry* last = nullptr;
  for (const JournalEntry& entry : commit.journal.entries) {
    BOOST_OUTCOME_TRY(const bool untouched, is_untouched(root_, entry, directories));
    if (!untouched) {
      left_alone.push_back(&entry);
      commit.left_alone.push_back(entry.path);
      continue;
    }
    known_.before_change(directories, entry);
    BOOST_OUTCOME_TRY(apply_entry(root_, commit.journal, entry, directories, StagedName::given_up));
    known_.after_change(directories, entry);
    last = &entry;
  }
  if (last != nullptr) last_directory_.reset();
  if (last != nullptr && last->action != JournalAction::put) {
    BOOST_OUTCOME_TRY(
        const Handle directory,
        root_.checked(commit_step, last->path, directories.open(parent_of(last->path))));
    BOOST_OUTCOME_TRY(const Handle again, root_.checked(commit_step, last->path,
                                                        root_.files.open_beneath(directory, ".")));
    last_directory_ = OwnedHandle(root_.files, again);
  }
  BOOST_OUTCOME_TRY(Kept kept, keep_left_alone(root_, commit.journal, left_alone));
  commit.set_aside = std::move(kept.directory);
  return success();
}

/// Answers a commit of the group, by whether recovery found its record.
void LogWriter::answer(Errand& errand, const LogRecovery& recovery, const Error& why) {
  LogCommit& commit = *errand.commit;
  if (errand.number >= recovery.next_number) {
    errand.outcome = why;
    commit.fate = errand.outcome.error().fate = Fate::unchanged;
    return;
  }
  commit.fate = Fate::durable;
  commit.left_alone.clear();
  for (const RecoveredPath& path : recovery.report.paths) {
    const bool is_of_commit =
        std::ranges::find(commit.journal.entries, path.path, &JournalEntry::path) !=
        commit.journal.entries.end();
    if (is_of_commit && path.step == RecoveryStep::foreign) commit.left_alone.push_back(path.path);
  }
  if (!commit.left_alone.empty()) commit.set_aside = recovery.report.set_aside;
}

void LogWriter::recover_in_place(const Error& why, Fate otherwise) {
  ++failures_;
  known_.forget();
  bases_.clear();
  last_directory_.reset();
  const auto lock = root_.unpublished.change();
  const auto recovered = recover_log(root_, log_);
  sync_mark_ = failed_syncs();
  if (recovered) {
    root_.tell(recovered.value().report);
    first_change_.reset();
    if (later_) forget_left(recovered.value().report);
    for (Errand* errand : group_) {
      if (errand->commit->fate != Fate::durable) answer(*errand, recovered.value(), why);
    }
    return;
  }
  stop(why);
  for (Errand* errand : group_) {
    if (errand->commit->fate == Fate::durable) continue;  // published before
    errand->outcome = why;
    errand->commit->fate = errand->outcome.error().fate = otherwise;
  }
}

/// From here on an older program refuses the root, and a newer one looks into the log.
Result<void> LogWriter::begin_log() {
  if (live_) return success();
  auto id = names::make_transaction_id(root_.random);
  if (!id) return root_.failure(commit_step, "", id.error());
  Journal journal{.id = std::move(id.value()), .entries = {}};
  journal.directories.push_back({"", identity_of(root_.status.version)});
  journal.private_directory = identity_of(root_.private_status.version);
  journal.format = log_journal_format;
  auto committed =
      commit_journal(root_, encode_journal(journal), names::journal, Protocol::portable);
  if (!committed) {
    ++failures_;
    // The log has no record yet, so nothing has changed.
    committed.error().fate = Fate::unchanged;
    return std::move(committed.error());
  }
  live_ = true;
  return success();
}

Result<void> LogWriter::sync_published() {
  // With an ordered protocol, a sync of the last change makes all earlier ones durable. A staged
  // file that got its path was a change of the private directory, too.
  const Handle last = last_directory_ ? last_directory_.get() : root_.private_directory.get();
  BOOST_OUTCOME_TRY(
      root_.checked(settle_step, "",
                    noted(root_.files, last,
                          protocol_ == Protocol::fast
                              ? root_.files.sync_directory(last)
                              : root_.files.sync_file_system(root_.private_directory.get()))));
  const auto confirmed =
      confirm_syncs(root_.files, root_.private_directory.get(), Handle::none, sync_mark_);
  if (confirmed) return success();
  return explain_dead_journal(root_.failure(settle_step, "", confirmed.error()));
}

Result<void> LogWriter::settle_all(bool for_good) {
  Result<void> settled = success();
  if (!log_.is_empty()) {
    if (later_) settled = publish_left();
    if (settled) settled = sync_published();
    if (settled) settled = log_.turn();
  }
  if (settled && for_good && !log_.is_flushed()) settled = log_.flush();
  return settled;
}

Result<void> LogWriter::settle_now(bool for_good) {
  Observer* const observer = log_.is_empty() ? nullptr : root_.options.system.observer;
  const auto begin = observer != nullptr ? root_.random.monotonic() : std::chrono::nanoseconds();
  auto settled = settle_all(for_good);
  if (observer != nullptr) {
    observer->settled(root_.path.native(), root_.random.monotonic() - begin,
                      settled ? nullptr : &settled.error());
  }
  if (settled) {
    sync_mark_ = failed_syncs();
    first_change_.reset();
    bases_.clear();
    last_directory_.reset();
    return success();
  }
  recover_in_place(settled.error(), Fate::committed);
  return stopped_ ? std::move(settled) : Result<void>(success());
}

Result<void> LogWriter::end_log() {
  if (!live_) return success();
  BOOST_OUTCOME_TRY(settle_now(true));
  // Set first: if the removal fails half-way, nobody knows whether the journal is there, and the
  // next commit writes it.
  live_ = false;
  auto removed = remove_journal(root_, settle_step, Protocol::portable, false);
  if (!removed) ++failures_;
  return removed;
}

}  // namespace perdure
