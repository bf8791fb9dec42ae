// SPDX-License-Identifier: BSL-1.0
// The form in which migrations change a state.
#pragma once

#include <boost/json/object.hpp>

#include <perdure/detail/export.hpp>
#include <perdure/json/text.hpp>

namespace perdure {

/// A state without a schema, for migrations: a dictionary that knows the text that it was read
/// from. A value that is unchanged, and still at its place in its objects, is written as the text
/// spells it.
struct MigratedObject : boost::json::object {
  JsonText original;  ///< The text that it was read from; `null` for one that was made.
};

/// Any object; keeps its text.
PERDURE_STATE_API bool read_json(JsonReader& reader, MigratedObject& out,
                                 const JsonLocation& location);
/// Writes unchanged values as `original` spells them.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const MigratedObject& value,
                                  const JsonLocation& location);

}  // namespace perdure
