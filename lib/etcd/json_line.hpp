// SPDX-License-Identifier: BSL-1.0
// JSON of a few members on one line, by the library's own reader and writer.
#pragma once

#include <string>

#include <perdure/bytes.hpp>
#include <perdure/json.hpp>
#include <perdure/serializer.hpp>

namespace perdure::etcd {

/// How deep an answer may be: three times as deep as any is.
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

}  // namespace perdure::etcd
