// SPDX-License-Identifier: BSL-1.0
// The file system of the programs that resolves each path once.
#include "sources/once.hpp"

#include <perdure/files.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using perdure::Handle;
using perdure::OwnedHandle;
using perdure::test::TempDirectory;

// A state was read by one look at its path and saved by another, which led elsewhere.
TEST_CASE("a path that was resolved once leads to the same directory to the end", "[P17]") {
  const TempDirectory at;
  const std::size_t open_before = perdure::test::descriptors_open();
  {
    perdure::cli::OnceResolved files;
    const auto read = [&](const std::string& leaf) {
      const auto content = perdure::read_file(at / "way" / leaf, 100, files.system());
      return content ? std::string(perdure::as_text(content.value().bytes)) : "(none)";
    };
    CHECK(read("s") == "(none)");  // a way that is not there yet is looked for again
    perdure::test::fs::create_directory(at / "way");
    perdure::test::spit(at / "way/s", "ours");
    CHECK(read("s") == "ours");
    perdure::test::fs::rename(at / "way", at / "aside");
    perdure::test::fs::create_directory(at / "way");
    perdure::test::spit(at / "way/s", "theirs");
    CHECK(read("s") == "ours");
    REQUIRE_OK(perdure::write_file(at / "way/s", "new", {}, files.system()));
    CHECK(perdure::test::slurp(at / "aside/s") == "new");
    CHECK(perdure::test::slurp(at / "way/s") == "theirs");

    const std::string named = (at / "named").native();
    const OwnedHandle aside(
        files, files.open_directory(Handle::working_directory, (at / "aside").native()).value());
    REQUIRE_OK(files.resolve(named, aside.get()));
    CHECK(perdure::read_file(at / "named/s", 100, files.system()).has_value());
  }
  CHECK(perdure::test::descriptors_open() == open_before);
}
