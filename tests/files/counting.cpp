// SPDX-License-Identifier: BSL-1.0
// counting DIR PROCESSES COUNT: so many processes add 1 to a number in a file, until together they
// have done so COUNT times, each by compare-and-swap. Status 1 if an update was lost.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <perdure/perdure.hpp>

namespace {

/// Adds 1, however often somebody else is faster.
perdure::Result<void> increment(const perdure::Path& path) {
  for (;;) {
    BOOST_OUTCOME_TRY(const auto old, perdure::read_file(path));
    const long next = std::atol(std::string(perdure::as_text(old.bytes)).c_str()) + 1;
    // The width stays, so that the size tells nothing.
    std::string text = std::to_string(1'000'000'000 + next).substr(1);
    // However busy the machine is: this is about counting.
    const perdure::WriteOptions options{.durability = perdure::Durability::none,
                                        .expected = old.version,
                                        .lock_timeout_ms = std::chrono::hours(1)};
    const auto done = perdure::write_file(path, text, options);
    if (done) return perdure::success();
    if (done.error().kind != perdure::ErrorKind::conflict) return done.error();
  }
}

int count(const perdure::Path& path, long times) {
  for (long i = 0; i < times; ++i) {
    const auto done = increment(path);
    if (!done) {
      std::fprintf(stderr, "counting: %s\n", done.error().message().c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: counting DIR PROCESSES COUNT\n", stderr);
    return 2;
  }
  const perdure::Path path = perdure::Path(argv[1]) / "count";
  const int processes = std::atoi(argv[2]);
  const long total = std::atol(argv[3]);
  if (processes < 1 || total % processes != 0 || !perdure::write_file(path, "000000000")) return 2;
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    if (child < 0) return 2;
    if (child == 0) ::_exit(count(path, total / processes));
  }
  bool failed = false;
  for (int i = 0; i < processes; ++i) {
    int status = 0;
    if (::wait(&status) < 0 || status != 0) failed = true;
  }
  const auto found = perdure::read_file(path);
  const long number =
      found ? std::atol(std::string(perdure::as_text(found.value().bytes)).c_str()) : -1;
  std::printf("counting: %ld of %ld\n", number, total);
  return failed || number != total ? 1 : 0;
}
