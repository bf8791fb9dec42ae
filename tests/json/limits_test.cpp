// SPDX-License-Identifier: BSL-1.0
// Hostile input: limits, nesting, every prefix and every byte of a text. The answer is a value or
// an error; that there is no crash is what the sanitizers watch.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

std::string nested(std::size_t depth, char open, char close) {
  return std::string(depth, open) + std::string(depth, close);
}

struct Chain {
  std::unique_ptr<Chain> next;
};
BOOST_DESCRIBE_STRUCT(Chain, (), (next))

TEST_CASE("the depth limit holds on reading and writing, for known and unknown members", "[P18]") {
  using Value = boost::json::value;
  CHECK(read_trouble<Value>(nested(64, '[', ']')) == "(none)");
  CHECK(read_trouble<Value>(nested(65, '[', ']')).find("nested deeper than depth_max = 64") !=
        std::string::npos);
  const Json<Queue> shallow{.indent = 2, .limits = {.size_max = 1000, .depth_max = 3}};
  CHECK(read_trouble<Queue>(R"({"x": [[1]]})", shallow) == "(none)");
  CHECK(read_trouble<Queue>(R"({"x": [[[1]]]})", shallow) ==
        "x[0][0]: nested deeper than depth_max = 3");
  const std::string many = R"({"x": )" + nested(200'000, '[', ']') + "}";
  CHECK(read_trouble<Queue>(many).find("nested deeper than depth_max = 64") != std::string::npos);
  CHECK(read_trouble<Queue>(R"({"x": )" + std::string(200'000, '[')).size() < 1000);
  CHECK(Json<Queue>{}.deserialize_stamped(as_bytes(many)).error().kind == ErrorKind::serializer);

  Chain chain;
  for (int i = 0; i < 64; ++i) {
    auto one = std::make_unique<Chain>();
    one->next = std::move(chain.next);
    chain.next = std::move(one);
  }
  CHECK(write_trouble(chain).find("nested deeper than depth_max = 64") != std::string::npos);
  chain.next = std::move(chain.next->next);
  CHECK(write_trouble(chain) == "(none)");
}

TEST_CASE("the size limit holds on reading and writing, to the byte", "[P18]") {
  const std::string text = write(std::string(98, 'x'));
  REQUIRE(text.size() == 101);
  const Json<std::string> just{.indent = 2, .limits = {.size_max = 101, .depth_max = 64}};
  const Json<std::string> less{.indent = 2, .limits = {.size_max = 100, .depth_max = 64}};
  CHECK(read_trouble(text, just) == "(none)");
  CHECK(read_trouble(text, less) == "it has 101 bytes, more than size_max = 100");
  CHECK(write_trouble(std::string(98, 'x'), just) == "(none)");
  CHECK(write_trouble(std::string(98, 'x'), less) ==
        "the JSON text is larger than size_max = 100 bytes");
  const Json<std::string> block{.indent = 2, .limits = {.size_max = 100'000, .depth_max = 64}};
  CHECK(write_trouble(std::string(1'000'000, 'x'), block) ==
        "the JSON text is larger than size_max = 100000 bytes");
}

TEST_CASE("texts that parsers have stumbled over are refused", "[P18]") {
  using Value = boost::json::value;
  for (const std::string_view text : {"[1 2]",
                                      "[1,]",
                                      "[,1]",
                                      "{,}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "[}",
                                      "{]",
                                      "[1}",
                                      "{\"a\":1]",
                                      "]",
                                      "}",
                                      "[]]",
                                      "[][]",
                                      "[],[]",
                                      "1]",
                                      "],[",
                                      "1],[1",
                                      "tru",
                                      "truee",
                                      "nulll",
                                      "nul",
                                      "falsy",
                                      "+1",
                                      "01",
                                      "-01",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "-",
                                      "--1",
                                      "0x10",
                                      "1_0",
                                      "NaN",
                                      "Infinity",
                                      "\"a",
                                      "a\"",
                                      "\"\\u12\"",
                                      "\"\\uD83D\"",
                                      "\"\\uDE00\"",
                                      "\"\\x\"",
                                      "\"\\",
                                      "/**/1",
                                      "1//",
                                      "[1]x",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":1}\v",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "[\"a\"b]",
                                      "[1\"a\"]",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\" 1}",
                                      "{1:2}",
                                      "[1]\x01",
                                      "\\",
                                      "{\"a\":tru\\e}"}) {
    CAPTURE(text);
    CHECK(read_trouble<Value>(text) != "(none)");
    CHECK(read_trouble<Queue>("{\"x\": " + std::string(text) + "}") != "(none)");
  }
  CHECK(read_trouble<Value>(std::string_view("[1]\0", 4)) != "(none)");
  CHECK(read_trouble<Value>(std::string_view("\0", 1)) != "(none)");
}

TEST_CASE("a hundred thousand names are compared in no time that matters", "[P18]") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += "\"n" + std::to_string(i) + "\": 0, ";
  CHECK(read_trouble<Queue>(text + "\"n7\": 0}") == "n7: this member is there twice");
  CHECK(read_trouble<Queue>(text + "\"last\": 0}") == "(none)");
}

TEST_CASE("mutated texts give a value or an error, and both readers agree on what is JSON",
          "[P18]") {
  const std::string text =
      R"({"next_id": 12, "active": {"a": {"name": "x\u00e9\n", "load": 1.5e3,)"
      R"( "phase": "done"}}, "finished": [{}, {"attempts": -1}], "n": [null, true]})";
  std::mt19937 random(20'260'131);
  constexpr std::string_view alphabet = "{}[]:,\"\\ \n0123456789.eE+-truefalsn\xc3\xa9\x01";
  for (int round = 0; round < 30'000; ++round) {
    std::string mutant = text;
    for (unsigned change = 0; change < 1 + random() % 3; ++change) {
      const std::size_t at = random() % mutant.size();
      switch (random() % 3) {
        case 0:
          mutant[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          mutant.erase(at, 1 + random() % 4);
          break;
        default:
          mutant.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
      }
      if (mutant.empty()) mutant = " ";
    }
    const auto strict = Json<boost::json::value>{}.deserialize(as_bytes(mutant));
    const auto typed = Json<Queue>{}.deserialize(as_bytes(mutant));
    boost::system::error_code code;
    boost::json::parse(mutant, code);
    // Boost.JSON takes the last of two members, and rounds numbers that are too large.
    if (code && strict) FAIL("taken, and is not JSON: " << mutant);
    if (code && typed) FAIL("taken as a state, and is not JSON: " << mutant);
    if (!code && !strict && strict.error().detail.find("twice") == std::string::npos &&
        strict.error().detail.find("from -9223372036854775808") == std::string::npos &&
        strict.error().detail.find("out of range") == std::string::npos) {
      FAIL("refused, and is JSON: " << mutant << ": " << strict.error().detail);
    }
  }
}

}  // namespace
