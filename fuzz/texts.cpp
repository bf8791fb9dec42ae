// SPDX-License-Identifier: BSL-1.0
// Small texts that people and the kernel hand in: tokens of versions, times (alone and in JSON),
// JSON Pointers, mount tables. The first byte says which.
#include <charconv>

#include <boost/json.hpp>

#include <perdure/file_version.hpp>
#include <perdure/json.hpp>
#include <perdure/json/time.hpp>
#include <perdure/json_pointer.hpp>

#include "fuzz.hpp"
#include "linux/mount_info.hpp"

namespace perdure::fuzz {

namespace {

void check_version(std::string_view token) {
  const auto version = parse_version(token);
  if (!version) return;
  const std::string again = to_string(version.value());
  require(parse_version(again).value() == version.value(), "a token reads back");
  require(again == token, "one token for one version");
}

/// The same time as a value of JSON: what it reads it writes, and reads again.
void check_time_in_json(std::string_view text, const JsonMoment* moment) {
  using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
  const Json<Time> json;
  const std::string quoted = boost::json::serialize(boost::json::string(text));
  const auto read = json.deserialize(as_bytes(quoted));
  std::int64_t count = 0;
  const bool holds = moment != nullptr && moment->in_nanoseconds(count);
  require(read.has_value() == holds, "a time is read in JSON where it is one, and fits");
  if (!read) return;
  require(read.value().time_since_epoch().count() == count, "a time in JSON is that time");
  Buffer bytes;
  BufferSink sink(bytes);
  if (!json.serialize(read.value(), sink)) return;  // its offset led out of the years 0000 to 9999
  const auto again = json.deserialize(bytes);
  require(again && again.value() == read.value(), "a time that was written in JSON reads back");
}

void check_time(std::string_view text) {
  JsonMoment moment;
  const bool is_time = parse_time(text, moment);
  check_time_in_json(text, is_time ? &moment : nullptr);
  if (!is_time) return;
  require(moment.nanosecond < 1'000'000'000, "nanoseconds are below a second");
  std::string again;
  if (!format_time(moment, 9, again)) return;  // its offset led out of the years 0000 to 9999
  JsonMoment second;
  require(parse_time(again, second), "a time that was written can be read");
  require(second.second == moment.second && second.nanosecond == moment.nanosecond,
          "a time reads back");
  std::int64_t count = 0;
  if (moment.in_nanoseconds(count)) {
    using namespace std::chrono;
    const JsonMoment from = to_moment(sys_time<nanoseconds>(nanoseconds(count)));
    require(from.second == moment.second && from.nanosecond == moment.nanosecond,
            "a count of nanoseconds is the same time");
  }
}

/// A pointer, compared with what Boost.JSON finds at it. `set_at` changes nothing else.
void check_pointer(std::string_view pointer) {
  const std::string_view text =
      R"({"a": {"b": [1, [2, 3], {"c": "d"}], "": 4, "~": 5, "/": 6}, "0": [[]], "-": null})";
  static const boost::json::value document = boost::json::parse({text.data(), text.size()});
  static const JsonText spelled = JsonText::parse(text).value();
  static const JsonText value = JsonText::parse("\"new\"").value();
  const auto found = get_at(spelled, pointer);
  boost::system::error_code code;
  const boost::json::value* expected = document.find_pointer(pointer, code);
  require(found.has_value() == (expected != nullptr), "both find something, or neither does");
  if (found) {
    const std::string_view here = found.value().text();
    require(boost::json::parse({here.data(), here.size()}) == *expected, "both find the same");
  }
  JsonText changed = spelled;
  const auto set = set_at(changed, pointer, value);
  if (!set) {
    require(changed == spelled, "a failure changes nothing");
    require(!found, "what is there can be replaced");
    return;
  }
  require_done(JsonText::parse(changed.text()), "what was set is JSON");
  // "-" appends: what was set is then under a number.
  const auto there = get_at(changed, pointer);
  require(there ? there.value() == value : pointer.find("/-") != std::string_view::npos,
          "what was set is there");
  if (there && found && !pointer.empty()) {
    JsonText back = changed;
    require_done(set_at(back, pointer, found.value()), "it can be set back");
    require(back == spelled, "nothing else was changed");
  }
}

/// A table, asked for the mount of one of its lines.
void check_mount(InputBytes input) {
  std::size_t number = input.below(4);
  const std::string_view table = as_text(input.rest());
  std::string_view line = table;
  for (auto end = line.find('\n'); number > 0 && end != line.npos; end = line.find('\n')) {
    line.remove_prefix(end + 1);
    --number;
  }
  std::uint64_t id = 0;
  (void)std::from_chars(line.data(), line.data() + line.size(), id);
  FileSystemInfo info;
  if (find_mount(table, id, info)) {
    require(table.find(std::to_string(id)) != table.npos, "the mount is in the table");
    require(info.mount_point.size() <= table.size(), "an escape makes a text shorter");
  } else {
    require(info.type.empty() && info.mount_options.empty(), "nothing is said of no mount");
  }
  for (const std::string& one : split_lines(table)) {
    require(!one.empty() && one.find('\n') == std::string::npos, "a line is a line");
  }
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure;
  using namespace perdure::fuzz;
  InputBytes input(data, size);
  switch (input.below(4)) {
    case 0:
      check_version(as_text(input.rest()));
      break;
    case 1:
      check_time(as_text(input.rest()));
      break;
    case 2:
      check_pointer(as_text(input.rest()));
      break;
    default:
      check_mount(input);
      break;
  }
  return 0;
}
