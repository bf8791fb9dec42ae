// SPDX-License-Identifier: BSL-1.0
// Writes requests as text, and reads what the gateway answers. Numbers travel as strings.
#include "etcd/wire.hpp"

#include <charconv>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "formats/base64.hpp"

namespace perdure::etcd {
namespace json = boost::json;
namespace {

std::string quoted_base64(Bytes bytes) {
  return '"' + to_base64(bytes) + '"';
}
std::string key_member(std::string_view key) {
  return "\"key\":" + quoted_base64(as_bytes(key));
}
/// All keys with this prefix are below this end.
std::string end_member(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  return "\"range_end\":" + quoted_base64(as_bytes(end));
}

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ',';
  list += item;
}

Buffer bytes_of(const json::object& object, std::string_view name) {
  Buffer bytes;
  if (!from_base64(text_of(object, name), bytes)) bytes.clear();
  return bytes;
}

}  // namespace

std::uint64_t number_of(const json::object& object, std::string_view name) {
  const std::string text = text_of(object, name);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

const json::object& object_of(const json::object& object, std::string_view name) {
  static const json::object none;
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : none;
}

std::vector<KeyValue> keys_of(const json::object& range) {
  std::vector<KeyValue> keys;
  const json::value* const list = range.if_contains("kvs");
  if (list == nullptr || !list->is_array()) return keys;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) continue;
    const json::object& object = one.get_object();
    keys.push_back({.key = std::string(as_text(bytes_of(object, "key"))),
                    .value = bytes_of(object, "value"),
                    .mod_revision = number_of(object, "mod_revision")});
  }
  return keys;
}

TxnAnswer txn_answer(const json::object& answer) {
  TxnAnswer found;
  const json::value* const succeeded = answer.if_contains("succeeded");
  found.succeeded = succeeded != nullptr && succeeded->is_bool() && succeeded->get_bool();
  found.revision = number_of(object_of(answer, "header"), "revision");
  const json::value* const responses = answer.if_contains("responses");
  if (responses == nullptr || !responses->is_array()) return found;
  for (const json::value& one : responses->get_array()) {
    if (!one.is_object()) continue;
    const json::value* const read = one.get_object().if_contains("response_range");
    if (read != nullptr && read->is_object()) found.reads.push_back(keys_of(read->get_object()));
  }
  return found;
}

void Txn::expect_revision(std::string_view key, std::uint64_t mod_revision) {
  append(compares_, "{" + key_member(key) + R"(,"target":"MOD","result":"EQUAL","mod_revision":")" +
                        std::to_string(mod_revision) + "\"}");
}
void Txn::expect_value(std::string_view key, Bytes value) {
  append(compares_, "{" + key_member(key) + R"(,"target":"VALUE","result":"EQUAL","value":)" +
                        quoted_base64(value) + "}");
}
void Txn::expect_there(std::string_view key) {
  append(compares_,
         "{" + key_member(key) + R"(,"target":"VERSION","result":"GREATER","version":"0"})");
}

void Txn::put(std::string_view key, Bytes value, std::uint64_t lease) {
  std::string item = R"({"requestPut":{)" + key_member(key) + ",\"value\":" + quoted_base64(value);
  if (lease != 0) item += ",\"lease\":\"" + std::to_string(lease) + '"';
  append(success_, item + "}}");
}
void Txn::erase(std::string_view key) {
  append(success_, R"({"requestDeleteRange":{)" + key_member(key) + "}}");
}
void Txn::erase_below(std::string_view prefix) {
  append(success_,
         R"({"requestDeleteRange":{)" + key_member(prefix) + ',' + end_member(prefix) + "}}");
}
void Txn::read(std::string_view key) {
  append(success_, R"({"requestRange":{)" + key_member(key) + "}}");
}
void Txn::read_below(std::string_view prefix, bool keys_only) {
  append(success_, R"({"requestRange":{)" + key_member(prefix) + ',' + end_member(prefix) +
                       (keys_only ? R"(,"keys_only":true}})" : "}}"));
}
void Txn::otherwise_read(std::string_view key) {
  append(failure_, R"({"requestRange":{)" + key_member(key) + "}}");
}

std::string Txn::text() const {
  return "{\"compare\":[" + compares_ + "],\"success\":[" + success_ + "],\"failure\":[" +
         failure_ + "]}";
}

}  // namespace perdure::etcd
