// SPDX-License-Identifier: BSL-1.0
// Others read the files: Python's json and jq, where they are installed, with every number and
// character intact. And what they write is read here.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

/// A directory of this test's own, gone with it.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "perdure_json_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void put(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  REQUIRE(out.flush());
}

std::string get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool run(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

bool installed(const std::string& program) {
  return run("command -v " + program + " >/dev/null 2>&1");
}

TEST_CASE("Python's json reads a state, and its own is read here") {
  if (!installed("python3")) return skip("python3 is not installed");
  const Directory directory;
  for (const unsigned indent : {2U, 0U}) {
    const Json<Queue> json{.indent = indent, .limits = {}};
    const Queue queue = sample_queue(20'000);
    put(directory.file("state.json"), write_stamped(queue, sample_stamp(), json));
    put(directory.file("script.py"), R"(
import json, sys
state = json.load(open(sys.argv[1], encoding="utf-8"))
assert state.pop("generation") == 41
assert state.pop("last_updated") == "2026-01-31T12:34:56.123456789Z"
assert state.pop("checksum").startswith("xxh3-128:")
assert state["next_id"] == 18446744073709551615
assert state["active"]["key/1"]["name"] == "job \"1\" \\ \u00e9\u20ac\U0001f600\t"
json.dump(state, open(sys.argv[2], "w", encoding="utf-8"), ensure_ascii=True)
json.dump(state, open(sys.argv[3], "w", encoding="utf-8"), ensure_ascii=False, indent=4)
)");
    REQUIRE(run("python3 " + directory.file("script.py") + ' ' + directory.file("state.json") +
                ' ' + directory.file("ascii.json") + ' ' + directory.file("utf8.json")));
    for (const std::string_view name : {"ascii.json", "utf8.json"}) {
      const auto back = read_stamped<Queue>(get(directory.file(name)));
      CHECK_FALSE(back.stamped);
      CHECK(back.value == queue);
    }
  }
}

TEST_CASE("jq reads a state, and its own is read here") {
  if (!installed("jq")) return skip("jq is not installed");
  const Directory directory;
  Queue queue = sample_queue(20'000);
  queue.next_id = 7;  // jq itself rounds integers beyond 2^53
  put(directory.file("state.json"), write_stamped(queue, sample_stamp()));
  REQUIRE(run("jq -e '.generation == 41 and .active[\"key/1\"].attempts == 1' " +
              directory.file("state.json") + " >/dev/null"));
  REQUIRE(run("jq 'del(.generation, .last_updated, .checksum)' " + directory.file("state.json") +
              " >" + directory.file("edited.json")));
  CHECK(read_stamped<Queue>(get(directory.file("edited.json"))).value == queue);
  // Only re-indented, and yet not what was committed.
  REQUIRE(run("jq --indent 4 . " + directory.file("state.json") + " >" +
              directory.file("indented.json")));
  CHECK(Json<Queue>{}
            .deserialize_stamped(as_bytes(get(directory.file("indented.json"))))
            .error()
            .kind == ErrorKind::corrupt);
}

TEST_CASE("xxhsum computes the checksum, as docs/format-state.md says") {
  if (!installed("xxhsum")) return skip("xxhsum is not installed");
  const Directory directory;
  const std::string text = write_stamped(sample_queue(4096), sample_stamp());
  constexpr std::string_view prefix = "xxh3-128:";
  const std::size_t at = text.rfind(prefix);
  REQUIRE(at != std::string::npos);
  put(directory.file("rest"), text.substr(0, at) + text.substr(at + prefix.size() + 32));
  REQUIRE(run("xxhsum -H128 " + directory.file("rest") + " >" + directory.file("sum")));
  CHECK(get(directory.file("sum")).find(text.substr(at + prefix.size(), 32)) != std::string::npos);
}

}  // namespace
