// SPDX-License-Identifier: BSL-1.0
// Cases of JSON: the same structs written to and read from the same text by each library.
#include <boost/json.hpp>

#include <perdure/json.hpp>

#if __has_include(<nlohmann/json.hpp>)
#include "nlohmann.hpp"
#define BENCH_NLOHMANN 1
#endif
#if __has_include(<rapidjson/document.h>)
#include <rapidjson/document.h>
#include <rapidjson/prettywriter.h>
#define BENCH_RAPIDJSON 1
#endif

#include "cases.hpp"
#include "records.hpp"

namespace perdure::bench {
namespace {

/// A state, and its text as every one of them reads it.
struct Sample {
  explicit Sample(unsigned records) : state(make_state(records)) {
    BufferSink sink(text);
    Json<State>{}.serialize(state, sink).value();
  }
  State state;
  Buffer text;

  [[nodiscard]] bool fits(std::size_t records) const { return records == state.records.size(); }
};

bool save_perdure(const Sample& sample) {
  Buffer out;
  BufferSink sink(out);
  return Json<State>{}.serialize(sample.state, sink).has_value();
}
bool load_perdure(const Sample& sample) {
  const auto loaded = Json<State>{}.deserialize(sample.text);
  return loaded && sample.fits(loaded.value().records.size());
}

bool save_boost(const Sample& sample) {
  return !boost::json::serialize(boost::json::value_from(sample.state)).empty();
}
bool load_boost(const Sample& sample) {
  const auto read = boost::json::parse(as_text(sample.text));
  return sample.fits(boost::json::value_to<State>(read).records.size());
}

#ifdef BENCH_NLOHMANN
bool save_nlohmann(const Sample& sample) {
  return !nlohmann::json(sample.state).dump(2).empty();
}
bool load_nlohmann(const Sample& sample) {
  return sample.fits(nlohmann::json::parse(as_text(sample.text)).get<State>().records.size());
}
#endif

#ifdef BENCH_RAPIDJSON
using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void put(Writer& out, const char* key, const std::string& text) {
  out.Key(key);
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write(Writer& out, const Record& record) {
  out.StartObject();
  out.Key("id");
  out.Uint64(record.id);
  put(out, "name", record.name);
  put(out, "owner", record.owner);
  out.Key("attempts");
  out.Int(record.attempts);
  out.Key("load");
  out.Double(record.load);
  out.Key("active");
  out.Bool(record.active);
  out.Key("tags");
  out.StartArray();
  for (const auto& tag : record.tags) {
    out.String(tag.data(), static_cast<rapidjson::SizeType>(tag.size()));
  }
  out.EndArray();
  out.Key("history");
  out.StartArray();
  for (const auto& one : record.history) {
    out.StartObject();
    out.Key("started");
    out.Int64(one.started);
    out.Key("seconds");
    out.Double(one.seconds);
    out.Key("failed");
    out.Bool(one.failed);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

bool save_rapidjson(const Sample& sample) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.SetIndent(' ', 2);
  out.StartObject();
  out.Key("next_id");
  out.Uint64(sample.state.next_id);
  out.Key("records");
  out.StartArray();
  for (const auto& record : sample.state.records) write(out, record);
  out.EndArray();
  out.EndObject();
  return buffer.GetSize() > 0;
}

Record read(const rapidjson::Value& from) {
  const auto text = [&](const char* key) {
    return std::string(from[key].GetString(), from[key].GetStringLength());
  };
  Record record{.id = from["id"].GetUint64(),
                .name = text("name"),
                .owner = text("owner"),
                .attempts = from["attempts"].GetInt(),
                .load = from["load"].GetDouble(),
                .active = from["active"].GetBool(),
                .tags = {},
                .history = {}};
  for (const auto& tag : from["tags"].GetArray()) {
    record.tags.emplace_back(tag.GetString(), tag.GetStringLength());
  }
  for (const auto& one : from["history"].GetArray()) {
    record.history.push_back(
        {one["started"].GetInt64(), one["seconds"].GetDouble(), one["failed"].GetBool()});
  }
  return record;
}

bool load_rapidjson(const Sample& sample) {
  rapidjson::Document document;
  const auto text = as_text(sample.text);
  document.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  if (document.HasParseError()) return false;
  State state{.next_id = document["next_id"].GetUint64(), .records = {}};
  for (const auto& one : document["records"].GetArray()) state.records.push_back(read(one));
  return sample.fits(state.records.size());
}
#endif

struct Library {
  const char* name;
  bool (*save)(const Sample&);
  bool (*load)(const Sample&);
};
constexpr Library libraries[] = {
    {"perdure", save_perdure, load_perdure},
    {"Boost.JSON", save_boost, load_boost},
#ifdef BENCH_NLOHMANN
    {"nlohmann-json", save_nlohmann, load_nlohmann},
#endif
#ifdef BENCH_RAPIDJSON
    {"RapidJSON", save_rapidjson, load_rapidjson},
#endif
};

Case json(const std::string& family, unsigned records, bool (*Library::*task)(const Sample&)) {
  return {.name = family + "/" + std::to_string(records),
          .make = [records, task](const Scratch& /*scratch*/) {
            const auto sample = std::make_shared<const Sample>(records);
            Field field;
            for (const auto& library : libraries) {
              field.push_back({.name = library.name,
                               .turn = [sample, run = library.*task] { return run(*sample); }});
            }
            return field;
          }};
}

}  // namespace

void add_serializer_cases(std::vector<Case>& cases, const Settings& settings) {
  const unsigned records = settings.quick ? 1000 : 200'000;
  cases.push_back(json("json_save", records, &Library::save));
  cases.push_back(json("json_load", records, &Library::load));
}

}  // namespace perdure::bench
