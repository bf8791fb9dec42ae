// SPDX-License-Identifier: BSL-1.0
// SIGKILL at random moments: the target is old or new each time, and clean leaves only it.
#include <csignal>
#include <random>
#include <time.h>

#include <perdure/perdure.hpp>

#include "support/content.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::content_of;
using test::is_whole;
using test::TempDirectory;

namespace {

enum class Kind { one_shot, streamed, backup, kept_lock };

/// Commits forever.
std::string commit_on(const boost::filesystem::path& target, Kind kind, bool durable) {
  WriteOptions options;
  options.durability = durable ? Durability::durable : Durability::none;
  if (kind == Kind::backup) options.existing = ExistingPolicy::backup;
  options.coordinate = kind == Kind::kept_lock;
  for (unsigned n = 1;; ++n) {
    const std::string content = content_of(n);
    if (kind != Kind::streamed) {
      const auto done = write_file(target, content, options);
      if (!done) return done.error().message();
      continue;
    }
    auto file = AtomicFile::create(target, options);
    if (!file) return file.error().message();
    for (std::size_t at = 0; at < content.size(); at += 700) {
      (void)file.value().write(as_bytes(std::string_view(content).substr(at, 700)));
    }
    const auto done = file.value().commit();
    if (!done) return done.error().message();
  }
}

}  // namespace

TEST_CASE("300 kills at random moments leave the target intact, and clean leaves only it",
          "[P1][P16]") {
  constexpr int kills = 300;
  std::mt19937 random(20'240'229);
  std::uniform_int_distribution<long> moment_ns(0, 6'000'000);
  const TempDirectory directory;
  test::spit(directory / "target", content_of(0));
  int torn = 0;
  int broken_backup = 0;
  int survived = 0;
  std::size_t temps = 0;
  for (int i = 0; i < kills; ++i) {
    const auto kind = static_cast<Kind>(i % 4);
    test::Child victim([&] { return commit_on(directory / "target", kind, i % 8 >= 4); });
    const timespec pause{.tv_sec = 0, .tv_nsec = moment_ns(random)};
    ::nanosleep(&pause, nullptr);  // the moment of the kill; nothing is ordered by it
    victim.kill();
    if (victim.wait() != -SIGKILL) ++survived;
    if (!is_whole(test::slurp(directory / "target"))) ++torn;
    if (boost::filesystem::exists(directory / "target~") &&
        !is_whole(test::slurp(directory / "target~"))) {
      ++broken_backup;
    }
    temps = std::max(temps, test::temps_in(directory.path()).size());
  }
  CHECK(survived == 0);
  CHECK(torn == 0);
  CHECK(broken_backup == 0);
  CHECK(temps > 0);  // some were hit in the middle
  const auto cleaned = clean(directory.path());
  REQUIRE_OK(cleaned);
  CHECK(cleaned.value().removed.size() == temps);
  CHECK(cleaned.value().live.empty());
  CHECK(cleaned.value().skipped.empty());
  // On a slow machine no victim may have come as far as its backup.
  auto left = test::list(directory.path());
  std::erase(left, "target~");
  CHECK(left == std::vector<std::string>{".target.perdure-lock", "target"});
  WriteOptions options;  // the lock of those who were killed is free
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  REQUIRE_OK(write_file(directory / "target", "last", options));
}
