// SPDX-License-Identifier: BSL-1.0
// Commits in a directory that another user may write to, while he is at work there: before any call
// of ours he exchanges, replaces, links, removes, plants, changes modes and holds locks. The input
// says the kind of directory, who we are, the files there, a program, and his acts. The table "Whom
// perdure believes" of SECURITY.md must hold, row by row.
#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/recovery.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>

#include "neighbour_place.hpp"

namespace perdure::fuzz {

namespace {

constexpr std::size_t steps_max = 3;
/// Bytes for the program; what is behind them are the acts.
constexpr std::size_t program_size = 40;
constexpr std::chrono::milliseconds lock_timeout{20};

struct State {
  std::int64_t count = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(State, (), (count, text))
using Tracker = StateTracker<State>;

/// The means of a step.
struct Run {
  Place& place;
  const Scene& scene;
  InputBytes& input;
  std::size_t marks = 0;
  bool made = false;  ///< One step made /place/made, which he may have exchanged by now.

  /// In one content and in no other. Contents that nobody else may read begin with another word.
  std::string next_mark(const Metadata& metadata) {
    const bool secret = !metadata.preserved && metadata.mode == 0600;
    return std::string(secret ? secret_mark : our_mark) + " " + std::to_string(++marks) + ";";
  }
};

// --- Files.

/// A commit ended. No oracle asks what became of the name later where others may rename.
void check_told(Run& run, std::size_t attempt, const Error* error) {
  const Attempt& story = run.place.look_at(attempt);
  const bool safe = run.place.is_safe(story.path);
  // One look behind the publish finds out whether our file has the name. It believes files of the
  // directory's owner, and later ones of ours (the row "what has the target's name behind the
  // publish"). Behind a link of his it is another name.
  const bool can_tell = run.scene.is_safe() || (run.scene.has_neighbours() &&
                                                !run.place.has_linked() && story.path != "l");
  const bool named = story.by_us || story.by_him || (!run.scene.is_safe() && story.excused);
  if (error == nullptr) {
    run.place.must(named || !can_tell, "success means that our content had the target's name");
    if (!safe || run.place.has_linked()) return;
    auto now = run.place.content(story.path);
    if (!now && story.path == "l") now = run.place.content("t");  // our own link leads there
    run.place.must(now && now->find(story.mark) != std::string::npos,
                   "where nobody else may rename, a commit's content stays in place");
    return;
  }
  switch (error->fate) {
    case Fate::unchanged:
      return run.place.must(!story.by_us, "unchanged means that our content got no target's name");
    case Fate::visible:
    case Fate::durable:
      return run.place.must(named || !can_tell,
                            "visible means that our content had the target's name");
    case Fate::committed:
      return run.place.must(false, "a file is never committed");
    case Fate::unknown:
      return run.place.must(!safe || run.place.has_linked(),
                            "where nobody else may rename, what became of the target is known");
  }
}

template <class T>
void check_told(Run& run, std::size_t attempt, const Result<T>& result) {
  check_told(run, attempt, result ? nullptr : &result.error());
}

Metadata metadata_of(InputBytes& input) {
  return input.one_of(std::array{Metadata::preserve(), Metadata::fixed(0600), Metadata::fixed(0644),
                                 Metadata::preserve_with_mode(0600)});
}

WriteOptions options_of(InputBytes& input) {
  WriteOptions options;
  options.metadata = metadata_of(input);
  options.existing = input.one_of(std::array{ExistingPolicy::replace, ExistingPolicy::replace,
                                             ExistingPolicy::keep, ExistingPolicy::backup});
  options.symlink = input.one_of(std::array{SymlinkPolicy::follow, SymlinkPolicy::follow,
                                            SymlinkPolicy::replace, SymlinkPolicy::refuse});
  const std::uint8_t flags = input.number();
  options.coordinate = (flags & 1U) != 0;
  options.verify = (flags & 2U) != 0;
  options.durability = (flags & 12U) == 4   ? Durability::ordered
                       : (flags & 12U) == 8 ? Durability::none
                                            : Durability::durable;
  if (options.durability == Durability::none) options.verify = false;
  if ((flags & 16U) != 0) options.protocol = ProtocolChoice::automatic;
  if ((flags & 32U) != 0) options.group = std::make_shared<GroupCommit>();
  options.report_version = (flags & 64U) != 0;
  options.lock_timeout_ms = lock_timeout;
  return options;
}

std::string content_with(const std::string& mark, InputBytes& input) {
  constexpr std::array<std::size_t, 3> sizes{0, 600, 5000};
  return mark + std::string(input.one_of(sizes), '-');
}

std::string target_of(InputBytes& input) {
  return input.one_of(std::array<std::string, 5>{"t", "t", "u", "l", "v"});
}

Path path_of(const std::string& target) {
  return "/place/" + target;
}

void write(Run& run) {
  const WriteOptions options = options_of(run.input);
  const std::string target = target_of(run.input);
  const std::string mark = run.next_mark(options.metadata);
  const std::string content = content_with(mark, run.input);
  const std::size_t attempt = run.place.attempt(target, mark);
  check_told(run, attempt, write_file(path_of(target), content, options, run.place.system()));
}

/// The directory just made may be exchanged at once, and the commit goes nowhere else.
void write_below_made(Run& run) {
  if (run.made) return;
  run.made = true;
  WriteOptions options = options_of(run.input);
  options.make_parents = true;
  const std::string mark = run.next_mark(options.metadata);
  const std::size_t attempt = run.place.attempt("made/t", mark);
  run.place.expect_made();
  check_told(run, attempt, write_file("/place/made/t", mark, options, run.place.system()));
}

void stream(Run& run) {
  const WriteOptions options = options_of(run.input);
  const std::string target = target_of(run.input);
  const std::string mark = run.next_mark(options.metadata);
  const std::string content = content_with(mark, run.input);
  const bool discarded = run.input.below(8) == 1;
  const std::size_t attempt = run.place.attempt(target, mark);
  check_told(run, attempt, [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(auto file, AtomicFile::create(path_of(target), options, run.place.system()));
    const Bytes bytes = as_bytes(content);
    BOOST_OUTCOME_TRY(file.write(bytes.first(bytes.size() / 2)));
    BOOST_OUTCOME_TRY(file.write(bytes.subspan(bytes.size() / 2)));
    if (!discarded) {
      BOOST_OUTCOME_TRY(file.commit());
      return success();
    }
    BOOST_OUTCOME_TRY(file.discard());
    run.place.must(!run.place.look_at(attempt).by_us, "what is discarded gets no target's name");
    Error never;
    return never;
  }());
}

void batch(Run& run) {
  const WriteOptions options = options_of(run.input);
  constexpr std::array targets{"t", "u", "v"};
  std::vector<std::string> contents;
  std::vector<std::size_t> attempts;
  for (const char* target : targets) {
    contents.push_back(run.next_mark(options.metadata));
    attempts.push_back(run.place.attempt(target, contents.back()));
  }
  std::vector<NewFile> files;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    files.push_back({path_of(targets.at(i)), as_bytes(contents[i]), {}});
  }
  const auto results = write_files(files, options, run.place.system());
  for (std::size_t i = 0; i < results.size(); ++i) check_told(run, attempts[i], results[i]);
}

/// Read, and written back if it is the same still. Among programs that take the lock, which the
/// neighbour does not: so it says nothing where he may rename, nor of a name that was free.
void update(Run& run) {
  WriteOptions options = options_of(run.input);
  options.existing = ExistingPolicy::replace;
  const std::string target = target_of(run.input);
  const auto read = read_file(path_of(target), 1U << 20U, run.place.system());
  if (read) options.expected = read.value().version;
  if (!read) options.expected = Version::absent();
  const std::string mark = run.next_mark(options.metadata);
  const std::size_t attempt = run.place.attempt(target, mark);
  const auto done = write_file(path_of(target), mark, options, run.place.system());
  check_told(run, attempt, done);
  const Attempt& story = run.place.look_at(attempt);
  if (!done || !read || !run.place.is_safe(target) || run.place.has_linked() || target == "l") {
    return;
  }
  const std::string before(as_text(read.value().bytes));
  const bool his = before.find(our_mark) == std::string::npos &&
                   before.find(secret_mark) == std::string::npos && before != "old";
  if (his) return;  // replaced without anything of it (fixed metadata), or he changed it since
  run.place.must(story.replaced == before, "a commit replaces the version that it expects");
}

void remove(Run& run) {
  WriteOptions options;
  options.coordinate = run.input.flag();
  options.lock_timeout_ms = lock_timeout;
  const std::string target = target_of(run.input);
  const auto before = run.place.content(target);
  const auto removed = remove_file(path_of(target), options, run.place.system());
  if (removed || !before || !run.place.is_safe(target)) return;
  const bool ours = before->find(our_mark) != std::string::npos;
  if (removed.error().fate != Fate::unchanged || !ours) return;
  run.place.must(run.place.content(target) == before, "a removal that failed removes nothing");
}

// --- States.

/// In a sticky directory, and in our own, no state of his is taken; but for one in a directory of
/// his, to which a link of his leads (the row "a link at the target").
void check_not_planted(Run& run, const Tracker& tracker) {
  if (!run.scene.is_safe() || run.place.has_linked()) return;
  run.place.must(tracker.state()->count < planted_min, "no tracker takes a state that was planted");
}

void save(Run& run, Tracker& tracker, const Metadata& metadata) {
  const std::string mark = run.next_mark(metadata);
  const std::size_t attempt = run.place.attempt("state", mark);
  const auto saved = tracker.update([&](State& state) {
    state.count = state.count % 1000 + 1;
    state.text = mark;
  });
  check_told(run, attempt, saved);
  if (saved) run.place.must(tracker.state()->text == mark, "memory has what was saved");
  check_not_planted(run, tracker);
}

void track(Run& run) {
  TrackerOptions options;
  options.lock = run.input.flag() ? TrackerLock::exclusive : TrackerLock::shared;
  options.previous_max = static_cast<std::uint32_t>(run.input.below(4));
  options.damage = run.input.one_of(
      std::array{DamagePolicy::set_aside, DamagePolicy::refuse, DamagePolicy::accept_edit});
  options.file.metadata = metadata_of(run.input);
  if (run.input.flag()) options.file.protocol = ProtocolChoice::automatic;
  options.file.size_max = 1U << 20U;
  options.lock_timeout_ms = lock_timeout;
  options.system = run.place.system();
  const std::size_t saves = 1 + run.input.below(3);
  const bool reloads = run.input.flag();
  auto opened = Tracker::open("/place/state", options);
  if (!opened) return;
  Tracker& tracker = opened.value();
  check_not_planted(run, tracker);
  for (std::size_t i = 0; i < saves; ++i) {
    save(run, tracker, options.file.metadata);
    if (reloads && tracker.reload()) check_not_planted(run, tracker);
  }
  (void)tracker.history();
}

// --- Transactions.

struct Put {
  std::string path;
  std::size_t attempt;
};

/// One change of a transaction; a put is noted.
Result<void> change(Run& run, Transaction& transaction, const Metadata& metadata,
                    std::vector<Put>& puts) {
  const std::array<std::string, 8> paths{"t", "u", "sub/a", "sub/b", "new/a", "v", "t", "sub/a"};
  const std::string path = run.input.one_of(paths);
  const std::string to = run.input.one_of(paths);
  const auto forget = [&](const std::string& changed) {
    std::erase_if(puts, [&](const Put& put) { return put.path == changed; });
  };
  const std::size_t kind = run.input.below(8);
  if (kind == 0) {
    BOOST_OUTCOME_TRY(transaction.remove(path));
    forget(path);
  } else if (kind == 1) {
    BOOST_OUTCOME_TRY(transaction.make_directory(run.input.flag() ? "sub" : "new"));
  } else if (kind == 2) {
    BOOST_OUTCOME_TRY(transaction.move(path, to));
    forget(path);  // a put that was moved is not looked for
    forget(to);
  } else if (kind == 3) {
    const auto version = read_version(path_of(path), run.place.system());
    if (version) {
      BOOST_OUTCOME_TRY(transaction.expect(path, version.value()));
    }
  } else {
    const std::string mark = run.next_mark(metadata);
    const std::size_t attempt = run.place.attempt(path, mark);
    BOOST_OUTCOME_TRY(transaction.put(path, content_with(mark, run.input)));
    forget(path);
    puts.push_back({path, attempt});
  }
  return success();
}

/// One look behind the publish is what transactions do without (SECURITY.md, "A user who may rename
/// in the target's directory"): their success says nothing where he may exchange.
void check_committed(Run& run, const std::vector<Put>& puts, const TransactionReceipt& receipt) {
  for (const Put& put : puts) {
    const Attempt& story = run.place.look_at(put.attempt);
    const bool left = std::ranges::find(receipt.left_alone, put.path) != receipt.left_alone.end();
    if (left || !run.place.is_safe(put.path)) continue;
    run.place.must(story.by_us, "what a transaction committed has its name");
    const auto now = run.place.content(put.path);
    run.place.must(now && now->find(story.mark) != std::string::npos,
                   "what a transaction committed stays in place");
  }
}

TransactionOptions transaction_options(Run& run) {
  TransactionOptions options;
  options.metadata = metadata_of(run.input);
  if (run.input.flag()) options.protocol = ProtocolChoice::automatic;
  options.lock_timeout_ms = lock_timeout;
  options.system = run.place.system();
  return options;
}

void transact(Run& run) {
  const TransactionOptions options = transaction_options(run);
  std::vector<Put> puts;
  Fate fate = Fate::unchanged;
  const auto done = [&]() -> Result<TransactionReceipt> {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/place", options));
    for (std::size_t changes = 1 + run.input.below(3); changes > 0; --changes) {
      BOOST_OUTCOME_TRY(change(run, transaction, options.metadata, puts));
    }
    auto committed = transaction.commit();
    if (!committed) fate = committed.error().fate;
    return committed;
  }();
  if (done) return check_committed(run, puts, done.value());
  if (fate != Fate::unchanged) return;
  for (const Put& put : puts) {
    run.place.must(!run.place.look_at(put.attempt).by_us,
                   "a transaction that failed gives nothing a target's name");
  }
}

void recover_it(Run& run) {
  const TransactionOptions options = transaction_options(run);
  (void)inspect("/place", options);
  if (run.input.below(4) == 1) {
    (void)abandon("/place", options);
  } else {
    (void)recover("/place", options);
  }
}

/// The neighbour has gone home. No entry that he blocked holds the root up: what can't be
/// finished takes a decision by a person (docs/format.md), and all else is finished.
bool check_root(Run& run) {
  TransactionOptions options;
  options.lock_timeout_ms = lock_timeout;
  options.system = run.place.system();
  const auto fault = [&] {
    const auto begun = Transaction::begin("/place", options);
    return begun ? std::optional<Error>() : std::optional<Error>(begun.error());
  };
  auto error = fault();
  if (!error) return true;
  if (error->kind == ErrorKind::recovery_required) return false;
  if (error->fate == Fate::committed) {
    run.place.must(false,
                   "a journal that can't be finished asks for a person: " + error->message());
  }
  if (!run.scene.is_safe()) return false;  // marker and private directory may be anything, or gone
  run.place.remove_his();
  error = fault();
  if (error && error->kind != ErrorKind::recovery_required) {
    run.place.must(false, "what was planted is all that keeps from a root: " + error->message());
  }
  return !error;
}

// --- A run.

Scene scene_of(InputBytes& input) {
  using enum PlaceKind;
  Scene scene;
  scene.kind = input.one_of(std::array{own, sticky, sticky, his, his_sticky, group, world, sticky});
  if (input.flag()) scene.us = {.user = 1000, .group = 1000};
  return scene;
}

void step(Run& run) {
  switch (run.input.below(12)) {
    case 0:
    case 1:
      return write(run);
    case 2:
      return stream(run);
    case 3:
      return batch(run);
    case 4:
      return update(run);
    case 5:
      return remove(run);
    case 6:
    case 7:
      return track(run);
    case 8:
      return recover_it(run);
    case 9:
      return write_below_made(run);
    default:
      return transact(run);
  }
}

void check(InputBytes input) {
  const Scene scene = scene_of(input);
  testing::SimulatedFileSystem disk(input.flag() ? testing::presets::ext4
                                                 : testing::presets::worst);
  prepare(disk, scene, input);
  const std::size_t steps = 1 + input.below(steps_max);
  InputBytes program(input.bytes(program_size));
  Place place(disk, scene, input);
  Run run{place, scene, program};
  for (std::size_t i = 0; i < steps; ++i) step(run);
  (void)place.look_at(place.attempt("t", "nothing of the kind"));
  place.go_home();
  if (check_root(run) && scene.is_safe()) place.must(place.temps() == 0, "no temp is left");
  place.must(disk.handles_open() == 0, "nothing is left open");
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
