// SPDX-License-Identifier: BSL-1.0
// JSON of a few members on one line, by the library's own reader and writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/json.hpp>
#include <perdure/serializer.hpp>

namespace perdure::etcd {

/// How deep an answer may be: three times as deep as any that etcd sends.
inline constexpr JsonLimits line_limits{.depth_max = 32};

/// Members that `T` does not have are checked and dropped, members that are not there stay as they
/// are in `T{}`.
template <class T>
Result<T> read_line(Bytes text) {
  return Json<T>{.indent = 0, .limits = line_limits}.deserialize(text);
}

/// Without a newline at its end. ErrorKind::serializer for a string that is not UTF-8.
template <class T>
Result<std::string> write_line(const T& value) {
  Buffer text;
  BufferSink sink(text);
  const Json<T> json{.indent = 0, .limits = line_limits};
  BOOST_OUTCOME_TRY(json.serialize(value, sink));
  std::string line(as_text(text));
  line.pop_back();
  return line;
}

/// Adds a member to an object that is being written, whose `value` has nothing to escape: a word,
/// digits, base64. Requests and records for which programs wait are written this way. It is faster
/// than write_line(), whose code is often not in the processor's cache.
inline void add_member(std::string& line, std::string_view name, std::string_view value) {
  line.append(line.ends_with('{') ? "\"" : ",\"").append(name).append("\":\"");
  line.append(value) += '"';
}
inline void add_member(std::string& line, std::string_view name, std::uint64_t number) {
  line.append(line.ends_with('{') ? "\"" : ",\"").append(name).append("\":");
  line += std::to_string(number);
}

}  // namespace perdure::etcd
