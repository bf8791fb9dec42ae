// SPDX-License-Identifier: BSL-1.0
// The program's answers to system calls that fail, injected from outside by strace.
#include <filesystem>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

using perdure::test::bash;
using perdure::test::command;
using perdure::test::strace_works;
using perdure::test::TempDirectory;
using perdure::test::traced;
using Names = std::vector<std::string>;

namespace {

perdure::test::Outcome with_fault(const TempDirectory& at, const std::string& fault,
                                  const std::vector<std::string>& arguments, std::string input) {
  return traced(at, {"-e", "inject=" + fault}, arguments, std::move(input));
}

}  // namespace

TEST_CASE("a failed sync of the content is status 1 and leaves the old file alone", "[P4][P19]") {
  const TempDirectory at;
  if (!strace_works()) return;
  at.put("f", "old");
  const auto failed = with_fault(at, "fsync:error=EIO:when=1", {"write", "--json", "f"}, "new");
  CHECK(failed.status == 1);
  CHECK(json_of(failed).at("fate").as_string() == "unchanged");
  CHECK(json_of(failed).at("errno").as_int64() == EIO);
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("a failed sync of the directory is status 3: in place, but not known durable",
          "[P4][P19]") {
  const TempDirectory at;
  if (!strace_works()) return;
  at.put("f", "old");
  const auto failed = with_fault(at, "fsync:error=EIO:when=2", {"write", "--json", "f"}, "new");
  CHECK(failed.status == 3);
  CHECK(json_of(failed).at("fate").as_string() == "visible");
  CHECK(at.get("f") == "new");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("a failed rename is status 1 and leaves no temp", "[P16][P19]") {
  const TempDirectory at;
  if (!strace_works()) return;
  at.put("f", "old");
  const auto failed =
      with_fault(at, "rename,renameat,renameat2:error=EACCES", {"write", "--json", "f"}, "n");
  CHECK(failed.status == 1);
  CHECK(nature_of(failed) == "system, unchanged, publish");
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("a full disk in the middle of the stream is status 1 and leaves no temp", "[P16][P19]") {
  const TempDirectory at;
  if (!strace_works()) return;
  at.put("f", "old");
  const auto failed = with_fault(at, "pwrite64:error=ENOSPC:when=3", {"write", "--json", "f"},
                                 std::string(2'000'000, 'x'));
  CHECK(failed.status == 1);
  CHECK(nature_of(failed) == "system, unchanged, write the new content");
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("an input that fails in its middle is not the end of the file") {
  const TempDirectory at;
  if (!strace_works()) return;
  at.put("f", "old");
  at.put("source", std::string(2'000'000, 'x'));
  // Only reads of the input count: those of the loader are of other files.
  const auto failed =
      traced(at,
             {"-P", at.file("source"), "-e", "inject=copy_file_range:error=EIO:when=1+", "-e",
              "inject=pread64:error=EIO:when=3"},
             {"write", "--json", "f", "--from", at.file("source")});
  CHECK(failed.status == 1);
  CHECK(json_of(failed).at("path").as_string() == at.file("source"));
  CHECK(json_of(failed).at("fate").as_string() == "unchanged");
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"f", "source"});
}

TEST_CASE("an input that can't be read leaves the target unchanged") {
  const TempDirectory at;
  at.put("f", "old");
  std::filesystem::create_directory(at.file("d"));
  CHECK(command(at, {"write", "f", "--from", "d"}).status == 1);
  CHECK(command(at, {"write", "f", "--from", "missing"}).status == 1);
  CHECK(bash(at, "perdure write f <d").status == 1);
  CHECK(bash(at, "perdure write f <&-").status == 1);
  CHECK(bash(at, "perdure write f 0>write-only").status == 1);
  CHECK(at.get("f") == "old");
  CHECK(at.names() == Names{"d", "f", "write-only"});
}
