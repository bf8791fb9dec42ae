// SPDX-License-Identifier: BSL-1.0
// The words by which a transaction refuses a path: each is asserted here alone. Other tests assert
// kind, fate and step.
#include <functional>
#include <string>
#include <vector>

#include "transaction/journal_format.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

template <class T>
std::string words_of(const Result<T>& result) {
  return result.has_value() ? "" : result.error().message();
}

/// Commits a file at this path.
std::string put_at(const TempDirectory& root, const std::string& path,
                   const TransactionOptions& options = {}) {
  auto transaction = Transaction::begin(root.path(), options).value();
  if (const auto put = transaction.put(path, "x"); !put) return words_of(put);
  return words_of(transaction.commit());
}

std::string own_name(const TempDirectory& root) {
  return put_at(root, ".app.perdure-lock");
}

std::string own_name_in_journal(const TempDirectory& root) {
  REQUIRE_OK(Transaction::begin(root.path()));
  const Buffer bytes =
      encode_journal({.id = "0123456789abcdef",
                      .entries = {{.action = JournalAction::remove, .path = ".app.perdure-lock"}}});
  spit(root / ".perdure/j", as_text(bytes), 0600);
  return words_of(recover(root.path()));
}

std::string private_directory(const TempDirectory& root) {
  fs::create_directory(root / "sub");
  TransactionOptions options;
  options.private_directory = (root / "sub/private").native();
  return put_at(root, "sub/private/j", options);
}

std::string inner_root(const TempDirectory& root) {
  fs::create_directory(root / "sub");
  REQUIRE_OK(Transaction::begin(root / "sub"));
  return put_at(root, "sub/f");
}

struct Row {
  const char* name;
  std::string (*provoke)(const TempDirectory&);
  const char* words;
};

}  // namespace

TEST_CASE("each path that a transaction refuses is refused with its reason", "[P19]") {
  const std::vector<Row> rows{
      {"a name of the library's", own_name, "own file"},
      {"a journal with such a name", own_name_in_journal, "own file"},
      {"the private directory", private_directory, "private directory"},
      {"a root beneath the root", inner_root, "'sub' is a root of its own"},
  };
  for (const Row& row : rows) {
    const TempDirectory root;
    INFO(row.name);
    CHECK_THAT(row.provoke(root), Contains(row.words));
  }
}
