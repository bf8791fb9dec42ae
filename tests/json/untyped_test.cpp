// SPDX-License-Identifier: BSL-1.0
// States without a schema, and migrations between schemas.
#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/migration.hpp>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;
using boost::json::object;
using boost::json::value;

TEST_CASE("a dictionary: order kept, integers exact, doubles still doubles") {
  const std::string_view text =
      R"({"z":1,"a":-9223372036854775808,"m":18446744073709551615,"d":1.0,"n":null,)"
      R"("l":[true,false,"\u00e9",{},[]],"e":-0})";
  const auto dictionary = read<object>(text);
  CHECK(dictionary.at("a").as_int64() == std::numeric_limits<std::int64_t>::min());
  CHECK(dictionary.at("m").as_uint64() == std::numeric_limits<std::uint64_t>::max());
  CHECK(dictionary.at("d").is_double());
  CHECK(write(dictionary, {.indent = 0, .limits = {}}) ==
        "{\"z\":1,\"a\":-9223372036854775808,\"m\":18446744073709551615,\"d\":1.0,\"n\":null,"
        "\"l\":[true,false,\"\u00e9\",{},[]],\"e\":-0.0}\n");
  CHECK(read_trouble<object>(R"({"a": 18446744073709551616})") ==
        "a: expected an integer from -9223372036854775808 to 18446744073709551615, found "
        "18446744073709551616");
  CHECK(read_trouble<object>(R"({"a": 1, "b": {"c": 1, "c": 2}})") ==
        "b.c: this member is there twice");
  CHECK(read_trouble<object>("[]") == "top level: expected an object, found an array");
}

struct Mixed {
  int known = 0;
  object rest;
};
BOOST_DESCRIBE_STRUCT(Mixed, (), (known, rest))

TEST_CASE("a dictionary within a struct") {
  const auto mixed = read<Mixed>(R"({"known": 1, "rest": {"a": [1]}})");
  CHECK(write(mixed, {.indent = 0, .limits = {}}) == "{\"known\":1,\"rest\":{\"a\":[1]}}\n");
}

TEST_CASE("a typed state is read as a dictionary, and back") {
  const std::string text = write_stamped(sample_queue(2000), sample_stamp());
  const auto loose = read_stamped<object>(text);
  CHECK(loose.stamped);
  CHECK(loose.stamp.generation == 41);
  CHECK_FALSE(loose.value.contains("checksum"));
  CHECK(loose.stamp.unknown.empty());
  CHECK(write_stamped(loose.value, loose.stamp) == text);
  Buffer bytes;
  BufferSink sink(bytes);
  CHECK(trouble(Json<object>{}.serialize_stamped(object{{"generation", 1}}, {}, sink)) ==
        "generation: this name is taken by the stamp of the file");
}

struct New {
  std::string title;
  std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(New, (), (title, size_bytes))

using NewMigrations = Migrations<Json<New>>;

NewMigrations migrations() {
  NewMigrations out(2);
  out.from(0, [](object& state) -> Result<void> {
    state["title"] = state["name"];
    state.erase("name");
    return success();
  });
  out.from(1, [](object& state) -> Result<void> {
    state["size_bytes"] = state.at("size_kb").as_int64() * 1024;
    state.erase("size_kb");
    return success();
  });
  return out;
}

TEST_CASE("older schemas are migrated step by step, newer ones refused") {
  const auto load = [](std::string_view text) {
    return migrations().load<New>(Json<New>{}, as_bytes(text));
  };
  const object old{{"name", "n"}, {"size_kb", 2}, {"other", 1}};
  const std::string text = write_stamped(old, sample_stamp());
  const auto migrated = load(text);
  REQUIRE(migrated);
  CHECK(migrated.value().value.title == "n");
  CHECK(migrated.value().value.size_bytes == 2048);
  CHECK(migrated.value().stamped);
  CHECK(migrated.value().stamp.generation == 41);
  CHECK(migrated.value().stamp.schema_version == 2);
  CHECK(migrated.value().stamp.unknown == UnknownMembers{{"", {{"other", "1"}}}});

  const auto current = load(R"({"title": "t", "schema_version": 2})");
  REQUIRE(current);
  CHECK(current.value().value.title == "t");
  CHECK_FALSE(current.value().stamped);
  CHECK(load(R"({"title": "t", "size_kb": 1, "schema_version": 1})").value().value.size_bytes ==
        1024);

  CHECK(load(R"({"title": [], "schema_version": 3})").error().kind == ErrorKind::too_new);
  CHECK(load(R"({"title": "fits", "schema_version": 3})").error().kind == ErrorKind::too_new);
  CHECK(trouble(load(R"({"title": 1, "schema_version": 2})")) ==
        "title: expected a string, found a number");
  CHECK(load(R"({"name": "size_kb is missing"})").error().kind == ErrorKind::serializer);
  std::string damaged = text;
  damaged[damaged.find("\"n\"") + 1] = 'm';
  CHECK(load(damaged).error().kind == ErrorKind::corrupt);
}

TEST_CASE("a migration keeps the spelling of what it does not touch") {
  const std::string_view text =
      R"({"size_kb": 1, "pi": 3.14159265358979323846, "deep": {"a": -0, "b": 1, "c": [1.50]}})";
  Migrations<Json<New>> one(1);
  one.from(0, [](object& state) -> Result<void> {
    state["size_bytes"] = state.at("size_kb").as_int64() * 1024;
    state.erase("size_kb");
    state.at("deep").as_object()["b"] = 2;
    return success();
  });
  const auto loaded = one.load<New>(Json<New>{}, as_bytes(text));
  REQUIRE(loaded);
  CHECK(loaded.value().value.size_bytes == 1024);
  CHECK(loaded.value().stamp.unknown ==
        UnknownMembers{
            {"", {{"pi", "3.14159265358979323846"}, {"deep", R"({"a":-0,"b":2,"c":[1.50]})"}}}});
  CHECK_THAT(
      trouble(one.load<New>(
          Json<New>{}, as_bytes(std::string_view(R"({"size_kb": 1, "n": 18446744073709551616})")))),
      Contains("expected an integer"));
}

TEST_CASE("a state in an envelope is migrated in the form of its serializer") {
  using Sealed = Envelope<Json<object>>;
  Buffer bytes;
  BufferSink sink(bytes);
  REQUIRE(Sealed{}.serialize_stamped(object{{"size_kb", 3}}, sample_stamp(), sink));
  Migrations<Envelope<Json<New>>> one(1);
  one.from(0, [](object& state) -> Result<void> {
    state["size_bytes"] = state.at("size_kb").as_int64() * 1024;
    return success();
  });
  const auto loaded = one.load<New>(Envelope<Json<New>>{}, bytes);
  REQUIRE(loaded);
  CHECK(loaded.value().value.size_bytes == 3072);
  CHECK(loaded.value().stamp.generation == 41);
  CHECK(loaded.value().stamped);
}

}  // namespace
