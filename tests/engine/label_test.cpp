// SPDX-License-Identifier: BSL-1.0
// SELinux labels: kept, from the first byte on, or an error that says what to do.
#include <perdure/perdure.hpp>

#include "bench.hpp"
#include "support/directory.hpp"
#include "support/labelling.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Bench;
using test::Labelling;

namespace {

struct Labelled : Bench {
  Labelling files{native_file_system()};
  System system{.files = &files, .environment = &native_environment()};

  [[nodiscard]] Result<Receipt> write(const WriteOptions& options = {}) {
    return write_file(target(), "new", options, system);
  }
  /// Nothing was begun that would have to be undone.
  void check_unchanged() {
    CHECK(test::slurp(target()) == "old");
    CHECK(test::temps_in(directory.path()).empty());
    CHECK(files.labels_of_writes.empty());
  }
};

}  // namespace

// A temp had the label of new files until its content was written: whom the policy let read these
// could read new content that its target's label keeps from him.
TEST_CASE("the label of a target is kept, and its temp has it before it has content", "[P6]") {
  Labelled bench;
  bench.files.give(bench.target().native(), "shadow_t");
  SECTION("of an image") {
    REQUIRE_OK(bench.write());
  }
  SECTION("of a stream") {
    auto file = AtomicFile::create(bench.target(), {}, bench.system);
    REQUIRE_OK(file);
    REQUIRE_OK(file.value().write(as_bytes("new")));
    REQUIRE_OK(file.value().commit());
  }
  SECTION("of a transaction") {
    TransactionOptions options;
    options.system = bench.system;
    auto transaction = Transaction::begin(bench.directory.path(), options);
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("target", "new"));
    REQUIRE_OK(transaction.value().commit());
  }
  CHECK(test::slurp(bench.target()) == "new");
  CHECK(bench.files.label_of(bench.target().native()) == "shadow_t");
  CHECK(bench.files.labels_of_writes == std::set<std::string>{"shadow_t"});
  CHECK(bench.files.changes == 1);
}

TEST_CASE("a label that new files have anyway takes no right to relabel", "[P6]") {
  Labelled bench;
  bench.files.refusal = std::errc::permission_denied;
  REQUIRE_OK(bench.write());
  CHECK(bench.files.label_of(bench.target().native()) == "etc_t");
}

TEST_CASE("a label that the policy does not give is an error that says what to do", "[P6][P19]") {
  Labelled bench;
  bench.files.give(bench.target().native(), "shadow_t");
  bench.files.refusal = std::errc::permission_denied;
  SECTION("of an image") {
    const auto refused = bench.write();
    REQUIRE_FAILS(metadata, unchanged, refused);
    const std::string words = test::words_of(refused);
    CAPTURE(words);
    CHECK(words.find("(security.selinux)") != std::string::npos);
    CHECK(words.find("restorecon") != std::string::npos);
    CHECK(words.find("its owner") == std::string::npos);
  }
  SECTION("of a stream") {
    REQUIRE_FAILS(metadata, unchanged, AtomicFile::create(bench.target(), {}, bench.system));
  }
  bench.check_unchanged();
  WriteOptions fixed;
  fixed.metadata = Metadata::fixed(0644);
  REQUIRE_OK(bench.write(fixed));
  CHECK(bench.files.label_of(bench.target().native()) == "etc_t");
}

// It was made before SELinux was there. To remove the new file's label was tried, and refused.
TEST_CASE("a target without a label is replaced by a file with that of new files", "[P6]") {
  Labelled bench;
  bench.files.without.insert("target");
  REQUIRE_OK(bench.write());
  CHECK(test::slurp(bench.target()) == "new");
  CHECK(bench.files.label_of(bench.target().native()) == "etc_t");
}

// Its disk has a label for the target, which the mount hides. The same was set again, and refused.
TEST_CASE("a mount that gives all files one label takes commits", "[P6]") {
  Labelled bench;
  bench.files.for_mount = true;
  REQUIRE_OK(bench.write());
  CHECK(test::slurp(bench.target()) == "new");
  CHECK(bench.files.changes == 0);
}
