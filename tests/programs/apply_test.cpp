// SPDX-License-Identifier: BSL-1.0
// perdure apply.
#include <filesystem>

#include <boost/json/array.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::command;
using perdure::test::TempDirectory;

namespace {

/// A copy of a site that was a root, with a state that was tracked, a lock and a temp in it.
void copy_of_a_site(const TempDirectory& at) {
  for (const char* directory : {"from", "from/.perdure", "from/sub", "from/sub/.perdure", "to"}) {
    std::filesystem::create_directory(at.file(directory));
  }
  at.put("from/.perdure-root", "perdure root 1\n.perdure\n");
  at.put("from/.perdure/.root.perdure-lock", "");
  at.put("from/index.html", "new");
  at.put("from/state.json", "{}");
  at.put("from/.state.json.perdure-lock", "");
  at.put("from/.state.json.7.perdure-prev", "old");
  at.put("from/sub/.page.0123456789abcdef.perdure-tmp", "half");
  at.put("from/sub/page", "new");
  at.put("from/sub/.perdure/notes", "no root's: a directory like any other");
}

}  // namespace

// Each of two programs then held the lock, one of the old file and one of the new.
TEST_CASE("apply --from leaves the library's own files out, and says so") {
  const TempDirectory at;
  copy_of_a_site(at);
  at.put("to/.state.json.perdure-lock", "live");
  const auto applied = command(at, {"apply", "to", "--from", "from"});
  CHECK(applied.status == 0);
  CHECK(applied.out.find("  left out  from/.perdure (perdure's own)\n") != std::string::npos);
  CHECK(applied.out.find("  left out  from/.perdure-root (perdure's own)\n") != std::string::npos);
  CHECK(applied.out.find("from/sub/.page.0123456789abcdef.perdure-tmp") != std::string::npos);
  CHECK(applied.out.find("root.perdure-lock") == std::string::npos);  // with its directory
  CHECK(at.get("to/.state.json.perdure-lock") == "live");
  CHECK(at.get("to/.state.json.7.perdure-prev") == "(none)");
  CHECK(at.get("to/index.html") == "new");
  CHECK(at.get("to/state.json") == "{}");
  CHECK(at.get("to/sub/page") == "new");
  CHECK(at.get("to/sub/.perdure/notes") == "no root's: a directory like any other");

  const json::object object = json_of(command(at, {"apply", "to", "--from", "from", "--json"}));
  const json::array wanted{"from/.perdure", "from/.perdure-root", "from/.state.json.7.perdure-prev",
                           "from/.state.json.perdure-lock",
                           "from/sub/.page.0123456789abcdef.perdure-tmp"};
  CHECK(object.at("left_out") == wanted);
  CHECK(object.at("files").as_int64() == 4);
  const auto quiet = command(at, {"apply", "to", "--from", "from", "--quiet"});
  CHECK(quiet.status == 0);
  CHECK(quiet.out.empty());
}

TEST_CASE("apply refuses the library's own names where it is told them") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("to/.f.perdure-lock", "live");
  at.put("src", "x");
  CHECK(command(at, {"apply", "to", "--put", ".f.perdure-lock=src"}).status == 2);
  const auto refused = command(at, {"apply", "to", "--remove", ".f.perdure-lock"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("own file") != std::string::npos);
  CHECK(at.get("to/.f.perdure-lock") == "live");
  CHECK(json_of(command(at, {"apply", "to", "--put", "a=src", "--json"})).at("left_out") ==
        json::array());
}
