// SPDX-License-Identifier: BSL-1.0
// Sleep beside signals.
#include <chrono>
#include <csignal>
#include <sys/time.h>

#include <perdure/system/environment.hpp>
#include <perdure/system/native.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;

// Found in review: `clean` looks twice at an empty temp, and a profiler's signals left no time
// between the two looks.
TEST_CASE("a signal does not shorten a sleep") {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
  itimerval often{};
  often.it_interval.tv_usec = often.it_value.tv_usec = 5'000;
  REQUIRE(::setitimer(ITIMER_REAL, &often, nullptr) == 0);
  perdure::Environment& environment = perdure::native_environment();
  const auto begin = environment.monotonic();
  environment.sleep(100ms);
  const auto slept = environment.monotonic() - begin;
  often = {};
  REQUIRE(::setitimer(ITIMER_REAL, &often, nullptr) == 0);
  REQUIRE(::sigaction(SIGALRM, &before, nullptr) == 0);
  CHECK(slept >= 100ms);
}
