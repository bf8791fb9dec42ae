// SPDX-License-Identifier: BSL-1.0
// The words by which commits of a program are refused: each is asserted here alone, but those of a
// hostile place (hostile_test.cpp). Other tests assert kind, fate and step.
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using test::words_of;

namespace {

std::string directory_without_sync(const TempDirectory& at) {
  testing::FaultyFileSystem files(native_file_system());
  files.fail({.operation = testing::Operation::sync_directory, .error = EINVAL});
  return words_of(write_file(at / "target", "new", {},
                             {.files = &files, .environment = &native_environment()}));
}

std::string closed_group(const TempDirectory& at) {
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>();
  options.group->close();
  return words_of(write_file(at / "target", "new", options));
}

/// A writer with a group in which one commit may wait.
Result<AtomicWriter> bind_to_small_group(const TempDirectory& at) {
  WriteOptions options;
  options.group = std::make_shared<GroupCommit>(GroupOptions{.waiting_max = 1});
  return AtomicWriter::bind(at.path(), options);
}

std::string full_group(const TempDirectory& at) {
  const auto writer = bind_to_small_group(at);
  REQUIRE_OK(writer);
  const auto first = writer.value().commit_later("first", "new");
  return words_of(writer.value().commit_later("target", "new").wait());
}

std::string lock_in_a_group(const TempDirectory& at) {
  const auto writer = bind_to_small_group(at);
  REQUIRE_OK(writer);
  return words_of(
      writer.value().commit_later("target", "new", {.expected = Version::absent()}).wait());
}

std::string forked_handle(const TempDirectory& at) {
  const auto writer = bind_to_small_group(at);
  REQUIRE_OK(writer);
  const auto handle = writer.value().commit_later("target", "new");
  return test::Child([&] { return words_of(handle.wait()); }).said();
}

std::string forked_stream(const TempDirectory& at) {
  auto file = AtomicFile::create(at / "target");
  REQUIRE_OK(file);
  return test::Child([&] { return words_of(file.value().write(as_bytes("child's"))); }).said();
}

std::string forked_transaction(const TempDirectory& at) {
  auto transaction = Transaction::begin(at.path());
  REQUIRE_OK(transaction);
  return test::Child([&] { return words_of(transaction.value().put("b", as_bytes("b"))); }).said();
}

struct Row {
  const char* name;
  std::string (*provoke)(const TempDirectory&);
  const char* words;
};

}  // namespace

TEST_CASE("each refusal of a program's commits names the path, and says why", "[P19]") {
  const std::vector<Row> rows{
      {"no sync of directories", directory_without_sync, "this file system can't sync a directory"},
      {"a closed group", closed_group, "the group was closed"},
      {"a full group", full_group, "as many commits wait in the group as may (waiting_max)"},
      {"a lock in a group", lock_in_a_group, "give the group a thread (committer_thread)"},
      {"a forked handle", forked_handle, "another process posted this commit"},
      {"a forked child's stream", forked_stream, "another process made this temp"},
      {"a forked child's transaction", forked_transaction,
       "another process began this transaction"},
  };
  for (const Row& row : rows) {
    const TempDirectory at;
    INFO(row.name);
    const std::string said = row.provoke(at);
    CHECK(said.starts_with("'" + at.path().native()));
    CHECK_THAT(said, test::Contains(row.words));
  }
}

TEST_CASE("a mount point that is to be replaced is told as one", "[P19]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory at;
  test::spit(at / "source", "mounted");
  test::spit(at / "target", "old");
  const test::Mount mount({"--bind", (at / "source").native(), (at / "target").native()});
  REQUIRE(mount.error() == "");
  CHECK_THAT(words_of(write_file(at / "target", "new")), test::Contains("bind-mounted"));
}
