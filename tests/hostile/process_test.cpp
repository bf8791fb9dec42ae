// SPDX-License-Identifier: BSL-1.0
// A program that forks in the middle of a commit.
#include "support/process.hpp"

#include <array>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::TempDirectory;

namespace {

/// Forks before the n-th call. The child keeps every descriptor open until it is dropped.
class Forking final : public testing::FaultyFileSystem {
 public:
  explicit Forking(std::uint64_t at) : FaultyFileSystem(native_file_system()), at_(at) {}
  [[nodiscard]] bool forked() const { return child_.has_value(); }
  void end_child() { child_.reset(); }

 protected:
  void before(testing::Operation /*operation*/) override {
    if (++count_ != at_) return;
    child_.emplace([]() -> std::string {
      while (true) ::pause();
    });
  }

 private:
  std::uint64_t at_;
  std::uint64_t count_ = 0;
  std::optional<test::Child> child_;
};

}  // namespace

TEST_CASE("a fork at any call of a commit changes nothing about it, and keeps its lock", "[P8]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  bool was_held = false;
  for (std::uint64_t n = 1;; ++n) {
    CAPTURE(n);
    Forking files(n);
    const std::string content = "content " + std::to_string(n);
    REQUIRE_OK(write_file(directory / "target", content, options, {&files, &native_environment()}));
    CHECK(test::slurp(directory / "target") == content);
    CHECK(test::temps_in(directory.path()).empty());
    if (!files.forked()) break;
    // The child has a copy of whatever was open. With the lock among it, the lock is taken ...
    const auto meanwhile = write_file(directory / "target", "meanwhile", options);
    if (!meanwhile) {
      CHECK(meanwhile.error().kind == ErrorKind::lock_timeout);
      was_held = true;
    }
    files.end_child();  // ... and free with its end
    REQUIRE_OK(write_file(directory / "target", "later", options));
  }
  CHECK(was_held);
}

TEST_CASE("a temp counts as live as long as a child of its writer has it open", "[P15]") {
  const TempDirectory directory;
  std::optional<test::Child> grandchild;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  test::Child writer([&]() -> std::string {
    auto file = AtomicFile::create(directory / "target");
    if (!file || !file.value().write(as_bytes(std::string_view("content")))) return "no file";
    const pid_t pid = ::fork();
    if (pid == 0) {
      while (true) ::pause();
    }
    (void)!::write(ends[1], &pid, sizeof pid);
    ::raise(SIGKILL);
    return {};
  });
  pid_t heir = 0;
  REQUIRE(::read(ends[0], &heir, sizeof heir) == sizeof heir);
  CHECK(writer.wait() == -SIGKILL);
  const auto kept = clean(directory.path());
  ::kill(heir, SIGKILL);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE_OK(kept);
  CHECK(kept.value().live.size() == 1);
  CHECK(kept.value().removed.empty());
}
