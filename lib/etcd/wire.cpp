// SPDX-License-Identifier: BSL-1.0
// Writes requests, and reads the gateway's answers. Numbers travel as strings, keys and values in
// base64.
#include "etcd/wire.hpp"

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

void add_bytes(std::string& to, std::string_view name, Bytes value) {
  add_member(to, name, "");
  to.pop_back();
  append_base64(value, to);
  to += '"';
}
std::string one_member(std::string_view name, std::uint64_t number) {
  std::string text = "{";
  add_member(text, name, std::to_string(number));
  return text + '}';
}
/// Puts an object, or its begin, at the end of a list.
void begin(std::string& list, std::string_view object) {
  if (!list.empty()) list += ',';
  list += object;
}
/// All keys with this prefix are below its end.
void all_below(std::string& to, std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  add_bytes(to, "key", as_bytes(prefix));
  add_bytes(to, "range_end", as_bytes(end));
}

constexpr std::string_view read_object = R"({"requestRange":{)";
constexpr std::string_view put_object = R"({"requestPut":{)";
constexpr std::string_view erase_object = R"({"requestDeleteRange":{)";

}  // namespace

BOOST_DESCRIBE_STRUCT(Refusal, (), (code, error, message))

Result<Answer> parse_answer(std::string_view body) {
  BOOST_OUTCOME_TRY(auto read, read_line<ReadAnswer>(as_bytes(body)));
  Answer answer{.revision = read.header.revision.value,
                .succeeded = read.succeeded,
                .operations = read.responses.size(),
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
  return one_member("TTL", ttl_s);
}
std::string lease_text(std::uint64_t lease) {
  return one_member("ID", lease);
}

std::string watch_text(std::string_view key) {
  std::string text = R"({"create_request":{)";
  add_bytes(text, "key", as_bytes(key));
  return text + "}}";
}

Result<WatchLine> parse_watch_line(std::string_view line) {
  BOOST_OUTCOME_TRY(const auto read, read_line<ReadWatchLine>(as_bytes(line)));
  if (read.result && !read.result->canceled) {
    return WatchLine{.is_created = read.result->created, .is_change = !read.result->events.empty()};
  }
  return make_error("watch the state", {}, std::make_error_code(std::errc::connection_reset));
}

void Txn::compare(std::string_view key, std::string_view target, std::string_view result,
                  std::string_view name, std::string_view value) {
  begin(compares_, "{");
  add_bytes(compares_, "key", as_bytes(key));
  add_member(compares_, "target", target);
  add_member(compares_, "result", result);
  add_member(compares_, name, value);
  compares_ += '}';
}
void Txn::expect_value(std::string_view key, Bytes value) {
  if (value.empty()) return expect_missing(key);
  compare(key, "VALUE", "EQUAL", "value", to_base64(value));
}

void Txn::put(std::string_view key, Bytes value, std::uint64_t lease) {
  success_.begin(put_object);
  add_bytes(success_.text, "key", as_bytes(key));
  add_bytes(success_.text, "value", value);
  if (lease != 0) add_member(success_.text, "lease", std::to_string(lease));
  success_.text += "}}";
}
void Txn::erase(std::string_view key) {
  success_.begin(erase_object);
  add_bytes(success_.text, "key", as_bytes(key));
  success_.text += "}}";
}
void Txn::erase_below(std::string_view prefix) {
  success_.begin(erase_object);
  all_below(success_.text, prefix);
  success_.text += "}}";
}
void Txn::read(std::string_view key) {
  success_.read(key);
}
void Txn::read_below(std::string_view prefix, bool keys_only) {
  success_.begin(read_object);
  all_below(success_.text, prefix);
  success_.text += keys_only ? R"(,"keys_only":true}})" : "}}";
  ++success_.reads;
}
void Txn::otherwise_read(std::string_view key) {
  failure_.read(key);
}
void Txn::Branch::begin(std::string_view object, std::size_t count) {
  etcd::begin(text, object);
  operations += count;
}
void Txn::Branch::read(std::string_view key) {
  begin(read_object);
  add_bytes(text, "key", as_bytes(key));
  text += "}}";
  ++reads;
}
void Txn::Branch::add(const Branch& more) {
  if (more.operations > 0) begin(more.text, more.operations);
  reads += more.reads;
}
void Txn::add(const Txn& more) {
  if (!more.compares_.empty()) begin(compares_, more.compares_);
  success_.add(more.success_);
  failure_.add(more.failure_);
}

std::string Txn::text() const {
  std::string text;
  text.reserve(compares_.size() + success_.text.size() + failure_.text.size() + 64);
  text.append(R"({"compare":[)").append(compares_);
  text.append(R"(],"success":[)").append(success_.text);
  text.append(R"(],"failure":[)").append(failure_.text).append("]}");
  return text;
}

bool Txn::is_answered_by(const Answer& answer) const {
  if (answer.revision == 0 || (compares_.empty() && !answer.succeeded)) return false;
  const Branch& done = answer.succeeded ? success_ : failure_;
  return answer.operations == done.operations && answer.reads.size() == done.reads;
}

}  // namespace perdure::etcd
