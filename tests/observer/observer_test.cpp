// SPDX-License-Identifier: BSL-1.0
// An observer is told of each commit, wait, group, settling and recovery; without one nothing is
// measured.
#include <mutex>
#include <thread>

#include <perdure/atomic_file.hpp>
#include <perdure/atomic_writer.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/observer.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/transaction.hpp>

#include "engine/lock.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// Writes down what it is told, a line each, with the last component of the path.
class Diary final : public Observer {
 public:
  void commit_begun(std::string_view path) noexcept override { note("begun", path, ""); }
  void stage_ended(std::string_view path, const StageTime& stage) noexcept override {
    note("stage", path, std::string(stage.stage));
  }
  void committed(const CommitEnd& end) noexcept override {
    note("committed", end.path,
         std::to_string(end.bytes) + " " + std::string(to_string(end.durability)) + " " +
             std::to_string(end.stages.size()));
  }
  void failed(const CommitEnd& end, const Error& error) noexcept override {
    note("failed", end.path,
         std::string(to_string(error.kind)) + " " + std::to_string(end.stages.size()));
  }
  void waited_for_lock(std::string_view path, std::chrono::nanoseconds time) noexcept override {
    note("waited", path, time.count() > 0 ? "" : "no time");
  }
  void group_formed(std::size_t commits) noexcept override {
    note("group", "", std::to_string(commits));
  }
  void settled(std::string_view root, std::chrono::nanoseconds /*time*/,
               const Error* error) noexcept override {
    note("settled", root, error == nullptr ? "" : "failed");
  }
  void recovered(std::string_view root, const RecoveryReport& report) noexcept override {
    note("recovered", root, std::to_string(report.paths.size()));
  }

  /// The lines since the last call.
  std::vector<std::string> lines() {
    const std::lock_guard guard(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  void note(std::string_view what, std::string_view path, const std::string& more) {
    const std::lock_guard guard(mutex_);
    std::string line(what);
    const std::string leaf = Path(std::string(path)).filename().native();
    for (const std::string& word : {leaf, more}) {
      if (!word.empty()) line += " " + word;
    }
    lines_.push_back(std::move(line));
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// A clock that can be counted.
class CountedClock final : public Environment {
 public:
  SysResult<void> random(std::span<std::byte> out) override {
    return native_environment().random(out);
  }
  std::chrono::nanoseconds monotonic() override {
    ++looks;
    return native_environment().monotonic();
  }
  std::chrono::nanoseconds wall() override { return native_environment().wall(); }
  void sleep(std::chrono::nanoseconds time) override { native_environment().sleep(time); }
  std::size_t looks = 0;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an observer is told of a commit, its stages and its end") {
  const TempDirectory at;
  Diary diary;
  System system = native_system();
  system.observer = &diary;
  auto writer = AtomicWriter::bind(at.path(), {}, system);
  REQUIRE_OK(writer);
  REQUIRE_OK(writer.value().commit("f", "12345"));
  CHECK(diary.lines() == Lines{"begun f", "stage f serialize", "stage f create temp",
                               "stage f write", "stage f apply metadata", "stage f sync file",
                               "stage f rename", "stage f sync parent", "committed f 5 durable 7"});
  CHECK_FALSE(writer.value().commit("f", "6", {.expected = Version::absent()}));
  CHECK(diary.lines() == Lines{"begun f", "failed f conflict 0"});
  CHECK_FALSE(writer.value().commit("a/b", "6"));
  CHECK(diary.lines() == Lines{"begun b", "failed b invalid_argument 0"});
}

TEST_CASE("an observer is told how far a commit came that failed") {
  const TempDirectory at;
  Diary diary;
  FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = Operation::sync_file, .call = 1, .error = EIO});
  const System system{&faulty, &native_environment(), &diary};
  CHECK_FALSE(write_file(at.file("f"), as_bytes("1"), {}, system));
  CHECK(diary.lines() == Lines{"begun f", "stage f serialize", "stage f create temp",
                               "stage f write", "stage f apply metadata", "stage f sync file",
                               "failed f system 5"});
}

TEST_CASE("an observer is told of an exception that ends a commit") {
  const TempDirectory at;
  Diary diary;
  const System system{&native_file_system(), &native_environment(), &diary};
  struct Throwing {
    Result<void> serialize(int, Sink&) const { throw std::runtime_error("no"); }
  };
  auto writer = AtomicWriter::bind(at.path(), {}, system).value();
  CHECK_THROWS(writer.commit("f", 1, Throwing()));
  CHECK(diary.lines() == Lines{"begun f", "failed f serializer 0"});
}

TEST_CASE("an observer is told of streamed, removed and many files") {
  const TempDirectory at;
  Diary diary;
  const System system{&native_file_system(), &native_environment(), &diary};
  auto file = AtomicFile::create(at.file("s"), {}, system).value();
  REQUIRE_OK(file.write(as_bytes("123")));
  CHECK(diary.lines().empty());
  REQUIRE_OK(file.commit());
  auto lines = diary.lines();
  CHECK(lines.front() == "begun s");
  CHECK(lines.back() == "committed s 3 durable 6");
  REQUIRE_OK(remove_file(at.file("s"), {}, system));
  CHECK(diary.lines() == Lines{"begun s", "committed s 0 durable 0"});
  CHECK_FALSE(remove_file(at.file("s"), {}, system));
  CHECK(diary.lines() == Lines{"begun s", "failed s system 0"});

  const std::vector<NewFile> files{{.target = at.file("x"), .image = as_bytes("1")},
                                   {.target = at.file("x"), .image = as_bytes("2")},
                                   {.target = at.file("y"), .image = as_bytes("3")}};
  (void)write_files(files, {}, system);
  lines = diary.lines();
  CHECK(std::ranges::count(lines, "begun x") == 2);
  CHECK(std::ranges::count(lines, "committed x 1 durable 7") == 1);
  CHECK(std::ranges::count(lines, "failed x invalid_argument 0") == 1);
  CHECK(std::ranges::count(lines, "committed y 1 durable 7") == 1);
}

TEST_CASE("an observer is told of a lock that others held") {
  const TempDirectory at;
  Diary diary;
  ManualEnvironment clock;
  REQUIRE_OK(write_file(at.file("f"), as_bytes("1")));
  const Version version = read_version(at.file("f")).value();
  (void)diary.lines();
  const Handle directory =
      native_file_system().open_directory(Handle::none, at.path().native()).value();
  const OwnedHandle closing(native_file_system(), directory);
  OwnedHandle held = take_lock(native_file_system(), native_environment(), directory, "f",
                               LockMode::exclusive, {std::chrono::milliseconds(0)})
                         .value();
  // Time passes when somebody waits, and then the lock is free.
  struct Releasing final : ForwardingFileSystem {
    Releasing(FileSystem& base, OwnedHandle& lock) : ForwardingFileSystem(base), lock_(lock) {}
    SysResult<void> try_lock(Handle file, LockMode mode) override {
      auto taken = ForwardingFileSystem::try_lock(file, mode);
      if (!taken) lock_.reset();
      return taken;
    }
    OwnedHandle& lock_;
  };
  Releasing files(native_file_system(), held);
  WriteOptions options;
  options.expected = version;
  REQUIRE_OK(write_file(at.file("f"), as_bytes("2"), options, {&files, &clock, &diary}));
  const auto lines = diary.lines();
  REQUIRE(lines.size() > 1);
  CHECK(lines[1] == "waited f");
  CHECK(std::ranges::count(lines, "waited f") == 1);
}

TEST_CASE("an observer is told of groups") {
  const TempDirectory at;
  Diary diary;
  const System system{&native_file_system(), &native_environment(), &diary};
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>();
  REQUIRE_OK(write_file(at.file("f"), as_bytes("1"), options, system));
  CHECK(std::ranges::count(diary.lines(), "group 1") == 1);
  const std::vector<NewFile> files{{.target = at.file("x"), .image = as_bytes("1")},
                                   {.target = at.file("y"), .image = as_bytes("3")}};
  (void)write_files(files, options, system);
  CHECK(std::ranges::count(diary.lines(), "group 2") == 1);
}

namespace {

struct ThrowingStage {
  static constexpr std::string_view name = "throw";
  static constexpr Fact needs = Fact::published;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit&) const { throw std::runtime_error("no"); }
};

}  // namespace

TEST_CASE("an observer is told what an exception behind the publish leaves") {
  struct Fates final : Observer {
    void failed(const CommitEnd&, const Error& error) noexcept override { fate = error.fate; }
    std::optional<Fate> fate;
  };
  const TempDirectory at;
  Fates fates;
  const System system{&native_file_system(), &native_environment(), &fates};
  const Pipeline stages(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, Rename{},
                        SyncParent{}, ThrowingStage{});
  auto writer = AtomicWriter::bind(at.path(), stages, {}, system).value();
  CHECK_THROWS(writer.commit("f", "1"));
  CHECK(fates.fate == Fate::durable);
}

TEST_CASE("an observer is told of transactions, and of what recovery finished") {
  const TempDirectory at;
  Diary diary;
  FaultyFileSystem dying(native_file_system());
  TransactionOptions options;
  options.system = {&dying, &native_environment(), &diary};
  {
    auto transaction = Transaction::begin(at.path(), options).value();
    REQUIRE_OK(transaction.put("a", "1"));
    REQUIRE_OK(transaction.put("b", "22"));
    REQUIRE_OK(transaction.commit());
  }
  const std::string root = at.path().filename().native();
  CHECK(diary.lines() == Lines{"begun " + root, "stage " + root + " check",
                               "stage " + root + " stage", "stage " + root + " journal",
                               "stage " + root + " apply", "stage " + root + " settle",
                               "committed " + root + " 3 durable 5"});
  {
    auto transaction = Transaction::begin(at.path(), options).value();
    REQUIRE_OK(transaction.put("a", "2"));
    dying.fail({.operation = Operation::rename,
                .call = dying.calls(Operation::rename) + 2,
                .error = EIO,
                .from_then_on = true});
    CHECK_FALSE(transaction.commit());
  }
  auto lines = diary.lines();
  CHECK(lines.back().starts_with("failed " + root));
  options.system.files = &native_file_system();
  REQUIRE_OK(recover(at.path(), options));
  CHECK(diary.lines() == Lines{"recovered " + root + " 1"});
  REQUIRE_OK(recover(at.path(), options));
  CHECK(diary.lines().empty());
}

TEST_CASE("an observer is told of a root's commits and settlings") {
  const TempDirectory at;
  Diary diary;
  RootOptions options;
  options.system.observer = &diary;
  options.segment_size = 1 << 16;
  auto root = Root::open(at.path(), options);
  REQUIRE_OK(root);
  REQUIRE_OK(root.value().put("a", "1"));
  const std::string name = at.path().filename().native();
  auto lines = diary.lines();
  CHECK(lines.front() == "begun " + name);
  CHECK(std::ranges::count(lines, "group 1") == 1);
  CHECK(lines.back() == "committed " + name + " 1 durable 3");
  REQUIRE_OK(root.value().settle());
  CHECK(diary.lines() == Lines{"settled " + name});
  REQUIRE_OK(root.value().close());
}

TEST_CASE("without an observer no clock is read that would not be read otherwise") {
  const TempDirectory at;
  const auto looks_with = [&](Observer* observer) {
    CountedClock clock;
    const System system{&native_file_system(), &clock, observer};
    REQUIRE_OK(write_file(at.file("f"), as_bytes("1"), {}, system));
    RootOptions options;
    options.system = system;
    auto root = Root::open(at.path(), options).value();
    REQUIRE_OK(root.put("a", "1"));
    REQUIRE_OK(root.settle());
    REQUIRE_OK(root.close());
    return clock.looks;
  };
  Diary diary;
  (void)looks_with(nullptr);  // makes the root
  const std::size_t without = looks_with(nullptr);
  CHECK(looks_with(&diary) == without + 2);  // a settling is measured for it alone
}
