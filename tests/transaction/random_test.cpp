// SPDX-License-Identifier: BSL-1.0
// Random scripts against a map that does the same.
#include <random>

#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// The tree that the root should have: files by path; directories end in "/".
class Model {
 public:
  Tree tree;

  [[nodiscard]] bool is_file(const std::string& path) const { return tree.contains(path); }
  void move(const std::string& from, const std::string& to) {
    tree[to] = tree.at(from);
    tree.erase(from);
  }
};

}  // namespace

TEST_CASE("random transactions do what a map does", "[P11]") {
  constexpr int rounds = 200;
  std::mt19937 draw(20'261);  // the same scripts every time
  const std::vector<std::string> paths{"a", "b", "c", "d/a", "d/b", "e/a"};
  const TempDirectory root("/dev/shm");
  fs::create_directory(root / "d");
  fs::create_directory(root / "e");
  Model model{{{"d/", ""}, {"e/", ""}}};
  const auto any = [&] { return paths[draw() % paths.size()]; };
  for (int round = 0; round < rounds; ++round) {
    Model wanted = model;
    auto begun = Transaction::begin(root.path());
    REQUIRE_OK(begun);
    auto& transaction = begun.value();
    for (auto steps = draw() % 8; steps > 0; --steps) {
      const std::string path = any();
      const std::string other = any();
      switch (draw() % 4) {
        case 0:
        case 1: {
          const std::string content = std::to_string(draw());
          REQUIRE_OK(transaction.put(path, content));
          wanted.tree[path] = content;
          break;
        }
        case 2: {
          const auto removed = transaction.remove(path);
          CHECK(removed.has_value() == wanted.is_file(path));
          wanted.tree.erase(path);
          break;
        }
        default: {
          if (!wanted.is_file(path) || path == other) break;
          REQUIRE_OK(transaction.move(path, other));
          wanted.move(path, other);
        }
      }
    }
    if (draw() % 4 != 0) {
      REQUIRE_OK(transaction.commit());
      model = wanted;
    }
    begun = Error{};  // drops it; what was not committed is aborted
    INFO("round " << round);
    CHECK(tree_of(root.path()) == model.tree);
    CHECK(private_of(root.path()).empty());
  }
}
