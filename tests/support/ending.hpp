// SPDX-License-Identifier: BSL-1.0
// How a process ends that makes a mistake on purpose.
#pragma once

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <sys/resource.h>

#include "support/process.hpp"

namespace perdure::test {

/// How a child ends that does this: what `Child::said` says. It leaves no core and no words.
inline std::string end_of(const std::function<void()>& work) {
  Child child([&]() -> std::string {
    std::signal(SIGABRT, SIG_DFL);  // the test framework's handler would tell of a failed test
    const rlimit no_core{0, 0};
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return "setrlimit";
    if (std::freopen("/dev/null", "w", stderr) == nullptr) return "freopen";
    work();
    return "went on";
  });
  return child.said();
}

/// The end by abort(3).
inline const std::string aborted = " (status " + std::to_string(-SIGABRT) + ")";

}  // namespace perdure::test
