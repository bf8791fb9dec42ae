// SPDX-License-Identifier: BSL-1.0
// Time and randomness by system calls.
#include <cerrno>
#include <ctime>
#include <sys/random.h>

#include <perdure/system/environment.hpp>
#include <perdure/system/native.hpp>

namespace perdure {
namespace {

static_assert(sizeof(std::time_t) == 8,
              "perdure: compile with _TIME_BITS=64, or no stamp could tell "
              "a time behind January 2038");

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);  // can't fail for these clocks
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class NativeEnvironment final : public Environment {
 public:
  SysResult<void> random(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::error_code(errno, std::generic_category());
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return success();
  }
  std::chrono::nanoseconds monotonic() override { return read_clock(CLOCK_MONOTONIC); }
  std::chrono::nanoseconds wall() override { return read_clock(CLOCK_REALTIME); }
  void sleep(std::chrono::nanoseconds time) override {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    timespec rest{.tv_sec = seconds.count(),
                  .tv_nsec = static_cast<long>((time - seconds).count())};
    while (::nanosleep(&rest, &rest) < 0 && errno == EINTR) {
    }
  }
};

}  // namespace

Environment& native_environment() noexcept {
  static NativeEnvironment environment;
  return environment;
}

}  // namespace perdure
