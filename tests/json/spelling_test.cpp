// SPDX-License-Identifier: BSL-1.0
// Values that keep their spelling, and JSON Pointers into them.
#include <random>

#include <perdure/json_pointer.hpp>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

JsonText text_of(std::string_view text) {
  Result<JsonText> parsed = JsonText::parse(text);
  if (!parsed) FAIL(parsed.error().detail);
  return std::move(parsed).value();
}

/// `text` with `value` at `pointer`; the words of the error if it can't be.
std::string with(std::string_view text, std::string_view pointer, std::string_view value,
                 unsigned indent = 2) {
  JsonText document = text_of(text);
  const auto done = set_at(document, pointer, text_of(value), indent);
  if (done) return std::string(document.text());
  CHECK(document == text_of(text));
  CHECK(done.error().kind == ErrorKind::invalid_argument);
  return done.error().detail;
}

TEST_CASE("a pointer makes no document that a reader refuses") {
  JsonText document = text_of("{}");
  const JsonText one = text_of("1");
  std::string pointer;
  for (unsigned level = 0; level < JsonLimits{}.depth_max; ++level) pointer += "/a";
  REQUIRE(set_at(document, pointer, one));
  CHECK(JsonText::parse(document.text()));

  const JsonText before = document;
  const auto deeper = set_at(document, pointer + "/a", one, 2);
  REQUIRE_FALSE(deeper);
  CHECK(deeper.error().kind == ErrorKind::invalid_argument);
  for (const std::string_view tail : {"/b/a", "/b/a/a"}) {
    std::string beside = pointer.substr(0, pointer.size() - 2);
    const auto refused = set_at(document, beside.append(tail), one);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().detail.find("depth_max = 64") != std::string::npos);
  }
  CHECK_FALSE(set_at(document, "/b", one, 2, {.size_max = before.text().size(), .depth_max = 99}));
  CHECK(document == before);
  CHECK(set_at(document, "/b", one, 2, {.size_max = 20000, .depth_max = 64}).has_value());
}

TEST_CASE("a text keeps its spelling, and is checked") {
  CHECK(JsonText().text() == "null");
  CHECK(text_of(" [1.0,  -0 ]\n").text() == "[1.0,  -0 ]");
  CHECK(text_of("1e400").text() == "1e400");
  CHECK(text_of(R"("\u0041")").text() == R"("\u0041")");
  CHECK(text_of("{}").is_object());
  CHECK_FALSE(text_of("[]").is_object());
  for (const std::string_view wrong :
       {"", "[1", "01", "1 2", "nul", R"({"a": 1, "\u0061": 2})", "[1]]", R"("\x")"}) {
    CHECK_FALSE(JsonText::parse(wrong));
  }
  CHECK_FALSE(JsonText::parse("[[[]]]", {.depth_max = 2}));
}

TEST_CASE("a text is laid out without a change of its tokens") {
  const JsonText text = text_of(R"({"a" :[ 1.50,{}],"b:,": "[ ,\" ]", "c":[ ]})");
  CHECK(text.laid_out(0) == R"({"a":[1.50,{}],"b:,":"[ ,\" ]","c":[]})");
  CHECK(text.laid_out(2) ==
        "{\n  \"a\": [\n    1.50,\n    {}\n  ],\n  \"b:,\": \"[ ,\\\" ]\",\n  \"c\": []\n}");
  for (const unsigned indent : {0U, 1U, 4U}) {
    Buffer blocks;
    BufferSink sink(blocks);
    REQUIRE(text.lay_out(indent, sink).has_value());
    CHECK(as_text(blocks) == text.laid_out(indent));
  }
  CHECK(text_of(text.laid_out(3)).laid_out(0) == text.laid_out(0));
}

struct Holder {
  int known = 0;
  JsonText rest;
};
BOOST_DESCRIBE_STRUCT(Holder, (), (known, rest))

TEST_CASE("a text within a struct is written as it was read") {
  const auto held = read<Holder>(R"({"known": 1, "rest": {"a":[1.00, -0]}})");
  CHECK(write(held, {.indent = 0, .limits = {}}) == "{\"known\":1,\"rest\":{\"a\":[1.00, -0]}}\n");
  CHECK(write(Holder{}, {.indent = 0, .limits = {}}) == "{\"known\":0,\"rest\":null}\n");
  Buffer bytes;
  BufferSink sink(bytes);
  CHECK(trouble(Json<Holder>{.limits = {.depth_max = 2}}.serialize(held, sink)) ==
        "rest: nested deeper than depth_max = 2");
}

TEST_CASE("a text as a whole state: the stamp joins its members and leaves them again") {
  const std::string text = write_stamped(sample_queue(20), sample_stamp());
  const auto loose = read_stamped<JsonText>(text);
  CHECK(loose.stamped);
  CHECK(loose.stamp.generation == 41);
  CHECK(write_stamped(loose.value, loose.stamp) == text);
  const auto body = [](std::string_view whole) {
    const auto edited = Json<JsonText>{}.deserialize_edited(as_bytes(whole));
    return edited ? std::string(edited.value().value.text()) : edited.error().detail;
  };
  CHECK(body(R"({"a":1, "generation": 1,  "b": {"generation": 2} ,"checksum": "" })") ==
        R"({"a":1,  "b": {"generation": 2} })");
  CHECK(body(R"({ "generation": 1 , "\u006cineage": 5,"a":-0})") == R"({"a":-0})");
  CHECK(body(R"({"generation": 1})") == "{}");
}

TEST_CASE("a text that can't be a state is refused") {
  const auto stamped = [](std::string_view text) {
    Buffer bytes;
    BufferSink sink(bytes);
    return trouble(Json<JsonText>{}.serialize_stamped(text_of(text), {}, sink));
  };
  CHECK(stamped("[1]") == "top level: all of a state has to be an object");
  CHECK(stamped(R"({"a": {"generation": 1}})") == "(none)");
  CHECK(stamped(R"({"gener\u0061tion": 1})") ==
        "generation: this name is taken by the stamp of the file");
  CHECK(stamped("{ }") == "(none)");
  CHECK(trouble(Json<JsonText>{}.deserialize_stamped(as_bytes(std::string_view("[1]")))) ==
        "top level: expected an object, found an array");
}

TEST_CASE("JSON Pointers: get") {
  const JsonText document = text_of(R"({"a": {"b/c": [1.0, {"~": true}]}, "": 5, "\u0061b": -0})");
  const auto at = [&](std::string_view pointer) {
    const auto found = get_at(document, pointer);
    return found ? std::string(found.value().text()) : found.error().detail;
  };
  CHECK(at("") == document.text());
  CHECK(at("/") == "5");
  CHECK(at("/ab") == "-0");
  CHECK(at("/a/b~1c/0") == "1.0");
  CHECK(at("/a/b~1c/1/~0") == "true");
  for (const std::string missing :
       {"/x", "/a/b~1c/2", "/a/b~1c/-", "/a/b~1c/0/x", "/a/b~1c/01", "/a/b~1c/x"}) {
    CHECK_THAT(at(missing), Contains("nothing is there"));
  }
  for (const std::string_view wrong : {"a", "/a/b~2c"}) {
    const auto found = get_at(document, wrong);
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::invalid_argument);
    CHECK(found.error().step == "follow a JSON Pointer");
  }
}

TEST_CASE("JSON Pointers: set, on one line") {
  const std::string_view text = R"({"a":[1,2],"s":"text"})";
  CHECK(with(text, "/a/1", "5") == R"({"a":[1,5],"s":"text"})");
  CHECK(with(text, "/a/2", "6") == R"({"a":[1,2,6],"s":"text"})");
  CHECK(with(text, "/a/-", "[ 7.0, 8 ]") == R"({"a":[1,2,[7.0,8]],"s":"text"})");
  CHECK(with(text, "/s", "null") == R"({"a":[1,2],"s":null})");
  CHECK(with(text, "/new/deep~1er/\"", "true") ==
        R"({"a":[1,2],"s":"text","new":{"deep/er":{"\"":true}}})");
  CHECK(with(text, "", "1") == "1");
  CHECK(with("{}", "/a", R"({"b":1})", 0) == R"({"a":{"b":1}})");
  CHECK(with(R"({"a": [], "b": {"c": 1}})", "/a/-", "{\"d\":[1,2]}") ==
        R"({"a": [{"d": [1, 2]}], "b": {"c": 1}})");
  CHECK(with(R"({"a": [1]})", "/a/-", "2") == R"({"a": [1, 2]})");
}

TEST_CASE("JSON Pointers: set, in lines") {
  CHECK(with("{}", "/a", R"({"b":[]})") == "{\n  \"a\": {\n    \"b\": []\n  }\n}");
  const std::string_view text = "{\n\t\"a\": [],\n\t\"b\": { \"c\": 1 },\n\t\"d\": {}\n}";
  CHECK(
      with(text, "/a/-", "{\"x\":1}") ==
      "{\n\t\"a\": [\n\t\t{\n\t\t\t\"x\": 1\n\t\t}\n\t],\n\t\"b\": { \"c\": 1 },\n\t\"d\": {}\n}");
  CHECK(with(text, "/b/e", "[1,2]") ==
        "{\n\t\"a\": [],\n\t\"b\": { \"c\": 1, \"e\": [1, 2] },\n\t\"d\": {}\n}");
  CHECK(with(text, "/d", "5") == "{\n\t\"a\": [],\n\t\"b\": { \"c\": 1 },\n\t\"d\": 5\n}");
  CHECK(with(text, "/e/f", "6") ==
        "{\n\t\"a\": [],\n\t\"b\": { \"c\": 1 },\n\t\"d\": {},\n\t\"e\": {\n\t\t\"f\": 6\n\t}\n}");
  CHECK(with("{ \"a\" : 1\r\n, \"b\" : 2 }", "/c", "3") ==
        "{ \"a\" : 1\r\n, \"b\" : 2, \"c\" : 3 }");
}

namespace {

std::string less(std::string_view text, std::string_view pointer) {
  JsonText document = text_of(text);
  const auto done = remove_at(document, pointer);
  if (done) {
    CHECK(JsonText::parse(document.text()));
    return std::string(document.text());
  }
  CHECK(document == text_of(text));
  CHECK(done.error().kind == ErrorKind::invalid_argument);
  return done.error().detail;
}

}  // namespace

TEST_CASE("JSON Pointers: remove") {
  CHECK(less(R"({"a":1,"b":-0,"c":3})", "/a") == R"({"b":-0,"c":3})");
  CHECK(less(R"({"a":1,"b":-0,"c":3})", "/b") == R"({"a":1,"c":3})");
  CHECK(less(R"({"a":1, "b":2})", "/b") == R"({"a":1})");
  CHECK(less(R"({ "a" : 1 })", "/a") == R"({})");
  CHECK(less(R"({"a": [1, [2], 3]})", "/a/0") == R"({"a": [[2], 3]})");
  CHECK(less(R"({"a": [1, [2], 3]})", "/a/1/0") == R"({"a": [1, [], 3]})");
  CHECK(less(R"({"x/y":{"~":1}})", "/x~1y/~0") == R"({"x/y":{}})");
  CHECK(less("{\n  \"a\": 1,\n  \"b\": 2\n}", "/a") == "{\n  \"b\": 2\n}");
  CHECK(less("{\n  \"a\": 1,\n  \"b\": 2\n}", "/b") == "{\n  \"a\": 1\n}");
  CHECK(less("{\n  \"a\": 1\n}", "/a") == "{}");
}

TEST_CASE("JSON Pointers: remove refuses what is not there") {
  CHECK_THAT(less(R"({"a":1})", ""), Contains("all of the document"));
  CHECK_THAT(less(R"({"a":1})", "/b"), Contains("nothing is there"));
  CHECK_THAT(less(R"({"a":[1]})", "/a/-"), Contains("nothing is there"));
  CHECK_THAT(less(R"({"a":[1]})", "/a/1"), Contains("nothing is there"));
  CHECK_THAT(less(R"({"a":1})", "/a/b"), Contains("nothing is there"));
  CHECK_THAT(less(R"({"a":1})", "a"), Contains("not a JSON Pointer"));
}

TEST_CASE("JSON Pointers: set refuses what leads nowhere") {
  const std::string_view text = R"({"a":[1,2,3,4],"s":null})";
  CHECK(with(text, "/a/9", "1") == R"("/a/9": "9" is not a place in an array of 4 elements)");
  CHECK(with(text, "/a/01", "1") == R"("/a/01": "01" is not a place in an array of 4 elements)");
  CHECK(with(text, "/s/x", "1") == R"("/s/x": no object and no array stands before "x")");
  CHECK(with(text, "s", "1") == R"("s": not a JSON Pointer: it begins with /, or is empty)");
  CHECK(with(text, "/n/x~", "1") ==
        R"("/n/x~": not a JSON Pointer: ~ is written ~0, and / in a name is written ~1)");
  CHECK_THAT(with(text, "/n/\xff", "1"), Contains("a name in it is not valid UTF-8"));
}

/// Random JSON of odd spelling, with random white space.
class Odd {
 public:
  explicit Odd(unsigned seed) : random_(seed) {}

  std::string value(unsigned depth) {
    const unsigned kind = below(depth == 0 ? 5 : 8);
    if (kind < 5) return scalar(kind);
    const bool object = kind != 5;
    std::string out(1, object ? '{' : '[');
    const unsigned count = below(4);
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0) out += blank() + ",";
      out += blank();
      if (object) out += name(i) + blank() + ":" + blank();
      out += value(depth - 1);
    }
    return out + blank() + (object ? "}" : "]");
  }
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }

 private:
  std::string scalar(unsigned kind) {
    static constexpr std::array<const char*, 5> numbers{"-0", "1.10", "3.14159265358979323846",
                                                        "1E+400", "123456789012345678901"};
    static constexpr std::array<const char*, 5> strings{R"("\u0041")", R"("]}\\")", R"("\",")",
                                                        R"("é")", R"("")"};
    if (kind == 0) return numbers.at(below(5));
    if (kind == 1) return strings.at(below(5));
    return std::array{"true", "null", "7"}.at(kind - 2);
  }
  std::string name(unsigned i) {
    return (below(2) == 0 ? "\"n" : "\"\\u006e") + std::to_string(i) + "\"";
  }
  std::string blank() { return std::array{"", "", " ", "\n", "\t", " \r\n  "}.at(below(6)); }

  std::mt19937 random_;
};

/// Every place in a document: its pointer, and its text there.
void places(const JsonText& document, const std::string& pointer,
            std::map<std::string, std::string>& out) {
  const auto here = get_at(document, pointer);
  if (!here) return;
  out[pointer] = here.value().text();
  for (unsigned i = 0; i < 4; ++i) {
    places(document, pointer + "/n" + std::to_string(i), out);
    places(document, pointer + "/" + std::to_string(i), out);
  }
}

TEST_CASE("set leaves the bytes of everything that it did not name") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Odd odd(seed);
    const JsonText document = text_of(odd.value(3));
    std::map<std::string, std::string> before;
    places(document, "", before);
    auto named = before.begin();
    std::advance(named, odd.below(static_cast<unsigned>(before.size())));
    const char* const tail = std::array{"", "/n9", "/n9/n8", "/-"}.at(odd.below(4));
    JsonText changed = document;
    const JsonText value = text_of(odd.value(1));
    if (!set_at(changed, named->first + tail, value)) continue;
    INFO(document.text() << "\n" << named->first << tail << "\n" << changed.text());
    REQUIRE(JsonText::parse(changed.text()));
    std::map<std::string, std::string> after;
    places(changed, "", after);
    for (const auto& [pointer, text] : before) {
      const bool above = (named->first + "/").starts_with(pointer + "/") || pointer.empty();
      const bool below = (pointer + "/").starts_with(named->first + "/") || named->first.empty();
      if (!above && (!below || *tail != '\0')) CHECK(after[pointer] == text);
    }
    const std::string_view old = named->second;
    const auto begin = document.text().find(old);
    if (*tail == '\0' && document.text().find(old, begin + 1) == std::string_view::npos) {
      CHECK(changed.text().starts_with(document.text().substr(0, begin)));
      CHECK(changed.text().ends_with(document.text().substr(begin + old.size())));
    }
  }
}

}  // namespace
