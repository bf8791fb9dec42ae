// SPDX-License-Identifier: BSL-1.0
// The stamp of a state: what it notices, what it keeps, how an edit by hand gets in.
#include <string>
#include <vector>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

constexpr std::string_view accept =
    "damaged, or edited by hand; to put a previous generation back, run `perdure state restore`; "
    "to "
    "accept it as it is, run `perdure state accept`, or delete the members generation, "
    "last_updated "
    "and checksum";

ErrorKind stamped_kind(std::string_view text) {
  const auto read = Json<Queue>{}.deserialize_stamped(as_bytes(text));
  return read ? ErrorKind::system : read.error().kind;
}

std::string stamped_trouble(std::string_view text) {
  return trouble(Json<Queue>{}.deserialize_stamped(as_bytes(text)));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("the stamp stands around the members of the state") {
  Queue queue;
  queue.next_id = 7;
  Stamp stamp = sample_stamp();
  stamp.schema_version = 3;
  const std::string text = write_stamped(queue, stamp);
  // The digits are those of `xxhsum -H128` over all but them and what is in front of them.
  CHECK(text == R"({
  "generation": 41,
  "last_updated": "2026-01-31T12:34:56.123456789Z",
  "schema_version": 3,
  "next_id": 7,
  "active": {},
  "finished": [],
  "checksum": "xxh3-128:b9f05be7bf8411955e7977f0ddd79050"
}
)");
  const auto back = read_stamped<Queue>(text);
  CHECK(back.stamped);
  CHECK(back.value == queue);
  CHECK(back.stamp.generation == 41);
  CHECK(back.stamp.last_updated == stamp.last_updated);
  CHECK(back.stamp.schema_version == 3);
  CHECK(back.stamp.unknown.empty());
  const Json<Queue> compact{.indent = 0, .limits = {}};
  CHECK(read_stamped<Queue>(write_stamped(queue, stamp, compact)).stamped);
}

TEST_CASE("a stamp keeps its lineage, and has one spelling for it") {
  Stamp stamp = sample_stamp();
  for (const Lineage& lineage :
       {Lineage{.id = 1}, Lineage{.id = 0x9c0f3b5a77e1d204},
        Lineage{.id = UINT64_MAX, .from = 0x51ab9c3e0f7d2268, .from_generation = 4},
        Lineage{.id = 7, .from = 8, .from_generation = UINT64_MAX}}) {
    stamp.lineage = lineage;
    const std::string text = write_stamped(Queue{}, stamp);
    const auto back = read_stamped<Queue>(text);
    CHECK(back.stamp.lineage == lineage);
    CHECK(back.stamp.unknown.empty());
    CHECK(write_stamped(Queue{}, back.stamp) == text);
  }
  CHECK(write_stamped(Queue{}, sample_stamp()).find("lineage") == std::string::npos);
  const auto by_hand = read_stamped<Queue>(R"({"lineage": "9c0f3b5a77e1d204"})");
  CHECK_FALSE(by_hand.stamped);
}

// A state of before may have a member of that name: it is intact, and is not written over.
TEST_CASE("a member lineage that no tracker wrote is an error, never damage") {
  for (const char* value : {R"("main")", "7", R"("9C0F3B5A77E1D204")", R"("0000000000000000")",
                            R"("9c0f3b5a77e1d204 from 51ab9c3e0f7d2268 at 04")",
                            R"("9c0f3b5a77e1d204 from 51ab9c3e0f7d2268")", R"("")", "null"}) {
    INFO(value);
    const std::string text = std::string(R"({"next_id": 7, "lineage": )") + value + "}";
    const auto read = Json<Queue>{}.deserialize_stamped(as_bytes(text));
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::serializer);
    CHECK(read.error().step == "check the state");
    CHECK_FALSE(Json<Queue>{}.deserialize_edited(as_bytes(text)));
    CHECK(Json<Queue>{}.deserialize(as_bytes(text)));
  }
}

// The first moment that 64 bits of nanoseconds hold lies within a second that begins before it: an
// overflow on the way, which the sanitizer saw.
TEST_CASE("a stamp keeps the first and the last moment that it can hold") {
  for (const StampTime time : {StampTime::min(), StampTime::max()}) {
    Stamp stamp;
    stamp.last_updated = time;
    CHECK(read_stamped<Queue>(write_stamped(Queue{}, stamp)).stamp.last_updated == time);
  }
}

// A single bit can turn a key into another key, a digit into another digit and white space into
// nothing that a parser minds: only a checksum over every byte sees them all. And the checksum must
// not get lost with its own name.
TEST_CASE("every flipped bit of a stamped file is noticed", "[P14]") {
  for (const unsigned indent : {2U, 0U}) {
    const Json<Queue> json{.indent = indent, .limits = {}};
    const std::string text = write_stamped(sample_queue(4096), sample_stamp(), json);
    REQUIRE(text.size() > 2000);
    REQUIRE(read_stamped<Queue>(text).stamped);
    std::string damaged = text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        damaged[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << bit));
        if (stamped_kind(damaged) != ErrorKind::corrupt) {
          FAIL("byte " << at << ", bit " << bit << ": " << stamped_trouble(damaged));
        }
      }
      damaged[at] = text[at];
    }
    CHECK(stamped_kind(damaged) == ErrorKind::system);
  }
}

TEST_CASE("every truncation of a stamped file is noticed, and so is every longer tail",
          "[P14][P18]") {
  const std::string text = write_stamped(sample_queue(4096), sample_stamp());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto kind = stamped_kind(std::string_view(text).substr(0, size));
    if (kind != ErrorKind::corrupt) FAIL("truncated to " << size);
  }
  for (const std::string_view tail : {"\n", " ", "x", "{}", "]"}) {
    CHECK(stamped_kind(text + std::string(tail)) == ErrorKind::corrupt);
  }
  CHECK(stamped_kind(text + std::string(1, '\0')) == ErrorKind::corrupt);
  // The forms in which a file system may leave a file that was not synced.
  for (std::size_t at = 0; at < text.size(); at += 512) {
    std::string zeros = text;
    std::fill(zeros.begin() + static_cast<std::ptrdiff_t>(at), zeros.end(), '\0');
    if (stamped_kind(zeros) != ErrorKind::corrupt) FAIL("zeros from " << at);
  }
}

TEST_CASE("all three members or none") {
  const std::string text = write_stamped(Queue{}, sample_stamp());
  const std::string none = "{\"next_id\": 1}";
  CHECK_FALSE(read_stamped<Queue>(none).stamped);
  CHECK_FALSE(read_stamped<Queue>("{}").stamped);
  CHECK(stamped_trouble(R"({"generation": 1})") ==
        "it has generation, but no last_updated and checksum: " + std::string(accept));
  CHECK(stamped_trouble(R"({"last_updated": "2026-01-31T00:00:00Z", "checksum": "x"})") ==
        "it has last_updated and checksum, but no generation: " + std::string(accept));
  for (const std::string_view name : {"generation", "last_updated", "checksum"}) {
    std::string other(name);
    other.back() = 'X';
    CHECK(stamped_kind(replaced(text, name, other)) == ErrorKind::corrupt);
  }
  CHECK(stamped_trouble(R"({"generation": 1, "x": 2, "generation": 1})") ==
        "generation: this member is there twice");
  CHECK(stamped_trouble(R"({"schema_version": "2"})") ==
        "schema_version: expected a positive integer of 32 bits: " + std::string(accept));
}

TEST_CASE("a hand edit of a stamped file is refused, and can be accepted", "[P14]") {
  const std::string text = write_stamped(Queue{}, sample_stamp());
  const std::string edited = replaced(text, "\"next_id\": 0", "\"next_id\": 5");
  CHECK(stamped_trouble(edited) == "the checksum does not match: " + std::string(accept));
  CHECK(stamped_kind(edited) == ErrorKind::corrupt);
  // The same when the edit does not even fit the type.
  CHECK(stamped_kind(replaced(text, "\"next_id\": 0", "\"next_id\": []")) == ErrorKind::corrupt);

  const auto accepted = Json<Queue>{}.deserialize_edited(as_bytes(edited));
  REQUIRE(accepted);
  CHECK_FALSE(accepted.value().stamped);
  CHECK(accepted.value().value.next_id == 5);
  CHECK(accepted.value().stamp.generation == 41);
  CHECK(read_stamped<Queue>(write_stamped(accepted.value().value, accepted.value().stamp)).stamped);
  CHECK_FALSE(Json<Queue>{}.deserialize_edited(as_bytes("{\"next_id\": []}")));
  CHECK_FALSE(Json<Queue>{}.deserialize_edited(as_bytes("{\"generation\": 1")));
}

// Damage sends a tracker to the previous generation; a state that is intact but of another program
// must not do that, or it would be overwritten.
TEST_CASE("an intact file that does not fit the type is not called damaged", "[P14]") {
  std::map<std::string, std::vector<int>> other{{"next_id", {1}}};
  const std::string text = write_stamped(other, sample_stamp());
  const auto read = Json<Queue>{}.deserialize_stamped(as_bytes(text));
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == ErrorKind::serializer);
  CHECK(read.error().step == "read the JSON text");
  CHECK(stamped_kind("[1]") == ErrorKind::serializer);
  CHECK(stamped_kind("[1") == ErrorKind::corrupt);
}

TEST_CASE("the stamp may stand anywhere, as other programs write it") {
  // The digits come from `xxhsum -H128` over the text without what is between their quotes.
  const auto text = [](std::string_view digits) {
    return R"({"checksum": "xxh3-128:)" + std::string(digits) +
           R"(", "generation": 9, "next_id": 4, "last_updated": "2026-01-31T00:00:00Z"})";
  };
  const auto read = read_stamped<Queue>(text("c2520c2c54ecaf2ab035caad2d816094"));
  CHECK(read.stamped);
  CHECK(read.value.next_id == 4);
  CHECK(read.stamp.generation == 9);
  CHECK(stamped_trouble(text("00000000000000000000000000000000")) ==
        "the checksum does not match: " + std::string(accept));
  CHECK(stamped_kind(text("")) == ErrorKind::corrupt);
}

TEST_CASE("a damaged text still says which generation it claims to be", "[P14]") {
  const Json<Queue> json;
  const auto claimed = [&](std::string_view text) {
    return json.claimed_generation(as_bytes(text));
  };
  const std::string text = write_stamped(sample_queue(4096), sample_stamp());
  // However little is left of it.
  const std::size_t legible = text.find("41,") + 2;
  for (std::size_t size = legible; size <= text.size(); ++size) {
    REQUIRE(claimed(std::string_view(text).substr(0, size)) == 41);
  }
  CHECK(claimed(R"({"next_id": "no number", "generation": 7})") == 7);
  CHECK(claimed(R"({"next_id": 1})") == 0);
  CHECK(claimed("") == 0);
  CHECK(claimed("{\"generation\": 99999999999999999999") == 0);
}

TEST_CASE("members that the program does not know survive a save") {
  const std::string text = R"({
  "shape": {"deep": [1, 2.50, 1e999, "\u00e9"]},
  "next_id": 1,
  "active": {"a/b": {"priority": -0, "name": "n"}},
  "finished": [{"priority": 2}],
  "schema_version": 2,
  "caf\u00e9": null
})";
  const auto read = read_stamped<Queue>(text);
  CHECK_FALSE(read.stamped);
  CHECK(read.stamp.schema_version == 2);
  // Not the one in the array: the next program may have another element in its place.
  const UnknownMembers expected{
      {"", {{"shape", R"({"deep": [1, 2.50, 1e999, "\u00e9"]})"}, {"caf\u00e9", "null"}}},
      {"/active/a~1b", {{"priority", "-0"}}}};
  CHECK(read.stamp.unknown == expected);

  Queue changed = read.value;
  changed.active["new"] = {};
  const std::string saved = write_stamped(changed, read.stamp);
  const auto again = read_stamped<Queue>(saved);
  CHECK(again.stamped);
  CHECK(again.value == changed);
  CHECK(again.stamp.unknown == expected);
  CHECK(saved.find(R"("shape": {"deep": [1, 2.50, 1e999, "\u00e9"]})") != std::string::npos);

  // Members of an object that is gone go with it.
  changed.active.erase("a/b");
  CHECK(
      read_stamped<Queue>(write_stamped(changed, read.stamp)).stamp.unknown.count("/active/a~1b") ==
      0);
  // A member that the program has learned since is written once.
  Stamp both;
  both.unknown[""] = {{"next_id", "77"}};
  CHECK(read_stamped<Queue>(write_stamped(changed, both)).value.next_id == 1);
}

TEST_CASE("a state that is not an object is wrapped") {
  const std::vector<int> list{1, 2};
  const std::string text = write_stamped(list, sample_stamp(), {.indent = 0, .limits = {}});
  CHECK(text.find(R"(,"state":[1,2],"checksum":)") != std::string::npos);
  CHECK(read_stamped<std::vector<int>>(text).value == list);
  CHECK(read_stamped<std::optional<int>>(R"({"state": null})").value == std::nullopt);
  CHECK(trouble(Json<std::vector<int>>{}.deserialize_stamped(as_bytes(R"({"state": [1, "x"]})"))) ==
        "state[1]: expected an integer, found a string");
  // A map is an object, so that its keys must leave the stamp's names alone.
  Buffer bytes;
  BufferSink sink(bytes);
  const std::map<std::string, int> map{{"checksum", 1}};
  CHECK(trouble(Json<std::map<std::string, int>>{}.serialize_stamped(map, {}, sink)) ==
        "checksum: this name is taken by the stamp of the file");
  const std::map<std::string, std::map<std::string, int>> nested{{"a", {{"checksum", 1}}}};
  CHECK(read_stamped<std::map<std::string, std::map<std::string, int>>>(
            write_stamped(nested, sample_stamp()))
            .value == nested);
}

}  // namespace
