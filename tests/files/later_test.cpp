// SPDX-License-Identifier: BSL-1.0
// Commits that are left to a group, and the handles of them.
#include <atomic>
#include <cerrno>
#include <functional>
#include <new>
#include <stdexcept>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace std::chrono_literals;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// Holds up whoever syncs a directory while it is shut.
class Gate final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  std::string broken;  // a target whose rename is answered by std::bad_alloc

  void shut() {
    reached_ = false;
    shut_ = true;
  }
  void open() { shut_ = false; }
  void wait_for_arrival() const {
    while (!reached_) std::this_thread::yield();
  }

  SysResult<void> sync_directory(Handle directory) override {
    reached_ = true;
    while (shut_) std::this_thread::yield();
    return ForwardingFileSystem::sync_directory(directory);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (to == broken) throw std::bad_alloc();
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }

 private:
  std::atomic<bool> shut_ = false;
  std::atomic<bool> reached_ = false;
};

constexpr GroupOptions with_thread{.committer_thread = true};

/// A directory, and a writer into it that has a group.
struct Company {
  explicit Company(GroupOptions of = {}, WriteOptions options = {})
      : group(std::make_shared<GroupCommit>(of)) {
    options.group = group;
    auto bound = AtomicWriter::bind(at.path(), options, system());
    REQUIRE_OK(bound);
    writer.emplace(std::move(bound.value()));
  }
  [[nodiscard]] System system() { return {.files = &gate, .environment = &native_environment()}; }
  [[nodiscard]] std::string content(const std::string& leaf) const {
    return test::slurp(at / leaf);
  }
  [[nodiscard]] bool is_there(const std::string& leaf) const {
    return boost::filesystem::exists(at / leaf);
  }
  [[nodiscard]] std::vector<CommitHandle> post(int count) const {
    std::vector<CommitHandle> posted;
    for (int i = 0; i < count; ++i) {
      posted.push_back(writer->commit_later(std::to_string(i), "content " + std::to_string(i)));
    }
    return posted;
  }

  TempDirectory at;
  FaultyFileSystem faulty{native_file_system()};
  Gate gate{faulty};
  std::shared_ptr<GroupCommit> group;
  std::optional<AtomicWriter> writer;
};

/// A stage behind the group: says what it found.
struct Behind {
  struct Seen {
    std::string image;
    std::thread::id thread;
    std::function<Result<void>()> then = [] { return success(); };
  };
  static constexpr std::string_view name = "look behind";
  static constexpr Fact needs = Fact::published | Fact::image;
  static constexpr Fact gives = Fact::none;
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();

  Result<void> run(Commit& commit) const {
    seen->image = as_text(commit.image);
    seen->thread = std::this_thread::get_id();
    return seen->then();
  }
};

/// A writer whose commits are looked at behind the group.
Result<AtomicWriter> bind_with(Company& company, const Behind& behind) {
  return AtomicWriter::bind(
      company.at.path(),
      Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
               PublishTogether<Protocol::portable>{company.group}, behind),
      {}, company.system());
}

}  // namespace

TEST_CASE("a commit that is left to a group is made when somebody waits", "[P10]") {
  const Company company;
  const auto handle = company.writer->commit_later("target", "content");
  CHECK_FALSE(handle.ready());
  CHECK_FALSE(company.is_there("target"));
  CHECK(company.group->counts().waiting == 1);
  const auto receipt = handle.wait();
  REQUIRE_OK(receipt);
  CHECK(handle.ready());
  CHECK(company.content("target") == "content");
  CHECK(receipt.value().durability == Durability::durable);
  CHECK(receipt.value().bytes == 7);
  CHECK(receipt.value().stages.back().stage == "publish together");
  CHECK(handle.wait().value().stages.size() == receipt.value().stages.size());
  CHECK(test::temps_in(company.at.path()).empty());
}

TEST_CASE("who waits for one commit makes all that wait durable, by one sync", "[P10][budget]") {
  Company company;
  const auto handles = company.post(5);
  company.faulty.restart();
  REQUIRE_OK(handles[3].wait());
  for (const CommitHandle& handle : handles) {
    CHECK(handle.ready());
    CHECK(handle.wait().value().commits_per_sync == 5);
  }
  CHECK(company.faulty.calls(Operation::sync_directory) == 1);
  CHECK(company.group->counts().groups == 1);
}

TEST_CASE("a commit that waits for its handle makes the calls of one that does not",
          "[P20][budget]") {
  Company company;
  const auto calls_of = [&](const auto& commit) {
    company.faulty.restart();
    REQUIRE_OK(commit());
    std::vector<Operation> calls;
    for (const auto& call : company.faulty.log()) calls.push_back(call.operation);
    return calls;
  };
  const auto at_once = [&] { return company.writer->commit("target", "content"); };
  (void)calls_of(at_once);
  CHECK(calls_of([&] { return company.writer->commit_later("target", "content").wait(); }) ==
        calls_of(at_once));
}

TEST_CASE("a plain commit takes along what was left to the group before it", "[P10]") {
  Company company({.group_size_max = 2, .waiting_max = 3});
  const auto handles = company.post(3);  // there is no room for it
  REQUIRE_OK(company.writer->commit("plain", "content"));
  for (const CommitHandle& handle : handles) CHECK(handle.ready());
  CHECK(company.group->counts().groups == 2);
  CHECK(company.group->counts().commits == 4);
}

TEST_CASE("who waits with a deadline leads where nobody does, and ends where another does") {
  Company company;
  const auto handles = company.post(1);
  company.gate.shut();
  bool led = false;
  std::thread leading([&] { led = handles[0].wait_for(0ms).has_value(); });
  company.gate.wait_for_arrival();
  CHECK_FALSE(handles[0].wait_for(0ms));
  const auto next = company.writer->commit_later("next", "content");
  CHECK_FALSE(next.wait_for(1ms));
  CHECK_FALSE(handles[0].ready());
  company.gate.open();
  leading.join();
  CHECK(led);
  CHECK(handles[0].ready());
  CHECK_FALSE(next.ready());  // nobody waits for it any more
  CHECK(next.wait_for(std::chrono::milliseconds::max()));
}

TEST_CASE("a group's own thread commits without anybody waiting, and calls", "[P10]") {
  Company company(with_thread);
  company.gate.shut();
  const auto handle = company.writer->commit_later("target", "content");
  company.gate.wait_for_arrival();
  std::atomic<bool> called = false;
  bool nested = false;
  handle.on_done([&] {
    // It may commit, and wait for that.
    nested = handle.wait() && company.writer->commit("nested", "content") &&
             company.writer->commit_later("later", "content").wait();
    called = true;
  });
  company.gate.open();
  while (!called) std::this_thread::yield();
  CHECK(nested);
  bool at_once = false;
  handle.on_done([&] { at_once = true; });
  handle.on_done(nullptr);
  CHECK(at_once);
}

TEST_CASE("no more commits are left to a group than may wait", "[P10]") {
  Company company({.waiting_max = 2});
  const auto handles = company.post(2);
  const auto refused = company.writer->commit_later("refused", "content");
  CHECK(refused.ready());
  REQUIRE_FAILS(busy, unchanged, refused.wait());
  CHECK(refused.wait().error().step == "join the group");
  CHECK(test::temps_in(company.at.path()).size() == 2);
  REQUIRE_OK(handles[0].wait());
  REQUIRE_OK(company.writer->commit_later("refused", "content").wait());
}

TEST_CASE("a group that is closed finishes what was left to it, and refuses what comes", "[P10]") {
  const bool committer_thread = GENERATE(false, true);
  Company company({.committer_thread = committer_thread});
  const auto handles = company.post(3);
  company.group->close();
  for (const CommitHandle& handle : handles) {
    CHECK(handle.ready());
    REQUIRE_OK(handle.wait());
  }
  const auto late = company.writer->commit_later("late", "content");
  CHECK(late.ready());
  REQUIRE_FAILS(invalid_argument, unchanged, late.wait());
  CHECK(test::list(company.at.path()) == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("a commit whose handle is dropped goes ahead before its writer is gone", "[P10]") {
  Company company;
  int called = 0;
  company.writer->commit_later("dropped", "content").on_done([&] { ++called; });
  const auto handle = company.writer->commit_later("kept", "content");
  CHECK(company.group->counts().waiting == 2);
  company.writer.reset();
  company.group.reset();
  CHECK(called == 1);
  CHECK(company.content("dropped") == "content");
  CHECK(handle.ready());
  REQUIRE_OK(handle.wait());
}

TEST_CASE("a call may be the last to hold writer and group, also on the group's thread") {
  const bool committer_thread = GENERATE(false, true);
  Company company({.committer_thread = committer_thread});
  std::atomic<bool> gone = false;
  struct Last {
    std::shared_ptr<void> end;  // goes behind the writer
    std::shared_ptr<AtomicWriter> writer;
    void operator()() const {}
  };
  company.gate.shut();
  auto writer = std::make_shared<AtomicWriter>(std::move(*company.writer));
  company.writer.reset();
  company.group.reset();
  const auto handle = writer->commit_later("target", "content");
  bool waited = false;
  std::thread waiting([&] { waited = handle.wait().has_value(); });
  company.gate.wait_for_arrival();
  handle.on_done(
      Last{std::shared_ptr<void>(nullptr, [&](void*) { gone = true; }), std::move(writer)});
  company.gate.open();
  while (!gone) std::this_thread::yield();
  waiting.join();
  CHECK(waited);
  CHECK(company.content("target") == "content");
}

TEST_CASE("the stages behind the group run on the thread that led, with the content", "[P10]") {
  Company company;
  const Behind behind;
  const auto writer = bind_with(company, behind);
  REQUIRE_OK(writer);
  SECTION("of bytes, which the caller has taken back") {
    std::string content = "content";
    const auto handle = writer.value().commit_later("target", content);
    content = "changed";
    bool led = false;
    std::thread leading([&] { led = company.writer->commit("plain", "content").has_value(); });
    const auto leader = leading.get_id();
    leading.join();
    CHECK(led);
    CHECK(handle.ready());
    CHECK(behind.seen->thread == leader);
    CHECK(behind.seen->image == "content");
    CHECK(handle.wait().value().stages.back().stage == "look behind");
  }
  SECTION("of a value, which is gone") {
    struct Twice {
      static Result<void> serialize(const std::string& value, Sink& sink) {
        BOOST_OUTCOME_TRY(sink.write(as_bytes(value)));
        return sink.write(as_bytes(value));
      }
    };
    const auto handle = writer.value().commit_later("target", std::string("new"), Twice());
    REQUIRE_OK(handle.wait());
    CHECK(behind.seen->image == "newnew");
    CHECK(company.content("target") == "newnew");
  }
  SECTION("and fail behind what is durable") {
    behind.seen->then = [] { return Error::system({EIO, std::generic_category()}, "look"); };
    REQUIRE_FAILS(system, durable, writer.value().commit_later("target", "content").wait());
    CHECK(company.content("target") == "content");
  }
  SECTION("and what they throw is the handle's, not the leader's") {
    behind.seen->then = []() -> Result<void> { throw std::runtime_error("behind"); };
    const auto handle = writer.value().commit_later("target", "content");
    REQUIRE_OK(company.writer->commit("plain", "content"));
    CHECK(handle.ready());
    CHECK_THROWS_AS(handle.wait(), std::runtime_error);
    CHECK_THROWS_AS(handle.wait(), std::runtime_error);
    CHECK(company.content("target") == "content");
  }
  CHECK(test::temps_in(company.at.path()).empty());
}

TEST_CASE("a sync that fails is told to each handle that it was to serve", "[P4][P10]") {
  Company company;
  const auto handles = company.post(3);
  company.faulty.restart();
  company.faulty.fail({.operation = Operation::sync_directory, .error = EIO});
  for (const CommitHandle& handle : handles) REQUIRE_FAILS(system, visible, handle.wait());
  REQUIRE_OK(company.writer->commit("later", "content"));
}

TEST_CASE("what is thrown in a group is thrown to each handle, and no temp is left", "[P10]") {
  Company company;
  const auto handles = company.post(3);
  company.gate.broken = "1";
  for (const CommitHandle& handle : handles) CHECK_THROWS_AS(handle.wait(), std::bad_alloc);
  CHECK(test::temps_in(company.at.path()).empty());
  REQUIRE_OK(company.writer->commit("later", "content"));
}

TEST_CASE("a commit that fails before its group has a handle that knows it", "[P10]") {
  Company company;
  company.faulty.fail({.operation = Operation::write_at, .error = ENOSPC});
  const auto handle = company.writer->commit_later("target", "content");
  CHECK(handle.ready());
  REQUIRE_FAILS(system, unchanged, handle.wait());
  CHECK(test::list(company.at.path()).empty());
  REQUIRE_FAILS(invalid_argument, unchanged, company.writer->commit_later("a/b", "").wait());
}

TEST_CASE("a commit that takes a lock is left to a group with a thread alone", "[P8][P10]") {
  const bool committer_thread = GENERATE(false, true);
  Company company({.committer_thread = committer_thread});
  const CommitOptions absent{.expected = Version::absent()};
  const auto handle = company.writer->commit_later("target", "content", absent);
  if (!committer_thread) {
    CHECK(handle.ready());
    REQUIRE_FAILS(invalid_argument, unchanged, handle.wait());
    CHECK(test::list(company.at.path()).empty());
    return;
  }
  REQUIRE_OK(handle.wait());
  REQUIRE_FAILS(conflict, unchanged,
                company.writer->commit_later("target", "content", absent).wait());
}

TEST_CASE("where nothing waits for a group the commit is made at once") {
  const TempDirectory at;
  WriteOptions options;
  const bool ordered = GENERATE(false, true);
  if (ordered) {
    options.durability = Durability::ordered;
    options.group = std::make_shared<GroupCommit>();
  }
  const auto writer = AtomicWriter::bind(at.path(), options);
  REQUIRE_OK(writer);
  const auto handle = writer.value().commit_later("target", "content");
  CHECK(handle.ready());
  REQUIRE_OK(handle.wait());
  CHECK(test::slurp(at / "target") == "content");
  auto root = Root::open(at.path());
  REQUIRE_OK(root);
  const auto logged = AtomicWriter::bind(root.value());
  REQUIRE_OK(logged);
  CHECK(logged.value().commit_later("logged", "content").ready());
}

TEST_CASE("a forked child waits for none of its parent's commits, and drops them", "[P8][P10]") {
  Company company;
  const auto known = company.writer->commit_later("known", "content");
  REQUIRE_OK(known.wait());
  const auto handle = company.writer->commit_later("target", "parent's");
  test::Child child([&] {
    std::string said = test::nature_of(handle.wait()) + "\n" + test::nature_of(known.wait());
    const auto own = company.writer->commit_later("child", "child's");
    said += "\n" + test::nature_of(own.wait());
    company.writer.reset();
    company.group.reset();
    return said;
  });
  CHECK(child.said() == "invalid_argument, unchanged, wait for the commit\nsuccess\nsuccess");
  CHECK(company.content("child") == "child's");
  CHECK_FALSE(company.is_there("target"));
  REQUIRE_OK(handle.wait());
}

TEST_CASE("threads that wait, and threads that do not: each finds its last content", "[P10]") {
  const bool committer_thread = GENERATE(false, true);
  Company company({.group_size_max = 4, .waiting_max = 3, .committer_thread = committer_thread});
  constexpr int threads = 6;
  constexpr int rounds = 20;
  std::atomic<int> called = 0;
  std::vector<int> wrong(threads, 0);
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      const std::string leaf = std::to_string(t);
      for (int round = 0; round < rounds; ++round) {
        const std::string text = std::to_string(round);
        const auto handle = company.writer->commit_later(leaf, text);
        handle.on_done([&] { ++called; });
        const bool waits = (t + round) % 3 == 0;
        if (handle.ready() && !handle.wait()) {  // as many wait as may
          if (handle.wait().error().kind != ErrorKind::busy) ++wrong[std::size_t(t)];
          if (!company.writer->commit(leaf, text)) ++wrong[std::size_t(t)];
        } else if (waits && !handle.wait()) {
          ++wrong[std::size_t(t)];
        }
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  company.writer.reset();
  CHECK(wrong == std::vector<int>(threads, 0));
  while (called < threads * rounds) std::this_thread::yield();  // the group's thread may be late
  CHECK(company.group->counts().waiting == 0);
  for (int t = 0; t < threads; ++t) {
    CHECK(company.content(std::to_string(t)) == std::to_string(rounds - 1));
  }
}
