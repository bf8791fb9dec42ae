// SPDX-License-Identifier: BSL-1.0
// The order of a commit: locks, checks, journal, putting in place, settling.
#include <algorithm>

#include <perdure/detail/stopwatch.hpp>
#include <perdure/transaction.hpp>

#include "base/internal.hpp"
#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/observe.hpp"
#include "engine/protocol.hpp"
#include "log/log_writer.hpp"
#include "transaction/apply.hpp"
#include "transaction/changes.hpp"
#include "transaction/evidence.hpp"
#include "transaction/expectations.hpp"
#include "transaction/journal_file.hpp"
#include "transaction/marker.hpp"
#include "transaction/mirror.hpp"
#include "transaction/open_root.hpp"
#include "transaction/precheck.hpp"
#include "transaction/recovery.hpp"

namespace perdure {

struct PERDURE_LOCAL Transaction::State {
  State(std::unique_ptr<TransactionRoot> opened, std::string id, Protocol chosen,
        RecoveryReport found)
      : owned(std::move(opened)),
        root(owned.get()),
        protocol(chosen),
        changes(*root, std::move(id), chosen),
        recovery(std::move(found)) {}
  State(TransactionRoot& held, LogWriter& through, std::string id)
      : root(&held),
        log(&through),
        failures_before(through.failures()),
        protocol(through.protocol()),
        changes(held, std::move(id), through.protocol()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Nobody can commit it any more: its transaction is gone, or another one was assigned to it.
  ~State() {
    if (!over) finish();
  }

  Result<void> check_open(std::string_view step, bool changing = true) const {
    if (!root->made_by.this_process()) {
      return root->failure(step, "", ErrorKind::invalid_argument,
                           "another process began this transaction: a forked child can't go on "
                           "with it; begin one after the fork");
    }
    if (!over && !(staging_now && changing)) return success();
    Error error =
        root->failure(step, "", ErrorKind::invalid_argument,
                      over ? "this transaction was committed or failed before; begin a new one"
                           : "a source of this transaction may read it, and change nothing");
    error.fate = fate;
    return error;
  }
  /// Runs a call that stages something. A failure half-way, or an exception that passes (a source
  /// may throw), ends the transaction: the caller must not commit a part.
  template <class Call>
  Result<void> stage(Call call) {
    struct Ending {
      State& state;
      bool returned = false;
      explicit Ending(State& of) noexcept : state(of) { state.staging_now = true; }
      Ending(const Ending&) = delete;
      Ending& operator=(const Ending&) = delete;
      ~Ending() {
        state.staging_now = false;
        if (!returned || state.changes.is_broken()) state.finish();
      }
    };
    Ending ending(*this);
    Result<void> outcome = call();
    ending.returned = true;
    return outcome;
  }
  void finish() noexcept {
    over = true;
    if (root->made_by.this_process()) changes.staged().discard();  // else they are the parent's
    expected.unlock();
    if (owned) owned->release();
  }

  Result<void> check_path(std::string_view step, const std::string& path) const {
    return root->check_path(step, path, naming);
  }
  void note(std::string_view stage, detail::Stopwatch& watch) {
    note_stage(ran, {stage, watch.lap()}, root->options.system.observer, root->path.native());
  }
  Result<void> put_in_place(const std::string& path);
  [[nodiscard]] Result<void> put_all_in_place() const;
  Result<Journal> reach_commit_point(TransactionReceipt& receipt, detail::Stopwatch& watch);
  Result<void> apply(const Journal& journal, TransactionReceipt& receipt);
  Result<void> lock_expected();
  Result<TransactionReceipt> commit();
  Result<TransactionReceipt> commit_by_journal();
  Result<std::optional<TransactionReceipt>> commit_by_log();
  [[nodiscard]] bool fits_record();
  std::shared_ptr<const FileImage> image_for_later(const JournalEntry& entry,
                                                   const FileImage& image);

  std::unique_ptr<TransactionRoot> owned;  // empty where somebody else holds it open
  TransactionRoot* root;
  LogWriter* log = nullptr;
  std::uint64_t failures_before = 0;  // of the log's
  Protocol protocol;
  Changes changes;
  RecoveryReport recovery;
  Expectations expected{*root, changes};
  std::function<Result<void>()> compare;  // of a state: decides last whether to commit
  Fate fate = Fate::unchanged;            // of the commit: what an error would say now
  std::vector<StageTime> ran;
  TransactionRoot::Naming naming = TransactionRoot::Naming::of_users;
  bool over = false;
  bool staging_now = false;  // a call is running, and with it maybe code of the caller's
};

/// Puts the committed content of the path in place, if the log left that for later.
Result<void> Transaction::State::put_in_place(const std::string& path) {
  if (log == nullptr) return success();
  bool left = false;
  {
    const auto held = root->unpublished.hold();
    BOOST_OUTCOME_TRY(const LeftFile* const found, root->unpublished.find(path));
    left = found != nullptr;
  }
  return left ? log->settle() : success();
}

/// Puts everything in place, so that a look into a directory finds all that was committed.
Result<void> Transaction::State::put_all_in_place() const {
  const bool left = log != nullptr && root->unpublished.expected;
  return left ? log->settle() : Result<void>(success());
}

Result<void> Transaction::State::apply(const Journal& journal, TransactionReceipt& receipt) {
  // Somebody may have moved a directory while the journal went to the disk. Its handle would lead
  // to where it is now, and its files are theirs there.
  changes.directories().look_anew();
  std::uint64_t done = 0;
  std::vector<const JournalEntry*> left_alone;
  for (const auto& entry : journal.entries) {
    BOOST_OUTCOME_TRY(const bool untouched, is_untouched(*root, entry, changes.directories()));
    bool applied = false;
    if (untouched) {
      BOOST_OUTCOME_TRY(applied, apply_entry(*root, journal, entry, changes.directories()));
    }
    if (!applied) {
      receipt.left_alone.push_back(entry.path);
      left_alone.push_back(&entry);
    }
    if (root->options.progress) root->options.progress(++done, journal.entries.size());
  }
  BOOST_OUTCOME_TRY(Kept kept, keep_left_alone(*root, journal, left_alone));
  receipt.set_aside = std::move(kept.directory);
  return success();
}

/// Does everything up to the commit point, and the commit point.
Result<Journal> Transaction::State::reach_commit_point(TransactionReceipt& receipt,
                                                       detail::Stopwatch& watch) {
  // The paths count as they are now. A directory that they led to at a `put` may have been moved
  // since.
  changes.directories().look_anew();
  BOOST_OUTCOME_TRY(expected.lock());
  note("check", watch);
  BOOST_OUTCOME_TRY(Journal journal,
                    prepare_journal(*root, changes, expected.versions(), Preparation::for_journal));
  BOOST_OUTCOME_TRY(expected.check_nowhere());
  if (compare) {
    BOOST_OUTCOME_TRY(compare());
  }
  note("stage", watch);
  if (journal.entries.empty()) return journal;
  BOOST_OUTCOME_TRY(mark_root(*root));
  // From here on the staged files are left to recovery, also if something is thrown: the journal
  // may name them. If there is no journal, recovery discards them.
  changes.staged().keep(true);
  const Buffer encoded = encode_journal(journal);
  fate = Fate::unknown;
  const auto committed = commit_journal(*root, encoded, names::journal, protocol);
  fate = committed ? Fate::committed : committed.error().fate;
  if (committed) {
    receipt.confirmed = committed.value();
    note("journal", watch);
    return journal;
  }
  if (fate == Fate::unchanged) changes.staged().keep(false);
  return committed.error();
}

/// A moved file has content of any size, which a record does not copy. A log record can't have
/// symbolic links, removals of directories, or a directory in the place of a file.
bool Transaction::State::fits_record() {
  return log->takes(changes.bytes()) &&
         std::ranges::none_of(changes.by_path(), [](const auto& item) {
           const Change& change = item.second;
           return change.staged.moved || change.staged.symlink ||
                  change.action == JournalAction::remove_directory || change.changes_type;
         });
}

/// The part of an image that memory keeps: the metadata, and the content if no file has it.
std::shared_ptr<const FileImage> Transaction::State::image_for_later(const JournalEntry& entry,
                                                                     const FileImage& image) {
  const auto& held = changes.by_path().at(entry.path).staged.held;
  if (held) return held;
  FileImage metadata{.mode = image.mode,
                     .owner = image.owner,
                     .group = image.group,
                     .xattrs = image.xattrs,
                     .content = {}};
  return std::make_shared<const FileImage>(std::move(metadata));
}

/// Compares the expected versions and takes their locks, before the caller waits in the log's
/// queue. Under the leader nobody may wait for one: its holder may be a caller who waits for the
/// leader.
Result<void> Transaction::State::lock_expected() {
  changes.directories().look_anew();
  for (const auto& [path, version] : expected.versions()) {
    BOOST_OUTCOME_TRY(put_in_place(path));
  }
  return expected.lock();
}

/// Empty if a record can't hold it; then nothing happened.
Result<std::optional<TransactionReceipt>> Transaction::State::commit_by_log() {
  std::optional<TransactionReceipt> receipt;
  if (!fits_record()) return receipt;
  receipt.emplace();
  detail::Stopwatch watch(root->random);
  LogCommit wanted(changes);
  wanted.failures = failures_before;
  wanted.times_alone = log->times_alone();
  BOOST_OUTCOME_TRY(lock_expected());
  note("check", watch);
  BOOST_OUTCOME_TRY(wanted.journal,
                    prepare_journal(*root, changes, expected.versions(), Preparation::for_log));
  BOOST_OUTCOME_TRY(expected.check_nowhere());
  for (const JournalEntry& entry : wanted.journal.entries) {
    FileImage image;
    if (entry.action == JournalAction::put) {
      BOOST_OUTCOME_TRY(
          image, changes.staged().image(changes.by_path().at(entry.path).staged, entry.path));
    }
    if (root->unpublished.expected && entry.action == JournalAction::put) {
      wanted.left.push_back(image_for_later(entry, image));
    } else {
      wanted.left.emplace_back();
    }
    wanted.files.push_back(std::move(image));
  }
  for (const auto& [path, version] : expected.versions()) wanted.expected.push_back(path);
  wanted.compare = [this]() -> Result<void> {
    BOOST_OUTCOME_TRY(expected.compare());
    return compare ? compare() : Result<void>(success());
  };
  note("stage", watch);
  receipt->id = wanted.journal.id;
  receipt->files = wanted.journal.entries.size();
  receipt->bytes = changes.bytes();
  receipt->protocol = Protocol::logged;
  if (wanted.journal.entries.empty()) return receipt;
  fate = Fate::unknown;  // if an exception comes
  const auto committed = log->commit(wanted);
  fate = wanted.fate;
  if (!committed) return committed.error();
  note("log", watch);
  if (!committed.value()) return std::optional<TransactionReceipt>();
  changes.staged().keep(wanted.left_alone.empty());  // they have their paths
  receipt->left_alone = std::move(wanted.left_alone);
  receipt->set_aside = std::move(wanted.set_aside);
  return receipt;
}

Result<TransactionReceipt> Transaction::State::commit() {
  if (log == nullptr) return commit_by_journal();
  BOOST_OUTCOME_TRY(auto logged, commit_by_log());
  if (logged) {
    logged->stages = ran;
    return std::move(*logged);
  }
  ran.clear();
  BOOST_OUTCOME_TRY(lock_expected());
  BOOST_OUTCOME_TRY(changes.make_files());
  TransactionReceipt receipt;
  BOOST_OUTCOME_TRY(log->alone(failures_before, [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(receipt, commit_by_journal());
    return success();
  }));
  return receipt;
}

Result<TransactionReceipt> Transaction::State::commit_by_journal() {
  TransactionReceipt receipt;
  detail::Stopwatch watch(root->random);
  BOOST_OUTCOME_TRY(const Journal journal, reach_commit_point(receipt, watch));
  receipt.id = journal.id;
  receipt.files = journal.entries.size();
  receipt.bytes = changes.bytes();
  receipt.protocol = protocol;
  const std::uint64_t mark = failed_syncs();
  auto done = apply(journal, receipt);
  note("apply", watch);
  if (done && !journal.entries.empty()) {
    done = settle(*root, journal, changes.directories(), protocol, false, mark);
    note("settle", watch);
  }
  if (done) {
    fate = Fate::durable;
    receipt.stages = ran;
    return receipt;
  }
  done.error().fate = fate;
  return std::move(done.error());
}

Transaction::Transaction(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<Transaction> Transaction::begin(const Path& path, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto root, open_root(path, options));
  WriteOptions wanted;
  wanted.protocol = options.protocol;
  BOOST_OUTCOME_TRY(
      const Protocol protocol,
      choose_protocol(root->files, root->private_directory.get(), wanted, path.native(), true));
  auto id = names::make_transaction_id(root->random);
  if (!id) return root->failure("begin a transaction", "", id.error());
  // Comes last, so that no later failure loses its report.
  BOOST_OUTCOME_TRY(RecoveryReport recovery, recover_root(*root));
  return Transaction(std::make_unique<State>(std::move(root), std::move(id.value()), protocol,
                                             std::move(recovery)));
}

Result<Transaction> Transaction::begin_logged(TransactionRoot& root, LogWriter& log) {
  auto id = names::make_transaction_id(root.random);
  if (!id) return root.failure("begin a transaction", "", id.error());
  return Transaction(std::make_unique<State>(root, log, std::move(id.value())));
}

void Transaction::is_of_state(std::function<Result<void>()> compare) {
  state_->naming = TransactionRoot::Naming::of_states;
  state_->compare = std::move(compare);
}

const RecoveryReport& Transaction::recovery() const noexcept {
  return state_->recovery;
}

Result<void> Transaction::put(const std::string& path, Bytes content, const PutOptions& options) {
  return put_from(
      path, [content](Sink& sink) { return sink.write(content); }, options);
}

Result<void> Transaction::put_from(const std::string& path,
                                   const std::function<Result<void>(Sink&)>& source,
                                   const PutOptions& options) {
  constexpr std::string_view step = "stage the new content";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  WriteOptions wanted;
  wanted.metadata = options.metadata.value_or(state_->root->options.metadata);
  BOOST_OUTCOME_TRY(check_options(wanted, path));
  if (options.like) {
    BOOST_OUTCOME_TRY(state_->check_path(step, *options.like));
  }
  return state_->stage([&]() -> Result<void> {
    BOOST_OUTCOME_TRY(state_->changes.put(path, wanted.metadata, options.like, source));
    if (options.expected) state_->expected.expect(path, *options.expected);
    return success();
  });
}

Result<void> Transaction::copy(const std::string& from, const std::string& to) {
  constexpr std::string_view step = "copy the file";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, from));
  if (from == to) {
    return state_->root->failure(step, from, ErrorKind::invalid_argument, "it is its own copy");
  }
  return put_from(to, [&](Sink& sink) { return state_->changes.copy(from, sink); }, {.like = from});
}

Result<void> Transaction::put_symlink(const std::string& path, const std::string& text) {
  BOOST_OUTCOME_TRY(state_->check_open(stage_step));
  BOOST_OUTCOME_TRY(state_->check_path(stage_step, path));
  if (text.empty() || text.find('\0') != std::string::npos) {
    return state_->root->failure(stage_step, path, ErrorKind::invalid_argument,
                                 "the text of a symbolic link must have a byte, and none of zero");
  }
  return state_->stage([&] { return state_->changes.put_symlink(path, text); });
}

Result<void> Transaction::remove(const std::string& path) {
  constexpr std::string_view step = "remove the file";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  return state_->stage([&] { return state_->changes.remove(path); });
}

Result<void> Transaction::remove_directory(const std::string& path) {
  constexpr std::string_view step = "remove the directory";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  return state_->stage([&] { return state_->changes.remove_directory(path); });
}

Result<void> Transaction::remove_all(const std::string& path) {
  constexpr std::string_view step = "remove all";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  BOOST_OUTCOME_TRY(state_->put_all_in_place());
  return state_->stage([&] { return state_->changes.remove_all(path); });
}

Result<MirrorReport> Transaction::mirror(SourceTree& source, const MirrorOptions& options) {
  BOOST_OUTCOME_TRY(state_->check_open("mirror the tree"));
  MirrorReport report;
  const auto staged = state_->stage([&]() -> Result<void> {
    BOOST_OUTCOME_TRY(state_->put_all_in_place());
    BOOST_OUTCOME_TRY(report, mirror_tree(*state_->root, state_->changes, source, options));
    return success();
  });
  if (staged) return report;
  state_->finish();  // a part of it may be staged
  return staged.error();
}

Result<MirrorReport> Transaction::mirror(const Path& source) {
  BOOST_OUTCOME_TRY(state_->check_open("mirror the tree"));
  auto tree = SourceTree::open(source, state_->root->options.system);
  if (tree) return mirror(tree.value(), {});
  state_->finish();
  return tree.error();
}

Result<void> Transaction::make_directory(const std::string& path, std::uint32_t mode) {
  constexpr std::string_view step = "make the directory";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  if ((mode & ~07777U) != 0 || (mode & 0300U) != 0300U) {
    return state_->root->failure(
        step, path, ErrorKind::invalid_argument,
        "its mode must be one from 0300 to 07777 that lets its owner write and search");
  }
  return state_->stage([&] { return state_->changes.make_directory(path, mode); });
}

Result<void> Transaction::move(const std::string& from, const std::string& to) {
  constexpr std::string_view step = "move the file";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, from));
  BOOST_OUTCOME_TRY(state_->check_path(step, to));
  BOOST_OUTCOME_TRY(state_->put_in_place(from));
  return state_->stage([&] { return state_->changes.move(from, to); });
}

Result<Buffer> Transaction::read(const std::string& path, std::uint64_t size_max) {
  constexpr std::string_view step = "read the file";
  BOOST_OUTCOME_TRY(state_->check_open(step, false));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  return state_->changes.read(path, size_max);
}

Result<void> Transaction::expect(const std::string& path, const Version& version) {
  constexpr std::string_view step = "expect a version";
  BOOST_OUTCOME_TRY(state_->check_open(step));
  BOOST_OUTCOME_TRY(state_->check_path(step, path));
  return state_->stage([&]() -> Result<void> {
    state_->expected.expect(path, version);
    return success();
  });
}

Result<TransactionReceipt> Transaction::commit() {
  BOOST_OUTCOME_TRY(state_->check_open("commit"));
  struct Ending {
    State& state;
    explicit Ending(State& of) noexcept : state(of) { state.over = true; }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    ~Ending() { state.finish(); }
  };
  const Ending ending(*state_);
  const std::string& path = state_->root->path.native();
  const Durability durability = state_->root->options.durability;
  return observed(
      state_->root->options.system.observer, path, state_->fate, [&] { return state_->commit(); },
      [&](Observer& observer, const Result<TransactionReceipt>& outcome) {
        if (outcome) {
          observer.committed({path, outcome.value().bytes, durability, outcome.value().stages});
        } else {
          observer.failed({.path = path, .stages = state_->ran}, outcome.error());
        }
      });
}

}  // namespace perdure
