// SPDX-License-Identifier: BSL-1.0
// The two functions that each type has, for those that call each other.
#pragma once

#include <boost/json/fwd.hpp>

#include <perdure/json/location.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

template <class T>
bool read_json(JsonReader& reader, T& out, const JsonLocation& location);
template <class T>
bool write_json(JsonWriter& writer, const T& value, const JsonLocation& location);

// Boost.JSON's types; whoever uses them includes <boost/json.hpp>, nobody else pays for it.
bool read_json(JsonReader& reader, boost::json::value& out, const JsonLocation& location);
bool read_json(JsonReader& reader, boost::json::object& out, const JsonLocation& location);
bool read_json(JsonReader& reader, boost::json::array& out, const JsonLocation& location);
bool read_json(JsonReader& reader, boost::json::string& out, const JsonLocation& location);
bool write_json(JsonWriter& writer, const boost::json::value& value, const JsonLocation& location);
bool write_json(JsonWriter& writer, const boost::json::object& value, const JsonLocation& location);
bool write_json(JsonWriter& writer, const boost::json::array& value, const JsonLocation& location);
bool write_json(JsonWriter& writer, const boost::json::string& value, const JsonLocation& location);

}  // namespace perdure
