// SPDX-License-Identifier: BSL-1.0
// The form in which migrations change a state.
#pragma once

#include <boost/json/object.hpp>

#include <perdure/detail/export.hpp>
#include <perdure/json/text.hpp>

namespace perdure {

/// A state without a schema, for migrations: a dictionary that knows the text that it was read
/// from. A value that still is what was read at the same place, by way of objects, is written as
/// the text spells it.
struct MigratedObject : boost::json::object {
  JsonText original;  ///< The text that it was read from; `null` for one that was made.
};

/// Any object; keeps its text.
PERDURE_STATE_API bool read_json(JsonReader& reader, MigratedObject& out,
                                 const JsonLocation& location);
/// Writes what was not changed as `original` spells it.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const MigratedObject& value,
                                  const JsonLocation& location);

}  // namespace perdure
