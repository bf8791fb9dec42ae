// SPDX-License-Identifier: BSL-1.0
// Others read the files: Python's json and jq, where they are installed, with every number and
// character intact. And what they write is read here.
#include <cstdlib>

#include "samples.hpp"
#include "support/directory.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

bool runs(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

bool installed(const std::string& program) {
  return runs("command -v " + program + " >/dev/null 2>&1");
}

TEST_CASE("Python's json reads a state, and its own is read here") {
  if (!installed("python3")) return skip("python3 is not installed");
  const TempDirectory directory;
  for (const unsigned indent : {2U, 0U}) {
    const Json<Queue> json{.indent = indent, .limits = {}};
    const Queue queue = sample_queue(20'000);
    directory.put("state.json", write_stamped(queue, sample_stamp(), json));
    directory.put("script.py", R"(
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
    REQUIRE(runs("python3 " + directory.file("script.py") + ' ' + directory.file("state.json") +
                 ' ' + directory.file("ascii.json") + ' ' + directory.file("utf8.json")));
    for (const std::string name : {"ascii.json", "utf8.json"}) {
      const auto back = read_stamped<Queue>(directory.get(name));
      CHECK_FALSE(back.stamped);
      CHECK(back.value == queue);
    }
  }
}

TEST_CASE("jq reads a state, and its own is read here") {
  if (!installed("jq")) return skip("jq is not installed");
  const TempDirectory directory;
  Queue queue = sample_queue(20'000);
  queue.next_id = 7;  // jq itself rounds integers beyond 2^53
  directory.put("state.json", write_stamped(queue, sample_stamp()));
  REQUIRE(runs("jq -e '.generation == 41 and .active[\"key/1\"].attempts == 1' " +
               directory.file("state.json") + " >/dev/null"));
  REQUIRE(runs("jq 'del(.generation, .last_updated, .checksum)' " + directory.file("state.json") +
               " >" + directory.file("edited.json")));
  CHECK(read_stamped<Queue>(directory.get("edited.json")).value == queue);
  // Only re-indented, and yet not what was committed.
  REQUIRE(runs("jq --indent 4 . " + directory.file("state.json") + " >" +
               directory.file("indented.json")));
  CHECK(Json<Queue>{}.deserialize_stamped(as_bytes(directory.get("indented.json"))).error().kind ==
        ErrorKind::corrupt);
}

TEST_CASE("xxhsum computes the checksum, as docs/format-state.md says") {
  if (!installed("xxhsum")) return skip("xxhsum is not installed");
  const TempDirectory directory;
  const std::string text = write_stamped(sample_queue(4096), sample_stamp());
  constexpr std::string_view prefix = "xxh3-128:";
  const std::size_t at = text.rfind(prefix);
  REQUIRE(at != std::string::npos);
  directory.put("rest", text.substr(0, at) + text.substr(at + prefix.size() + 32));
  REQUIRE(runs("xxhsum -H128 " + directory.file("rest") + " >" + directory.file("sum")));
  CHECK(directory.get("sum").find(text.substr(at + prefix.size(), 32)) != std::string::npos);
}

}  // namespace
