// SPDX-License-Identifier: BSL-1.0
// Reads the file of a state, as JSON or in an envelope.
#include "options/state_file.hpp"

#include <boost/json.hpp>

#include <perdure/files.hpp>
#include <perdure/json/time.hpp>
#include <perdure/state_store.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

namespace {

Error at_path(Error error, const std::string& path) {
  if (error.path.empty()) error.path = path;
  return error;
}

std::string time_text(const StampTime& time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = static_cast<std::uint32_t>((time - whole).count());
  std::string text;
  if (!format_time({.second = whole.time_since_epoch().count(), .nanosecond = rest}, 9, text)) {
    return "at an unknown time";
  }
  return text;
}

Result<std::string> to_text(const boost::json::value& value, unsigned indent) {
  Buffer bytes;
  BufferSink sink(bytes);
  const Json<boost::json::value> json{.indent = indent, .limits = state_limits};
  BOOST_OUTCOME_TRY(json.serialize(value, sink));
  std::string text;
  for (const char c : as_text(bytes)) {
    // U+007F, and U+0080 to U+009F (two bytes in UTF-8), are legal in JSON and commands to a
    // terminal. An escape means the same.
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    const bool high_control = byte >= 0x80 && byte < 0xa0 && !text.empty() && text.back() == '\xc2';
    if (high_control) text.pop_back();
    if (high_control || byte == 0x7f) {
      text.append("\\u00").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    } else {
      text += c;
    }
  }
  return text;
}

Result<StateFile> parse_envelope(Bytes bytes) {
  BOOST_OUTCOME_TRY(auto read, StateEnvelope{}.deserialize_stamped(bytes));
  StateFile file;
  file.stamp = std::move(read.stamp);
  file.stamped = read.stamped;
  file.enveloped = true;
  return file;
}

Result<StateFile> parse_json(Bytes bytes, bool edited) {
  const StateJson json{.indent = 2, .limits = state_limits};
  auto read = edited ? json.deserialize_edited(bytes) : json.deserialize_stamped(bytes);
  StateFile file;
  if (!read) {
    if (read.error().kind != ErrorKind::serializer) return std::move(read.error());
    // Whole, but no object: then it has no stamp, and any value will do.
    const Json<boost::json::value> any{.indent = 2, .limits = state_limits};
    auto value = any.deserialize(bytes);
    if (!value || value.value().is_object()) return std::move(read.error());
    file.value = std::move(value.value());
    return file;
  }
  file.stamp = std::move(read.value().stamp);
  file.stamped = read.value().stamped;
  file.value = std::move(read.value().value);
  const std::string_view text = as_text(bytes);
  file.compact = text.substr(0, text.size() - 1).find('\n') == text.npos;
  return file;
}

}  // namespace

Result<StateFile> parse_state(Bytes bytes, const std::string& path, bool edited) {
  constexpr char envelope_begins = '\x89';  // no JSON text does
  const bool enveloped = !bytes.empty() && as_text(bytes).front() == envelope_begins;
  auto parsed = enveloped ? parse_envelope(bytes) : parse_json(bytes, edited);
  if (!parsed) return at_path(std::move(parsed.error()), path);
  parsed.value().bytes = bytes.size();
  return parsed;
}

Result<StateFile> read_state(const std::string& path, bool edited) {
  BOOST_OUTCOME_TRY(const FileContent content, read_file(path, state_limits.size_max));
  return parse_state(content.bytes, path, edited);
}

Result<std::string> pretty(const boost::json::value& value) {
  return to_text(value, 2);
}
Result<std::string> compact(const boost::json::value& value) {
  return to_text(value, 0);
}

std::string loss_of(const StateFile& file, const std::string& path) {
  if (!file.stamped) return {};
  const auto store = open_file_store(path);
  if (!store) return {};
  const auto found = store.value()->history();
  if (!found || found.value().generation_max <= file.stamp.generation) return {};
  std::string words = "an older copy was put in the place of the state: ";
  const auto& previous = found.value().previous;
  if (!previous.empty() && previous.front() > file.stamp.generation) {
    const std::string newest = std::to_string(previous.front());
    return words + "previous generation " + newest +
           " is newer; before the next save it can be restored: perdure state restore FILE " +
           newest;
  }
  return words + "of a damaged one there is '" + found.value().damaged.back() + "'";
}

std::string summary(const StateFile& file) {
  std::string text = "no stamp";
  if (file.stamped) {
    text = "generation " + std::to_string(file.stamp.generation) + ", " +
           time_text(file.stamp.last_updated);
  }
  if (file.stamp.schema_version != 0) {
    text += ", schema version " + std::to_string(file.stamp.schema_version);
  }
  return text + ", " + human_size(file.bytes) + (file.enveloped ? ", in an envelope" : "");
}

boost::json::object summary_object(const StateFile& file) {
  boost::json::object object = {{"stamped", file.stamped}, {"bytes", file.bytes}};
  if (file.stamped) {
    object["generation"] = file.stamp.generation;
    object["last_updated"] = time_text(file.stamp.last_updated);
  }
  if (file.stamp.schema_version != 0) object["schema_version"] = file.stamp.schema_version;
  if (file.enveloped) object["enveloped"] = true;
  return object;
}

}  // namespace perdure::cli
