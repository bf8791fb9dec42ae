// SPDX-License-Identifier: BSL-1.0
// Writes requests, and reads what the gateway answers. Numbers travel as strings, keys and values
// in base64.
#include "etcd/wire.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <perdure/json.hpp>

#include "base/make_error.hpp"
#include "base/parse.hpp"
#include "etcd/json_line.hpp"
#include "formats/base64.hpp"

namespace perdure::etcd {
namespace {

/// A number as the gateway writes it.
struct Number {
  std::uint64_t value = 0;
};
bool read_json(JsonReader& reader, Number& out, const JsonLocation& at) {
  std::string_view text;
  if (!reader.text(text, at)) return false;
  return parse_whole(text, out.value) || reader.fail(at, "expected a number in a string");
}
bool write_json(JsonWriter& writer, const Number& number, const JsonLocation& at) {
  return writer.text(std::to_string(number.value), at);
}
struct ReadKey {
  Buffer key;
  Buffer value;
  Number mod_revision;
};
BOOST_DESCRIBE_STRUCT(ReadKey, (), (key, value, mod_revision))

struct Range {
  std::vector<ReadKey> kvs;
};
BOOST_DESCRIBE_STRUCT(Range, (), (kvs))

struct Response {
  std::optional<Range> response_range;
};
BOOST_DESCRIBE_STRUCT(Response, (), (response_range))

struct Header {
  Number revision;
};
BOOST_DESCRIBE_STRUCT(Header, (), (revision))

struct ReadAnswer {
  Header header;
  bool succeeded = false;
  std::vector<Response> responses;
  Number ID;  // NOLINT(readability-identifier-naming)
  std::string version;
  std::string token;
};
BOOST_DESCRIBE_STRUCT(ReadAnswer, (), (header, succeeded, responses, ID, version, token))

struct WatchEvent {};
BOOST_DESCRIBE_STRUCT(WatchEvent, (), ())

struct WatchResult {
  bool created = false;
  bool canceled = false;
  std::vector<WatchEvent> events;
};
BOOST_DESCRIBE_STRUCT(WatchResult, (), (created, canceled, events))

struct ReadWatchLine {
  std::optional<WatchResult> result;
};
BOOST_DESCRIBE_STRUCT(ReadWatchLine, (), (result))

/// A call that logs in.
struct User {
  std::string name;
  std::string password;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, password))

constexpr std::string_view read_name = "requestRange";
constexpr std::string_view put_name = "requestPut";
constexpr std::string_view erase_name = "requestDeleteRange";

Txn::Operation operation(std::string_view name, Txn::Members members) {
  Txn::Operation one;
  one.emplace(name, std::move(members));
  return one;
}
Txn::Members of_key(std::string_view key) {
  return {{"key", to_base64(as_bytes(key))}};
}
/// All keys with this prefix are below its end.
Txn::Members of_all_below(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  Txn::Members members = of_key(prefix);
  members["range_end"] = to_base64(as_bytes(end));
  return members;
}

Txn::Members compare(std::string_view key, std::string target, std::string result) {
  Txn::Members members = of_key(key);
  members["target"] = std::move(target);
  members["result"] = std::move(result);
  return members;
}

}  // namespace

BOOST_DESCRIBE_STRUCT(Refusal, (), (code, error, message))
BOOST_DESCRIBE_STRUCT(Txn::Body, (), (compare, success, failure))

Result<Answer> parse_answer(std::string_view body) {
  BOOST_OUTCOME_TRY(auto read, read_line<ReadAnswer>(as_bytes(body)));
  Answer answer{.revision = read.header.revision.value,
                .succeeded = read.succeeded,
                .lease = read.ID.value,
                .version = std::move(read.version),
                .token = std::move(read.token)};
  for (Response& response : read.responses) {
    if (!response.response_range) continue;
    std::vector<KeyValue>& keys = answer.reads.emplace_back();
    for (ReadKey& one : response.response_range->kvs) {
      keys.push_back({.key = std::string(as_text(one.key)),
                      .value = std::move(one.value),
                      .mod_revision = one.mod_revision.value});
    }
  }
  return answer;
}

Result<Refusal> parse_refusal(std::string_view body) {
  return read_line<Refusal>(as_bytes(body));
}

Result<std::string> user_text(const std::string& name, const std::string& password) {
  return write_line(User{.name = name, .password = password});
}
std::string grant_text(std::uint64_t ttl_s) {
  return write_line(Txn::Members{{"TTL", std::to_string(ttl_s)}}).value();
}
std::string lease_text(std::uint64_t lease) {
  return write_line(Txn::Members{{"ID", std::to_string(lease)}}).value();
}

std::string watch_text(std::string_view key) {
  return write_line(operation("create_request", of_key(key))).value();
}

Result<WatchLine> parse_watch_line(std::string_view line) {
  BOOST_OUTCOME_TRY(const auto read, read_line<ReadWatchLine>(as_bytes(line)));
  if (read.result && !read.result->canceled) {
    return WatchLine{.is_created = read.result->created, .is_change = !read.result->events.empty()};
  }
  return make_error("watch the state", {}, std::make_error_code(std::errc::connection_reset));
}

void Txn::expect_revision(std::string_view key, std::uint64_t mod_revision) {
  Members& members = body_.compare.emplace_back(compare(key, "MOD", "EQUAL"));
  members["mod_revision"] = std::to_string(mod_revision);
}
void Txn::expect_value(std::string_view key, Bytes value) {
  Members& members = body_.compare.emplace_back(compare(key, "VALUE", "EQUAL"));
  members["value"] = to_base64(value);
}
void Txn::expect_there(std::string_view key) {
  Members& members = body_.compare.emplace_back(compare(key, "VERSION", "GREATER"));
  members["version"] = "0";
}

void Txn::put(std::string_view key, Bytes value, std::uint64_t lease) {
  Members members = of_key(key);
  members["value"] = to_base64(value);
  if (lease != 0) members["lease"] = std::to_string(lease);
  body_.success.push_back(operation(put_name, std::move(members)));
}
void Txn::erase(std::string_view key) {
  body_.success.push_back(operation(erase_name, of_key(key)));
}
void Txn::erase_below(std::string_view prefix) {
  body_.success.push_back(operation(erase_name, of_all_below(prefix)));
}
void Txn::read(std::string_view key) {
  body_.success.push_back(operation(read_name, of_key(key)));
}
void Txn::read_below(std::string_view prefix, bool keys_only) {
  Members members = of_all_below(prefix);
  members["keys_only"] = keys_only;
  body_.success.push_back(operation(read_name, std::move(members)));
}
void Txn::otherwise_read(std::string_view key) {
  body_.failure.push_back(operation(read_name, of_key(key)));
}

std::string Txn::text() const {
  return write_line(body_).value();
}

bool Txn::is_answered_by(const Answer& answer) const {
  if (answer.revision == 0 || (body_.compare.empty() && !answer.succeeded)) return false;
  const auto is_read = [](const Operation& one) { return one.begin()->first == read_name; };
  const auto reads =
      std::ranges::count_if(answer.succeeded ? body_.success : body_.failure, is_read);
  return std::cmp_equal(answer.reads.size(), reads);
}

}  // namespace perdure::etcd
