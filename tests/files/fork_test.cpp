// SPDX-License-Identifier: BSL-1.0
// A process that forks while it has writers, files, transactions and groups: what the child does
// with its copies leaves the parent's alone.
#include <atomic>
#include <set>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "engine/confirm.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Child;
using test::TempDirectory;

namespace {

/// Writes down which temps it is asked to make.
class Recording final : public ForwardingFileSystem {
 public:
  Recording() : ForwardingFileSystem(native_file_system()) {}
  std::string made;

  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    made += name + "\n";
    return ForwardingFileSystem::create(directory, name, mode);
  }
};

/// Holds up the first sync of a directory until it is let go.
class Holding final : public ForwardingFileSystem {
 public:
  Holding() : ForwardingFileSystem(native_file_system()) {}
  std::atomic<bool> reached = false;
  std::atomic<bool> open = false;

  SysResult<void> sync_directory(Handle directory) override {
    if (!reached.exchange(true)) {
      while (!open) std::this_thread::yield();
    }
    return ForwardingFileSystem::sync_directory(directory);
  }
};

/// Syncs no file before the child has ended.
class AfterChild final : public ForwardingFileSystem {
 public:
  explicit AfterChild(const pid_t& child)
      : ForwardingFileSystem(native_file_system()), child_(child) {}

  SysResult<void> sync_file(Handle file) override {
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
    return ForwardingFileSystem::sync_file(file);
  }

 private:
  const pid_t& child_;
};

/// Says at once which device something lies on.
class OneDevice final : public ForwardingFileSystem {
 public:
  OneDevice() : ForwardingFileSystem(native_file_system()) {}
  SysResult<Status> stat(Handle /*handle*/) override { return Status(); }
};

void note_failed_sync(FileSystem& files) {
  (void)noted(files, Handle::none, std::make_error_code(std::errc::io_error));
}

System through(FileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

/// A child that hangs is ended by the kernel, and the test hears of it.
void bound_time() {
  ::alarm(20);
}

/// One line: "success", or kind, fate and step.
template <class T>
std::string line_of(const Result<T>& result) {
  return test::nature_of(result) + "\n";
}

/// Forks in the middle of a commit; in the child, the commit then fails.
struct ForkHere {
  static constexpr std::string_view name = "fork here";
  static constexpr Fact needs = Fact::temp;
  static constexpr Fact gives = Fact::none;
  pid_t* child;

  Result<void> run(Commit& commit) const {
    *child = ::fork();
    if (*child != 0) return success();
    return commit.failure("fork", ErrorKind::invalid_argument, "this is the child");
  }
};

}  // namespace

TEST_CASE("a forked child does not draw the temp names of its parent") {
  const TempDirectory at;
  Recording files;
  const auto writer = AtomicWriter::bind(at.path(), {}, through(files));
  REQUIRE_OK(writer);
  REQUIRE_OK(writer.value().commit("target", as_bytes("0")));
  files.made.clear();
  Child child([&] {
    for (int i = 0; i < 3; ++i) (void)writer.value().commit("target", as_bytes("child's"));
    return files.made;
  });
  const std::string childs = child.said();
  for (int i = 0; i < 3; ++i) REQUIRE_OK(writer.value().commit("target", as_bytes("parent's")));
  std::set<std::string> names;
  std::istringstream lines(childs + files.made);
  for (std::string name; std::getline(lines, name);) names.insert(name);
  CHECK(names.size() == 6);
}

TEST_CASE("a forked child that drops its copy of a stream leaves the parent's temp", "[P15]") {
  const TempDirectory at;
  auto file = AtomicFile::create(at / "target");
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes("content")));
  Child child([&] {
    { const AtomicFile dropped = std::move(file.value()); }
    return std::to_string(test::temps_in(at.path()).size());
  });
  CHECK(child.said() == "1");
  REQUIRE_OK(file.value().commit());
  CHECK(test::slurp(at / "target") == "content");
}

TEST_CASE("a forked child neither writes to its parent's stream nor commits or discards it",
          "[P15]") {
  const TempDirectory at;
  auto file = AtomicFile::create(at / "target");
  REQUIRE_OK(file);
  const std::string large(200'000, 'p');
  REQUIRE_OK(file.value().write(as_bytes(large)));
  Child child([&] {
    std::string said = line_of(file.value().write(as_bytes("child's")));
    said += line_of(file.value().commit());
    return said + line_of(file.value().discard());
  });
  CHECK(child.said() ==
        "invalid_argument, unchanged, write the new content\n"
        "invalid_argument, unchanged, commit\n"
        "invalid_argument, unchanged, remove the temp\n");
  REQUIRE_OK(file.value().write(as_bytes(large)));
  REQUIRE_OK(file.value().commit());
  CHECK(test::slurp(at / "target") == large + large);
}

TEST_CASE("a forked child whose copy of a commit fails leaves the parent's temp", "[P15]") {
  const TempDirectory at;
  pid_t child = -1;
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ForkHere{&child}, ApplyMetadata{},
                          SyncFile{}, Rename{}, SyncParent{});
  // The child goes first: the parent publishes behind it.
  AfterChild files(child);
  const auto writer = AtomicWriter::bind(at.path(), pipeline, {}, through(files));
  REQUIRE_OK(writer);
  const auto committed = writer.value().commit("target", as_bytes("content"));
  if (child == 0) ::_exit(committed ? 1 : 0);
  REQUIRE_OK(committed);
  CHECK(test::slurp(at / "target") == "content");
}

TEST_CASE("a forked child leaves its parent's transaction alone, and can't commit it",
          "[P11][P15]") {
  const TempDirectory at;
  auto transaction = Transaction::begin(at.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", as_bytes("new a")));
  Child child([&] {
    std::string said = line_of(transaction.value().put("b", as_bytes("child's")));
    said += line_of(transaction.value().commit());
    { const Transaction dropped = std::move(transaction.value()); }
    return said;
  });
  CHECK(child.said() ==
        "invalid_argument, unchanged, stage the new content\n"
        "invalid_argument, unchanged, commit\n");
  REQUIRE_OK(transaction.value().put("b", as_bytes("new b")));
  REQUIRE_OK(transaction.value().commit());
  CHECK(test::slurp(at / "a") == "new a");
  CHECK(test::slurp(at / "b") == "new b");
}

TEST_CASE("a forked child commits through its copy of a group, alone, and drops it", "[P10]") {
  const TempDirectory at;
  WriteOptions options;
  options.group =
      std::make_shared<GroupCommit>(GroupOptions{.committer_thread = GENERATE(true, false)});
  auto writer = AtomicWriter::bind(at.path(), options);
  REQUIRE_OK(writer);
  REQUIRE_OK(writer.value().commit("before", as_bytes("parent's")));
  Child child([&] {
    bound_time();
    std::string said = line_of(writer.value().commit("target", as_bytes("child's")));
    options.group->close();
    said += line_of(writer.value().commit("late", as_bytes("child's")));
    { const AtomicWriter dropped = std::move(writer.value()); }
    options.group.reset();
    return said;
  });
  CHECK(child.said() == "success\ninvalid_argument, unchanged, join the group\n");
  CHECK(test::slurp(at / "target") == "child's");
  REQUIRE_OK(writer.value().commit("after", as_bytes("parent's")));
}

TEST_CASE("a child that was forked while others led and waited is held up by none of them",
          "[P8]") {
  const TempDirectory at;
  Holding files;
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>();
  const auto writer = AtomicWriter::bind(at.path(), options, through(files));
  REQUIRE_OK(writer);
  std::vector<std::thread> threads;
  std::array<std::string, 3> outcomes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back([&, i] {
      outcomes[i] = test::nature_of(writer.value().commit(std::to_string(i), as_bytes("parent's")));
    });
    while (i == 0 && !files.reached) std::this_thread::yield();
  }
  while (options.group->counts().waiting < 2) std::this_thread::yield();
  Child child([&] {
    bound_time();
    const std::string said = test::nature_of(writer.value().commit("target", as_bytes("child's")));
    options.group->close();
    return said + std::to_string(options.group->counts().waiting);
  });
  CHECK(child.said() == "success0");
  files.open = true;
  for (auto& thread : threads) thread.join();
  CHECK(outcomes == std::array<std::string, 3>{"success", "success", "success"});
}

TEST_CASE("a child that was forked while a thread noted a failed sync notes its own") {
  OneDevice files;
  std::atomic<bool> ended = false;
  std::thread noting([&] {
    while (!ended) note_failed_sync(files);
  });
  std::string said;
  for (int i = 0; i < 50 && said.empty(); ++i) {
    Child child([&]() -> std::string {
      bound_time();
      const std::uint64_t mark = failed_syncs();
      if (sync_failed_since(files, Handle::none, mark)) return "told of none";
      note_failed_sync(files);
      return sync_failed_since(files, Handle::none, mark) ? "" : "not told";
    });
    said = child.said();
  }
  ended = true;
  noting.join();
  CHECK(said.empty());
}
