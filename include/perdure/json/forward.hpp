// SPDX-License-Identifier: BSL-1.0
// The two functions that each type has, for those that call each other.
#pragma once

#include <boost/json/fwd.hpp>

#include <perdure/json/place.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

template <class T>
bool read_json(JsonReader& reader, T& out, const JsonPlace& place);
template <class T>
bool write_json(JsonWriter& writer, const T& value, const JsonPlace& place);

// Boost.JSON's types; whoever uses them includes <boost/json.hpp>, nobody else pays for it.
bool read_json(JsonReader& reader, boost::json::value& out, const JsonPlace& place);
bool read_json(JsonReader& reader, boost::json::object& out, const JsonPlace& place);
bool read_json(JsonReader& reader, boost::json::array& out, const JsonPlace& place);
bool read_json(JsonReader& reader, boost::json::string& out, const JsonPlace& place);
bool write_json(JsonWriter& writer, const boost::json::value& value, const JsonPlace& place);
bool write_json(JsonWriter& writer, const boost::json::object& value, const JsonPlace& place);
bool write_json(JsonWriter& writer, const boost::json::array& value, const JsonPlace& place);
bool write_json(JsonWriter& writer, const boost::json::string& value, const JsonPlace& place);

}  // namespace perdure
