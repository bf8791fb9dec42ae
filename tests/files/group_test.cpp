// SPDX-License-Identifier: BSL-1.0
// Many threads whose commits become durable together. Commits that are to meet in one group are
// made to: the disk's first sync does not return before the others wait.
#include <atomic>
#include <functional>
#include <new>
#include <sys/resource.h>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Claiming;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// An ext4, as far as it says, whose first sync of a group returns when so many commits wait for
/// the next.
class GatedFileSystem final : public Claiming {
 public:
  explicit GatedFileSystem(Protocol protocol, FileSystem& below = native_file_system())
      : Claiming(test::good_ext4(), below), protocol_(protocol) {}

  void shut(const GroupCommit& group, std::uint64_t until) {
    group_ = &group;
    until_ = until;
  }
  std::string broken;            // a target whose rename is answered by std::bad_alloc
  std::function<void()> opened;  // called as it opens; may be empty

  SysResult<void> sync_file(Handle file) override {
    const auto synced = Claiming::sync_file(file);
    if (protocol_ == Protocol::fast) pass();
    return synced;
  }
  SysResult<void> sync_directory(Handle directory) override {
    const auto synced = Claiming::sync_directory(directory);
    if (protocol_ == Protocol::portable) pass();
    return synced;
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (to == broken) throw std::bad_alloc();
    return Claiming::rename(from_directory, from, to_directory, to, mode);
  }

 private:
  void pass() {
    const auto until = until_.exchange(0);
    while (group_ != nullptr && behind() < until) std::this_thread::yield();
    if (until != 0 && opened) opened();
  }

  [[nodiscard]] std::uint64_t behind() const {
    const auto counts = group_->counts();
    return counts.waiting + counts.outside;
  }

  Protocol protocol_;
  const GroupCommit* group_ = nullptr;
  std::atomic<std::uint64_t> until_{0};
};

WriteOptions through(std::shared_ptr<GroupCommit> group,
                     ProtocolChoice protocol = ProtocolChoice::automatic) {
  WriteOptions options;
  options.protocol = protocol;
  options.group = std::move(group);
  return options;
}

/// Each commits its own file, the first one alone and the others while it syncs.
std::vector<Result<Receipt>> commit_behind_gate(GatedFileSystem& gate, const GroupCommit& group,
                                                const AtomicWriter& writer, std::size_t threads) {
  std::vector<Result<Receipt>> results(threads, Error());
  gate.shut(group, threads - 1);
  const auto commit = [&](std::size_t i) {
    try {
      results[i] = writer.commit(std::to_string(i), "content " + std::to_string(i));
    } catch (const std::bad_alloc&) {
      results[i] = Error();
      results[i].error().step = "out of memory";
    }
  };
  std::vector<std::thread> running;
  running.emplace_back(commit, 0);
  while (group.counts().groups == 0) std::this_thread::yield();  // it leads, and will wait
  for (std::size_t i = 1; i < threads; ++i) running.emplace_back(commit, i);
  for (std::thread& thread : running) thread.join();
  return results;
}

System with(FileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

std::shared_ptr<GroupCommit> make_group(GroupOptions options = {}) {
  return std::make_shared<GroupCommit>(options);
}

/// A directory, and a writer into it that commits in the company of a group, by `fast` unless asked
/// otherwise, on a disk with a gate. Calls can be made to fail, and are counted.
struct Company {
  explicit Company(GroupOptions options = {}, Protocol protocol = Protocol::fast)
      : gate(protocol, faulty),
        group(make_group(options)),
        bound(AtomicWriter::bind(
            at.path(),
            through(group,
                    protocol == Protocol::fast ? ProtocolChoice::fast : ProtocolChoice::portable),
            with(gate))) {
    REQUIRE_OK(bound);
  }
  [[nodiscard]] const AtomicWriter& writer() const { return bound.value(); }
  std::vector<Result<Receipt>> commit(std::size_t threads) {
    return commit_behind_gate(gate, *group, writer(), threads);
  }

  TempDirectory at;
  FaultyFileSystem faulty{native_file_system()};
  GatedFileSystem gate;
  std::shared_ptr<GroupCommit> group;
  Result<AtomicWriter> bound;
};

}  // namespace

TEST_CASE("a commit alone in its group makes the calls that it makes without one",
          "[P10][P20][budget]") {
  const TempDirectory at;
  Claiming ext4(test::good_ext4());
  const auto protocol = GENERATE(ProtocolChoice::portable, ProtocolChoice::automatic);
  const auto calls_of = [&](const WriteOptions& options) {
    FaultyFileSystem counting(ext4);
    REQUIRE_OK(write_file(at / "target", "content", options, with(counting)));
    std::vector<Operation> calls;
    for (const auto& call : counting.log()) calls.push_back(call.operation);
    return calls;
  };
  (void)calls_of({});
  CHECK(calls_of(through(make_group(), protocol)) == calls_of(through(nullptr, protocol)));
}

TEST_CASE("one sync serves all who wait, and each gets its own receipt", "[P10]") {
  const auto protocol = GENERATE(Protocol::portable, Protocol::fast);
  const bool committer_thread = GENERATE(false, true);
  const bool fast = protocol == Protocol::fast;
  CAPTURE(fast, committer_thread);
  Company company({.committer_thread = committer_thread}, protocol);
  constexpr std::size_t threads = 9;
  const auto results = company.commit(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    REQUIRE_OK(results[i]);
    CHECK(results[i].value().commits_per_sync == (i == 0 ? 1 : threads - 1));
    CHECK(results[i].value().durability == Durability::durable);
    CHECK(results[i].value().protocol == protocol);
    CHECK(test::slurp(company.at / std::to_string(i)) == "content " + std::to_string(i));
  }
  CHECK(company.faulty.calls(Operation::sync_file) == (fast ? 2 : threads));
  CHECK(company.faulty.calls(Operation::sync_directory) == (fast ? 0 : 2));
  CHECK(company.group->counts().commits == threads);
  CHECK(company.group->counts().groups == 2);
  CHECK(company.group->counts().waiting == 0);
}

TEST_CASE("a group syncs each directory once, whoever opened it", "[P10][budget]") {
  const TempDirectory at;
  boost::filesystem::create_directory(at / "other");
  FaultyFileSystem counting(native_file_system());
  const auto group = make_group();
  std::vector<NewFile> files;
  for (const char* path : {"a", "b", "./c", "other/d", "other/../e"}) {
    files.push_back({at / path, as_bytes("content")});
  }
  for (const auto& result :
       write_files(files, through(group, ProtocolChoice::portable), with(counting))) {
    REQUIRE_OK(result);
  }
  CHECK(counting.calls(Operation::sync_directory) == 2);
  CHECK(group->counts().groups == 1);
}

TEST_CASE("one commit's failure is not another's", "[P10]") {
  Company company;
  company.faulty.fail({.operation = Operation::rename, .call = 3, .error = EDQUOT});
  const auto results = company.commit(6);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      CHECK(test::slurp(company.at / std::to_string(i)) == "content " + std::to_string(i));
      continue;
    }
    ++failed;
    REQUIRE_FAILS(system, unchanged, results[i]);
    CHECK(results[i].error().path == (company.at / std::to_string(i)).native());
    CHECK_FALSE(boost::filesystem::exists(company.at / std::to_string(i)));
  }
  CHECK(failed == 1);
  CHECK(test::temps_in(company.at.path()).empty());
}

TEST_CASE("a sync that fails is told to all whom it was to serve, and the next group is none of it",
          "[P4][P10]") {
  Company company;
  company.faulty.fail({.operation = Operation::sync_file, .call = 2, .error = EIO});
  const auto results = company.commit(6);
  REQUIRE_OK(results[0]);
  for (std::size_t i = 1; i < results.size(); ++i) {
    REQUIRE_FAILS(system, visible, results[i]);
    CHECK(results[i].error().path == (company.at / std::to_string(i)).native());
    CHECK(test::slurp(company.at / std::to_string(i)) == "content " + std::to_string(i));
  }
  REQUIRE_OK(company.writer().commit("later", "content"));
}

TEST_CASE("what is thrown in a group reaches each of its callers, and no temp is left", "[P10]") {
  Company company;
  company.gate.broken = "3";
  const auto results = company.commit(6);
  REQUIRE_OK(results[0]);
  for (std::size_t i = 1; i < results.size(); ++i) {
    REQUIRE_FALSE(results[i]);
    CHECK(results[i].error().step == "out of memory");
  }
  CHECK(test::temps_in(company.at.path()).empty());
  REQUIRE_OK(company.writer().commit("later", "content"));
}

TEST_CASE("no more wait than may, and everybody is served", "[P10]") {
  Company company({.group_size_max = 2, .waiting_max = 3});
  GroupCommit::Counts shut;
  company.gate.opened = [&] { shut = company.group->counts(); };
  const auto results = company.commit(9);
  CHECK(shut.waiting == 3);
  CHECK(shut.outside == 5);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE_OK(results[i]);
    CHECK(results[i].value().commits_per_sync <= 2);
    CHECK(test::slurp(company.at / std::to_string(i)) == "content " + std::to_string(i));
  }
  CHECK(company.group->counts().commits == 9);
  CHECK(company.group->counts().outside == 0);
}

TEST_CASE("a crowd outside is woken once a commit, and not by everybody who comes in",
          "[P20][budget]") {
  constexpr std::size_t threads = 300;
  Company company({.group_size_max = 1, .waiting_max = 1}, Protocol::portable);
  rusage before{};
  rusage after{};
  company.gate.opened = [&] { ::getrusage(RUSAGE_SELF, &before); };  // all wait outside
  for (const auto& result :
       commit_behind_gate(company.gate, *company.group, company.writer(), threads)) {
    REQUIRE_OK(result);
  }
  ::getrusage(RUSAGE_SELF, &after);
  // To wait is one voluntary switch. Were all woken for each, they would be 45,000.
  CHECK(after.ru_nvcsw - before.ru_nvcsw < 20 * static_cast<long>(threads));
}

TEST_CASE("many threads, many rounds: each finds its last content", "[P10]") {
  const TempDirectory at("/dev/shm");
  const bool committer_thread = GENERATE(false, true);
  GatedFileSystem gate(Protocol::fast);
  const auto group =
      make_group({.group_size_max = 4, .waiting_max = 3, .committer_thread = committer_thread});
  const auto writer = AtomicWriter::bind(at.path(), through(group), with(gate));
  REQUIRE_OK(writer);
  constexpr int threads = 12;
  constexpr int rounds = 30;
  std::vector<std::string> wrong(threads);
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int round = 0; round < rounds; ++round) {
        const auto done = writer.value().commit(std::to_string(t), std::to_string(round));
        if (!done) wrong[static_cast<std::size_t>(t)] = done.error().message();
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  CHECK(wrong == std::vector<std::string>(threads));
  CHECK(group->counts().commits == threads * rounds);
  for (int t = 0; t < threads; ++t) {
    CHECK(test::slurp(at / std::to_string(t)) == std::to_string(rounds - 1));
  }
}

TEST_CASE("a closed group finishes what waits and refuses what comes", "[P10]") {
  const bool committer_thread = GENERATE(false, true);
  Company company({.committer_thread = committer_thread});
  {
    company.gate.shut(*company.group, 1);
    std::vector<std::string> wrong(2);
    const auto commit = [&](std::size_t i) {
      const auto done = company.writer().commit(std::to_string(i), "content");
      if (!done) wrong[i] = done.error().message();
    };
    std::thread first(commit, 0);
    while (company.group->counts().groups == 0) std::this_thread::yield();
    std::thread second(commit, 1);  // opens the gate once it waits
    while (company.group->counts().waiting == 0 && company.group->counts().groups == 1)
      std::this_thread::yield();
    company.group->close();
    first.join();
    second.join();
    CHECK(wrong == std::vector<std::string>(2));
  }
  company.group->close();
  const auto refused = company.writer().commit("later", "content");
  REQUIRE_FAILS(invalid_argument, unchanged, refused);
  CHECK(refused.error().step == "join the group");
  CHECK(test::list(company.at.path()) == std::vector<std::string>{"0", "1"});
}

TEST_CASE("streamed files, trackers and transactions become durable in one company", "[P10]") {
  const TempDirectory at;
  Claiming ext4(test::good_ext4());
  const System system = with(ext4);
  const auto group = make_group();
  auto streamed = AtomicFile::create(at / "streamed", through(group), system);
  REQUIRE_OK(streamed);
  REQUIRE_OK(streamed.value().write(as_bytes("content")));
  REQUIRE_OK(streamed.value().commit());
  CHECK(group->counts().commits == 1);

  auto store = open_file_store(at / "state.json",
                               {.protocol = ProtocolChoice::automatic, .group = group}, system);
  REQUIRE_OK(store);
  auto tracker = StateTracker<std::map<std::string, int>>::open(std::move(store.value()));
  REQUIRE_OK(tracker);
  const auto before = group->counts().commits;
  auto later = tracker.value().save_later([](auto& state) { state["a"] = 1; });
  REQUIRE_OK(later.wait());
  CHECK(group->counts().commits == before + 1);

  TransactionOptions options;
  options.protocol = ProtocolChoice::automatic;
  options.group = group;
  options.system = system;
  auto transaction = Transaction::begin(at.path(), options);
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", "content"));
  REQUIRE_OK(transaction.value().put("b", "content"));
  const auto receipt = transaction.value().commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().protocol == Protocol::fast);
  CHECK(group->counts().commits == before + 2);  // its journal
}

TEST_CASE("device flushes of a group of 64 threads: fast at most 3", "[P20][budget]") {
  for (const test::DiskKind& kind : {test::ext4_disk, test::xfs_disk}) {
    const test::Disk disk(kind);
    if (!disk.error().empty()) return test::skip(kind.name + ": " + disk.error());
    /// Counts the flushes behind the gate.
    std::uint64_t before = 0;
    GatedFileSystem gate(Protocol::fast);
    const auto group = make_group();
    const auto writer = AtomicWriter::bind(disk.path(), through(group), with(gate));
    REQUIRE_OK(writer);
    gate.opened = [&] { before = disk.flushes(); };
    const auto results = commit_behind_gate(gate, *group, writer.value(), 65);
    const auto flushes = disk.flushes() - before;
    for (const auto& result : results) REQUIRE_OK(result);
    CHECK(results.back().value().commits_per_sync == 64);
    CAPTURE(kind.name, flushes);
    CHECK(flushes <= 3);
    CHECK(flushes >= 1);
  }
}
