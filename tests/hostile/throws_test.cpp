// SPDX-License-Identifier: BSL-1.0
// User code that throws at each of its calls in turn: serializers, sources, stages, edits, copies,
// migrations, observers. Whatever it interrupts, nothing is committed in part, no lock is kept, no
// descriptor and no temp is left, and the next committer gets on with it at once.
#include <atomic>
#include <thread>

#include <perdure/envelope.hpp>
#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

namespace {

using namespace perdure;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using test::TempDirectory;
using testing::FaultyFileSystem;
namespace fs = boost::filesystem;

struct Thrown {};

std::atomic<int> calls_left = 0;  // until user code throws; below 1: never
std::atomic<bool> fired = false;

/// A call of user code: the n-th one throws.
void call() {
  if (calls_left > 0 && --calls_left == 0) {
    fired = true;
    throw Thrown();
  }
}

enum class Outcome { done, refused, thrown };

/// A case: what is there before, the work, and what is wrong afterwards ("" for nothing).
struct Case {
  std::function<void(const fs::path&)> prepare;
  std::function<bool(const fs::path&, System)> work;
  std::function<std::string(const fs::path&, Outcome)> check;
};

std::vector<std::string> temps_beneath(const fs::path& top) {
  std::vector<std::string> temps;
  for (fs::recursive_directory_iterator entry(top), end; entry != end; ++entry) {
    const std::string name = entry->path().filename().native();
    if (name.ends_with(".perdure-tmp")) temps.push_back(entry->path().native());
  }
  return temps;
}

Outcome run(const Case& one, const fs::path& at, System system) {
  try {
    return one.work(at, system) ? Outcome::done : Outcome::refused;
  } catch (const Thrown&) {
    return Outcome::thrown;
  }
}

/// Throws at the n-th call, for n = 1, 2, ... until the work has fewer calls; returns how many it
/// has.
int sweep(const Case& one) {
  constexpr int calls_max = 1000;
  for (int n = 1; n < calls_max; ++n) {
    CAPTURE(n);
    const TempDirectory at("/dev/shm");
    calls_left = 0;
    one.prepare(at.path());
    const std::size_t open = test::descriptors_open();
    FaultyFileSystem counting(native_file_system());
    fired = false;
    calls_left = n;
    const Outcome outcome = run(one, at.path(), {&counting, &native_environment()});
    calls_left = 0;
    CHECK(counting.handles_open() == 0);
    CHECK(test::descriptors_open() == open);
    CHECK(temps_beneath(at.path()) == std::vector<std::string>{});
    CHECK(one.check(at.path(), outcome) == "");
    if (fired) continue;
    CHECK(outcome == Outcome::done);
    return n - 1;
  }
  FAIL("it never came to an end");
  return calls_max;
}

std::string unless(bool right, const std::string& words) {
  return right ? std::string() : words;
}

// --- Files.

struct Chatty {
  Result<void> serialize(const std::string& text, Sink& sink) const {
    call();
    for (const char& letter : text) {
      BOOST_OUTCOME_TRY(sink.write(as_bytes(std::string_view(&letter, 1))));
      call();
    }
    return success();
  }
};

WriteOptions locked() {
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = 0ms;
  return options;
}

/// The target is intact and what the outcome says, and its lock is free.
std::string check_target(const fs::path& at, Outcome outcome, bool may_be_new) {
  const std::string now = test::slurp(at / "target");
  if (now != "old" && now != "new") return "it is '" + now + "'";
  if (outcome == Outcome::done && now != "new") return "it was acknowledged and is old";
  if (outcome != Outcome::done && now != "old" && !may_be_new) return "it was committed";
  const auto next = write_file(at / "target", "next", locked());
  return next ? std::string() : next.error().message();
}

void old_target(const fs::path& at) {
  test::spit(at / "target", "old");
}

template <int number>
struct Told {
  static constexpr std::string_view name = "told";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit& /*commit*/) const {
    call();
    return success();
  }
};

// --- Transactions.

void old_tree(const fs::path& at) {
  fs::create_directories(at / "root/sub");
  for (const char* name : {"root/a", "root/b", "root/sub/c"}) test::spit(at / name, "old");
}

/// All of the tree is of one content; "mixed" otherwise.
std::string tree_at(const fs::path& at) {
  std::string found;
  for (const char* name : {"root/a", "root/b", "root/sub/c"}) {
    const std::string now = test::slurp(at / name);
    if (!found.empty() && found != now) return "mixed";
    found = now;
  }
  return found;
}

TransactionOptions quick(System system = native_system()) {
  TransactionOptions options;
  options.lock_timeout_ms = 0ms;
  options.system = system;
  return options;
}

Result<void> stage(Transaction& transaction) {
  BOOST_OUTCOME_TRY(transaction.put("a", std::string("new"), Chatty()));
  BOOST_OUTCOME_TRY(transaction.put_from("b", [](Sink& sink) -> Result<void> {
    call();
    BOOST_OUTCOME_TRY(sink.write(as_bytes("new")));
    call();
    return success();
  }));
  return transaction.put("sub/c", "new");
}

/// The next begin gets the root at once, and the tree is then what was committed.
std::string check_root(const fs::path& at, Outcome outcome, bool may_be_new) {
  const auto next = Transaction::begin(at / "root", quick());
  if (!next) return next.error().message();
  const std::string now = tree_at(at);
  if (now != "old" && now != "new") return "the tree is " + now;
  if (outcome == Outcome::done && now != "new") return "it was acknowledged and is old";
  if (outcome != Outcome::done && now != "old" && !may_be_new) return "it was committed";
  const auto left = test::list(at / "root/.perdure");
  return unless(left.size() == 1, std::to_string(left.size()) + " names in the private directory");
}

// --- States.

/// A state whose copies are user code, too.
struct Tally {
  Tally() = default;
  Tally(const Tally& other) : count(other.count) { call(); }
  Tally(Tally&&) = default;
  Tally& operator=(const Tally&) = default;
  Tally& operator=(Tally&&) = default;
  ~Tally() = default;
  std::uint64_t count = 0;
};

/// Reads and writes it, and throws at times.
struct TallyText {
  Result<void> serialize(const Tally& tally, Sink& sink) const {
    call();
    BOOST_OUTCOME_TRY(sink.write(as_bytes(std::to_string(tally.count))));
    call();
    return success();
  }
  Result<Tally> deserialize(Bytes bytes) const {
    call();
    Tally tally;
    tally.count = std::stoull(std::string(as_text(bytes)));
    return tally;
  }
};
using Format = Envelope<TallyText>;
using Tracker = StateTracker<Tally, Format>;

TrackerOptions tracker_options(TrackerLock lock, System system = native_system()) {
  TrackerOptions options;
  options.lock = lock;
  options.lock_timeout_ms = 0ms;
  options.system = system;
  return options;
}

Migrations<Format> migrations(std::uint32_t version) {
  Migrations<Format> all(version);
  for (std::uint32_t older = 0; older < version; ++older) {
    all.from(older, [](Buffer&) -> Result<void> {
      call();
      return success();
    });
  }
  return all;
}

Result<Tracker> open(const fs::path& at, const TrackerOptions& options, std::uint32_t version = 0) {
  return Tracker::open(at / "state", options, {}, Tally(), migrations(version));
}

/// Two generations: counts 1 and 2.
void old_state(const fs::path& at) {
  auto tracker = open(at, tracker_options(TrackerLock::shared));
  REQUIRE_OK(tracker);
  for (int i = 0; i < 2; ++i) {
    REQUIRE_OK(tracker.value().update([](Tally& tally) { ++tally.count; }));
  }
}

void increment(Tally& tally) {
  call();
  ++tally.count;
  call();
}

/// The state opens at once, is one of these, was never taken for damaged, and saves.
std::string check_state(const fs::path& at, std::uint64_t least, std::uint64_t most) {
  for (const auto& name : test::list(at)) {
    if (name.find("damaged") != std::string::npos) return "it was set aside as " + name;
  }
  auto tracker = open(at, tracker_options(TrackerLock::exclusive), 1);
  if (!tracker) return tracker.error().message();
  const std::uint64_t now = tracker.value().state()->count;
  if (now < least || now > most) return "its count is " + std::to_string(now);
  const auto saved = tracker.value().update([](Tally& tally) { ++tally.count; });
  return saved ? std::string() : saved.error().message();
}

}  // namespace

TEST_CASE("a serializer that throws: AtomicWriter", "[P16]") {
  std::shared_ptr<GroupCommit> group;
  SECTION("alone") {}
  SECTION("in a group") {
    group = std::make_shared<GroupCommit>();
  }
  const int calls =
      sweep({old_target,
             [&](const fs::path& at, System system) {
               WriteOptions options = locked();
               options.group = group;
               const auto writer = AtomicWriter::bind(at, options, system);
               return writer && writer.value().commit("target", std::string("new"), Chatty());
             },
             [](const fs::path& at, Outcome outcome) { return check_target(at, outcome, false); }});
  CHECK(calls == 4);
}

TEST_CASE("a caller that throws between the writes of an AtomicFile", "[P16]") {
  const int calls =
      sweep({old_target,
             [](const fs::path& at, System system) {
               auto file = AtomicFile::create(at / "target", locked(), system);
               if (!file) return false;
               const bool streamed = Chatty().serialize("new", file.value()).has_value();
               const bool committed = streamed && file.value().commit();
               return committed;
             },
             [](const fs::path& at, Outcome outcome) { return check_target(at, outcome, false); }});
  CHECK(calls == 4);
}

TEST_CASE("a stage that throws, at each place of a pipeline", "[P16]") {
  const Pipeline alone(Told<0>{}, Serialize{}, Told<1>{}, CreateTemp{}, Told<2>{}, Write{},
                       Told<3>{}, ApplyMetadata{}, Told<4>{}, SyncFile{}, Told<5>{}, Rename{},
                       Told<6>{}, SyncParent{}, Told<7>{});
  const auto group = std::make_shared<GroupCommit>();
  const Pipeline together(Told<0>{}, Serialize{}, Told<1>{}, CreateTemp{}, Told<2>{}, Write{},
                          Told<3>{}, ApplyMetadata{}, Told<4>{}, SyncFile{}, Told<5>{},
                          PublishTogether<Protocol::portable>{group}, Told<6>{}, Told<7>{});
  struct Way {
    AnyPipeline pipeline;
    bool later;
  };
  int n = 0;
  for (const Way& way : {Way{alone, false}, Way{together, false}, Way{together, true}}) {
    n = 0;
    const int calls = sweep(
        {[&](const fs::path& at) {
           old_target(at);
           ++n;
         },
         [&](const fs::path& at, System system) {
           const auto options = way.later ? WriteOptions() : locked();
           const auto writer = AtomicWriter::bind(at, way.pipeline, options, system);
           if (!writer) return false;
           const auto done = way.later ? writer.value().commit_later("target", "new").wait()
                                       : writer.value().commit("target", "new");
           return done.has_value();
         },
         [&](const fs::path& at, Outcome outcome) { return check_target(at, outcome, n > 6); }});
    CHECK(calls == 8);
  }
  CHECK(group->counts().waiting == 0);
}

TEST_CASE("a stage that throws in a group fails alone", "[P10][P16]") {
  const TempDirectory at("/dev/shm");
  const auto group = std::make_shared<GroupCommit>();
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                          Told<0>{}, PublishTogether<Protocol::portable>{group}, Told<1>{});
  const auto writer = AtomicWriter::bind(at.path(), pipeline, locked());
  REQUIRE_OK(writer);
  constexpr int threads_count = 8;
  std::atomic<int> thrown = 0;
  std::atomic<int> done = 0;
  calls_left = 5;
  std::vector<std::thread> threads;
  for (int i = 0; i < threads_count; ++i) {
    threads.emplace_back([&, i] {
      try {
        if (writer.value().commit("target" + std::to_string(i), "new")) ++done;
      } catch (const Thrown&) {
        ++thrown;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(thrown == 1);
  CHECK(done == threads_count - 1);
  CHECK(group->counts().waiting == 0);
  CHECK(temps_beneath(at.path()).empty());
}

TEST_CASE("a source that throws: a transaction that is dropped then", "[P16]") {
  const int calls =
      sweep({old_tree,
             [](const fs::path& at, System system) {
               auto begun = Transaction::begin(at / "root", quick(system));
               return begun && stage(begun.value()) && begun.value().commit();
             },
             [](const fs::path& at, Outcome outcome) { return check_root(at, outcome, false); }});
  CHECK(calls == 6);
}

// Half of what was asked for was staged, and the commit took it.
TEST_CASE("a source that throws: a transaction whose caller catches it and goes on", "[P16]") {
  const int calls =
      sweep({old_tree,
             [](const fs::path& at, System system) {
               auto begun = Transaction::begin(at / "root", quick(system));
               if (!begun) return false;
               try {
                 (void)stage(begun.value());
               } catch (const Thrown&) {
               }
               return begun.value().commit().has_value();
             },
             [](const fs::path& at, Outcome outcome) { return check_root(at, outcome, false); }});
  CHECK(calls == 6);
}

TEST_CASE("an observer that throws leaves no lock with the transaction that it interrupted",
          "[P16]") {
  const TempDirectory at("/dev/shm");
  old_tree(at.path());
  TransactionOptions options = quick();
  options.progress = [](std::uint64_t, std::uint64_t) { throw Thrown(); };
  auto begun = Transaction::begin(at / "root", options);
  REQUIRE_OK(begun);
  for (const char* name : {"a", "b", "sub/c"}) REQUIRE_OK(begun.value().put(name, "new"));
  CHECK_THROWS_AS(begun.value().commit(), Thrown);
  REQUIRE_OK(Transaction::begin(at / "root", quick()));
  CHECK(tree_at(at.path()) == "new");
  REQUIRE_FAILS(invalid_argument, committed, begun.value().commit());
}

TEST_CASE("an observer that throws while a transaction is applied, and while it is recovered",
          "[P16]") {
  const auto work = [](const fs::path& at, System system) {
    TransactionOptions options = quick(system);
    options.progress = [](std::uint64_t, std::uint64_t) { call(); };
    auto begun = Transaction::begin(at / "root", options);
    if (!begun) return false;
    for (const char* name : {"a", "b", "sub/c"}) {
      if (!begun.value().put(name, "new")) return false;
    }
    return begun.value().commit().has_value();
  };
  const auto check = [](const fs::path& at, Outcome outcome) {
    return check_root(at, outcome, true);
  };
  CHECK(sweep({old_tree, work, check}) == 3);
  const auto interrupted = [&](const fs::path& at) {
    old_tree(at);
    calls_left = 2;
    CHECK_THROWS_AS(work(at, native_system()), Thrown);
    calls_left = 0;
  };
  CHECK(sweep({interrupted,
               [](const fs::path& at, System system) {
                 TransactionOptions options = quick(system);
                 options.progress = [](std::uint64_t, std::uint64_t) { call(); };
                 return recover(at / "root", options).has_value();
               },
               [](const fs::path& at, Outcome outcome) {
                 const std::string wrong = check_root(at, outcome, true);
                 return wrong.empty() ? unless(tree_at(at) == "new", "it is old") : wrong;
               }}) == 3);
}

TEST_CASE("edits, copies and serializers that throw: a tracker's saves", "[P13][P16]") {
  const auto lock = GENERATE(TrackerLock::shared, TrackerLock::exclusive);
  const bool later = GENERATE(false, true);
  const bool committer = GENERATE(false, true);
  const bool grouped = GENERATE(false, true);
  const auto group = grouped ? std::make_shared<GroupCommit>() : nullptr;
  const int calls =
      sweep({old_state,
             [&](const fs::path& at, System system) {
               TrackerOptions options = tracker_options(lock, system);
               options.committer_thread = committer;
               options.file.group = group;
               auto tracker = open(at, options);
               if (!tracker) return false;
               if (!later) return tracker.value().update(increment).has_value();
               const SaveHandle<> saved = tracker.value().save_later(increment);
               return saved.wait().has_value();
             },
             [](const fs::path& at, Outcome outcome) {
               return outcome == Outcome::done ? check_state(at, 3, 3) : check_state(at, 2, 2);
             }});
  CHECK(calls >= 5);
}

TEST_CASE("an edit that throws fails alone, and the others of its commit are saved", "[P13][P16]") {
  const TempDirectory at("/dev/shm");
  old_state(at.path());
  auto tracker = open(at.path(), tracker_options(TrackerLock::shared));
  REQUIRE_OK(tracker);
  std::vector<SaveHandle<>> handles;
  for (int i = 0; i < 3; ++i) {
    handles.push_back(tracker.value().save_later([i](Tally& tally) {
      ++tally.count;
      if (i == 1) throw Thrown();
    }));
  }
  REQUIRE_OK(handles[0].wait());
  CHECK_THROWS_AS(handles[1].wait(), Thrown);
  REQUIRE_OK(handles[2].wait());
  CHECK(tracker.value().state()->count == 4);
}

TEST_CASE("user code that throws while a tracker opens, migrates, reloads and restores", "[P16]") {
  const auto each = [&](const auto& use, std::uint64_t most) {
    return sweep({old_state,
                  [&](const fs::path& at, System system) {
                    auto tracker = open(at, tracker_options(TrackerLock::shared, system), 1);
                    return tracker && use(tracker.value());
                  },
                  [&](const fs::path& at, Outcome outcome) {
                    const std::uint64_t least = outcome == Outcome::done && most < 2 ? most : 1;
                    return check_state(at, least, 2);
                  }});
  };
  CHECK(each([](Tracker&) { return true; }, 2) >= 2);
  CHECK(each([](Tracker& tracker) { return tracker.reload().has_value(); }, 2) >= 3);
  CHECK(each([](Tracker& tracker) { return tracker.restore(1).has_value(); }, 1) >= 3);
}
