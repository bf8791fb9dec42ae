// SPDX-License-Identifier: BSL-1.0
// Every refusal names the member and says what was expected.
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <vector>

#include <boost/json/value.hpp>

#include <perdure/json_pointer.hpp>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

std::string job(std::string_view members) {
  return read_trouble<Queue>(std::string(R"({"active": {"a": {)").append(members).append("}}}"));
}

TEST_CASE("a value of the wrong type names the member, and both types") {
  CHECK(job(R"("attempts": "x")") == "active.a.attempts: expected an integer, found a string");
  CHECK(job(R"("attempts": null)") == "active.a.attempts: expected an integer, found null");
  CHECK(job(R"("attempts": [])") == "active.a.attempts: expected an integer, found an array");
  CHECK(job(R"("attempts": 1.5)") == "active.a.attempts: expected an integer, found 1.5");
  CHECK(job(R"("attempts": 1e3)") == "active.a.attempts: expected an integer, found 1e3");
  CHECK(job(R"("attempts": 2147483648)") ==
        "active.a.attempts: expected an integer from -2147483648 to 2147483647, found 2147483648");
  CHECK(job(R"("name": 5)") == "active.a.name: expected a string, found a number");
  CHECK(job(R"("name": true)") == "active.a.name: expected a string, found a boolean");
  CHECK(job(R"("load": {})") == "active.a.load: expected a number, found an object");
  CHECK(job(R"("phase": "gone")") ==
        R"(active.a.phase: expected one of "waiting", "running", "done", found "gone")");
  CHECK(read_trouble<Queue>(R"({"next_id": -1})") ==
        "next_id: expected an integer from 0 to 18446744073709551615, found -1");
  CHECK(read_trouble<Queue>(R"({"next_id": 18446744073709551616})") ==
        "next_id: expected an integer from 0 to 18446744073709551615, found 18446744073709551616");
  CHECK(read_trouble<Queue>(R"({"finished": [{}, {"attempts": true}]})") ==
        "finished[1].attempts: expected an integer, found a boolean");
  CHECK(read_trouble<Queue>(R"({"active": {"a b\n": {"attempts": true}}})") ==
        "active[\"a b?\"].attempts: expected an integer, found a boolean");
  // A hostile file does not fill the log.
  CHECK(read_trouble<Queue>("{\"active\": {\"" + std::string(1'000'000, 'k') + "\": 1}}") ==
        "active[\"" + std::string(64, 'k') + "...\"]: expected an object, found a number");
  CHECK(read_trouble<Queue>("[]") == "top level: expected an object, found an array");
  CHECK(read_trouble<bool>("0") == "top level: expected a boolean, found a number");
  CHECK(read_trouble<double>("1e999") == "top level: the number 1e999 is out of range");
  CHECK(read_trouble<float>("1e39") == "top level: the number 1e39 is out of range");
  CHECK(read_trouble<std::array<int, 2>>("[1]") ==
        "top level: expected an array of 2 elements, found 1");
  CHECK(read_trouble<std::pair<int, int>>("[1,2,3]") ==
        "top level: expected an array of 2 elements, found 3");
  CHECK(read_trouble<std::set<int>>("[1,2,1]") == "[2]: this element of a set is there twice");
}

TEST_CASE("a stamp that is not a stamp, and a pointer that is not a pointer, are told as such") {
  const auto words = [](const auto& result) {
    return result ? std::string() : result.error().detail;
  };
  const std::string stamped = R"({"next_id": 7, "lineage": "main"})";
  CHECK_THAT(words(Json<Queue>{}.deserialize_stamped(as_bytes(stamped))), Contains("rename it"));
  const JsonText value = JsonText::parse("5").value();
  CHECK_THAT(words(get_at(value, "a")), Contains("not a JSON Pointer: "));
  CHECK_THAT(words(get_at(value, "/a/b~2c")), Contains("not a JSON Pointer: "));
}

TEST_CASE("keys of maps have one spelling") {
  CHECK(read_trouble<std::map<std::int8_t, int>>(R"({"01": 1})") ==
        "01: expected a member whose name is an integer from -128 to 127");
  CHECK(read_trouble<std::map<std::int8_t, int>>(R"({"128": 1})") ==
        "128: expected a member whose name is an integer from -128 to 127");
  CHECK(read_trouble<std::map<Phase, int>>(R"({"gone": 1})") ==
        "gone: no value of the enum has this name");
}

TEST_CASE("times are strict") {
  using Seconds = std::chrono::sys_seconds;
  for (const std::string_view text :
       {"2026-02-29T00:00:00Z", "2026-1-31T00:00:00Z", "2026-01-31 00:00:00Z",
        "2026-01-31T24:00:00Z", "2026-01-31T00:60:00Z", "2026-01-31T00:00:60Z",
        "2026-01-31T00:00:00", "2026-01-31T00:00:00.Z", "2026-01-31T00:00:00.1234567890Z",
        "2026-01-31T00:00:00Zx", "2026-01-31T00:00:00+1:00", "2026-01-31T00:00:00+24:00", ""}) {
    CHECK(read_trouble<Seconds>('"' + std::string(text) + '"') ==
          "top level: expected a time as 2026-01-31T12:00:00Z, found \"" + std::string(text) + '"');
  }
  CHECK(read_trouble<Seconds>(R"("2026-01-31T00:00:00.5Z")") ==
        "top level: this time is finer than the program keeps");
  CHECK(read_trouble<std::chrono::sys_time<std::chrono::nanoseconds>>(
            R"("2262-04-11T23:47:16.854775808Z")") == "top level: this time is out of range");
  CHECK(write_trouble(Seconds(std::chrono::seconds(253'402'300'800))) ==
        "top level: this time is not of the years 0000 to 9999");
}

TEST_CASE("a member that is there twice is an error, known, unknown, or in a map", "[P18]") {
  CHECK(read_trouble<Queue>(R"({"next_id": 1, "next_id": 1})") ==
        "next_id: this member is there twice");
  CHECK(read_trouble<Queue>(R"({"x": 1, "y": 2, "x": 1})") == "x: this member is there twice");
  CHECK(read_trouble<Queue>(R"({"active": {"a": {}, "\u0061": {}}})") ==
        "active.a: this member is there twice");
}

TEST_CASE("bytes that are not JSON at all are told by line and column", "[P18]") {
  CHECK(read_trouble<Queue>("") == "it is empty");
  CHECK(read_trouble<Queue>(" \n ") == "it is empty");
  CHECK(read_trouble<Queue>("{\n  \"x\": 1,,\n}") == "not valid JSON at line 2, column 10");
  CHECK(read_trouble<Queue>("{\n  \"x\": nul\n}") == "not valid JSON at line 2, column 8");
  CHECK(read_trouble<Queue>("{\"x\": 1") == "not valid JSON: the end is missing");
  CHECK(read_trouble<Queue>("{\"x") == "not valid JSON: a string is not closed");
  CHECK(read_trouble<Queue>("{} {}") == "not valid JSON at line 1, column 4");
  CHECK(read_trouble<Queue>("{}]") == "not valid JSON at line 1, column 3");
  CHECK(read_trouble<Queue>("{},{}") == "not valid JSON at line 1, column 4");
  CHECK(read_trouble<Queue>("{\n\"x\": \"\xc3\"}") == "line 2 is not valid UTF-8");
  CHECK(read_trouble<Queue>("{\"x\": \"a\nb\"}") ==
        "not valid JSON: a control character stands in a string without an escape");
  CHECK(read_trouble<Queue>(R"({"x": "\ud800"})") == "x: an escape in this string is not valid");
  CHECK(read_trouble<Queue>(R"({"\x": 1})") ==
        "top level: an escape in a member's name is not valid");
}

TEST_CASE("what JSON can't hold is refused when it is written, and the member named") {
  Queue queue;
  queue.active["a"].load = std::numeric_limits<double>::quiet_NaN();
  CHECK(write_trouble(queue) == "active.a.load: JSON has no NaN and no infinity");
  queue.active["a"].load = -std::numeric_limits<double>::infinity();
  CHECK(write_trouble(queue) == "active.a.load: JSON has no NaN and no infinity");
  queue.active["a"].load = 1.0;
  for (const std::string_view bad :
       {"\xff", "abcdefgh\xc3", "\xed\xa0\x80", "\xc0\x80", "0123456\x80"}) {
    queue.active["a"].name = bad;
    CHECK(write_trouble(queue) == "active.a.name: this string is not valid UTF-8");
  }
  queue.active["a"].name = "ok";
  queue.active["b"].phase = static_cast<Phase>(9);
  CHECK(write_trouble(queue) == "active.b.phase: the value 9 of this enum has no name");
  CHECK(write_trouble(std::map<std::string, int>{{"\xff", 1}}) ==
        "top level: the name of a member is not valid UTF-8");
}

class FullSink final : public Sink {
 public:
  Result<void> write(Bytes) override {
    return Error{.kind = ErrorKind::system,
                 .cause = std::make_error_code(std::errc::no_space_on_device),
                 .step = "write",
                 .path = "x",
                 .detail = "full"};
  }
};

TEST_CASE("an error of the sink comes back as it is") {
  FullSink sink;
  const auto done = Json<std::vector<int>>{}.serialize(std::vector<int>(100'000), sink);
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::system);
  CHECK(done.error().cause == std::errc::no_space_on_device);
  CHECK(done.error().path == "x");
}

struct Throwing {
  int number = 0;
  Throwing() = default;
  Throwing(const Throwing&) = default;
  Throwing(Throwing&&) = default;
  Throwing& operator=(const Throwing&) = default;
  Throwing& operator=(Throwing&&) = default;
  ~Throwing() = default;
  friend bool operator<(const Throwing&, const Throwing&) {
    throw std::runtime_error("no order today");
  }
};
BOOST_DESCRIBE_STRUCT(Throwing, (), (number))

TEST_CASE("what a type of the user throws comes back as an error") {
  CHECK(read_trouble<std::set<Throwing>>(R"([{"number": 1}, {"number": 2}])") ==
        "an exception: no order today");
}

TEST_CASE("errors of the plain form are of the serializer") {
  const auto value = Json<Queue>{}.deserialize(as_bytes("{"));
  REQUIRE_FALSE(value);
  CHECK(value.error().kind == ErrorKind::serializer);
  CHECK(value.error().fate == Fate::unchanged);
  CHECK(value.error().step == "read the JSON text");
}

}  // namespace
