// SPDX-License-Identifier: BSL-1.0
// SIGKILL at random moments, of committers and of recoveries.
#include <random>
#include <thread>

#include <perdure/clean.hpp>

#include "support/process.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr int files = 8;

/// Commits generation after generation of the same files until it is killed.
std::string commit_for_ever(const fs::path& root) {
  for (int generation = 1;; ++generation) {
    auto transaction = Transaction::begin(root);
    if (!transaction) return transaction.error().message();
    for (int i = 0; i < files; ++i) {
      const auto put = transaction.value().put("f" + std::to_string(i), std::to_string(generation));
      if (!put) return put.error().message();
    }
    const auto receipt = transaction.value().commit();
    if (!receipt) return receipt.error().message();
  }
}

}  // namespace

TEST_CASE("500 kills: all of one generation after recovery, which is killed too", "[P11]") {
  const TempDirectory root("/dev/shm");
  std::mt19937 draw(7);
  // A random moment; no assertion depends on which one it is.
  const auto a_while = [&](unsigned us_max) {
    std::this_thread::sleep_for(std::chrono::microseconds(draw() % us_max));
  };
  for (int round = 0; round < 250; ++round) {
    {
      Child committer([&] { return commit_for_ever(root.path()); });
      a_while(6000);
      committer.kill();
      CHECK(committer.wait() == -SIGKILL);
    }
    {
      Child recovering([&]() -> std::string {
        for (;;) {
          if (!recover(root.path())) return "no";
        }
      });
      a_while(1500);
      recovering.kill();
      CHECK(recovering.wait() == -SIGKILL);
    }
    REQUIRE_OK(recover(root.path()));
    REQUIRE_OK(clean(root.path()));  // of what was being tried out
    const Tree tree = tree_of(root.path());
    CHECK((tree.empty() || tree.size() == files));
    for (const auto& [path, content] : tree) CHECK(content == tree.begin()->second);
    CHECK(private_of(root.path()).empty());
  }
}
