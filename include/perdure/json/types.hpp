// SPDX-License-Identifier: BSL-1.0
// How each shape of a type is read and written. Programs use `Json<T>`.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include <perdure/json/bytes.hpp>
#include <perdure/json/containers.hpp>
#include <perdure/json/described.hpp>
#include <perdure/json/forward.hpp>
#include <perdure/json/shape.hpp>
#include <perdure/json/text.hpp>
#include <perdure/json/time.hpp>
#include <perdure/json/variants.hpp>

namespace perdure {

namespace json_detail {

template <class T>
bool read_number(JsonReader& reader, T& out, const JsonLocation& location) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= sizeof(double), "perdure: JSON holds no long double");
    return reader.real(out, location);
  } else if constexpr (std::is_signed_v<T>) {
    std::int64_t value = 0;
    if (!reader.integer(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                        location)) {
      return false;
    }
    out = static_cast<T>(value);
    return true;
  } else {
    std::uint64_t value = 0;
    if (!reader.natural(value, std::numeric_limits<T>::max(), location)) return false;
    out = static_cast<T>(value);
    return true;
  }
}

template <class T>
bool write_number(JsonWriter& writer, const T& value, const JsonLocation& location) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= sizeof(double), "perdure: JSON holds no long double");
    return writer.real(value, location);
  } else if constexpr (std::is_signed_v<T>) {
    return writer.integer(value);
  } else {
    return writer.natural(value);
  }
}

}  // namespace json_detail

template <class T>
bool read_json(JsonReader& reader, T& out, const JsonLocation& location) {
  constexpr JsonShape shape = json_shape<T>();
  static_assert(shape != JsonShape::unsupported,
                "perdure: this type has no form in JSON. Describe a struct with "
                "BOOST_DESCRIBE_STRUCT and an enum with BOOST_DESCRIBE_ENUM, include "
                "<perdure/json/path.hpp> for paths, or give it read_json and write_json; "
                "docs/format-state.md has the rest");
  if constexpr (shape == JsonShape::boolean) {
    return reader.boolean(out, location);
  } else if constexpr (shape == JsonShape::integer || shape == JsonShape::real) {
    return json_detail::read_number(reader, out, location);
  } else if constexpr (shape == JsonShape::string) {
    return reader.text(out, location);
  } else if constexpr (shape == JsonShape::enumeration) {
    std::int64_t value = 0;
    if (!reader.enumeration(value, json_detail::enumerators_of<T>, location)) return false;
    out = static_cast<T>(value);
    return true;
  } else if constexpr (shape == JsonShape::time) {
    return read_time(reader, out, location);
  } else if constexpr (shape == JsonShape::duration) {
    typename T::rep count{};
    if (!json_detail::read_number(reader, count, location)) return false;
    out = T(count);
    return true;
  } else if constexpr (shape == JsonShape::optional) {
    return json_detail::read_optional(reader, out, location);
  } else if constexpr (shape == JsonShape::variant) {
    return json_detail::read_variant(reader, out, location);
  } else if constexpr (shape == JsonShape::map) {
    return json_detail::read_map(reader, out, location);
  } else if constexpr (shape == JsonShape::set) {
    return json_detail::read_set(reader, out, location);
  } else if constexpr (shape == JsonShape::sequence) {
    return json_detail::read_sequence(reader, out, location);
  } else if constexpr (shape == JsonShape::fixed) {
    return json_detail::read_fixed(reader, out, location);
  } else if constexpr (shape == JsonShape::tuple) {
    return json_detail::read_tuple(reader, out, location);
  } else if constexpr (shape == JsonShape::described) {
    static_assert(!json_detail::has_name_twice<T>(),
                  "perdure: two members of this struct (its bases included) have one name");
    return reader.members(location, json_detail::members_of<T>, &out);
  } else {
    return false;
  }
}

template <class T>
bool write_json(JsonWriter& writer, const T& value, const JsonLocation& location) {
  constexpr JsonShape shape = json_shape<T>();
  static_assert(shape != JsonShape::unsupported, "perdure: this type has no form in JSON");
  if constexpr (shape == JsonShape::boolean) {
    return writer.boolean(value);
  } else if constexpr (shape == JsonShape::integer || shape == JsonShape::real) {
    return json_detail::write_number(writer, value, location);
  } else if constexpr (shape == JsonShape::string) {
    return writer.text(value, location);
  } else if constexpr (shape == JsonShape::enumeration) {
    return writer.enumeration(static_cast<std::int64_t>(value), json_detail::enumerators_of<T>,
                              location);
  } else if constexpr (shape == JsonShape::time) {
    return write_time(writer, value, location);
  } else if constexpr (shape == JsonShape::duration) {
    return json_detail::write_number(writer, value.count(), location);
  } else if constexpr (shape == JsonShape::optional) {
    return value ? write_json(writer, *value, location) : writer.null();
  } else if constexpr (shape == JsonShape::variant) {
    return json_detail::write_variant(writer, value, location);
  } else if constexpr (shape == JsonShape::map) {
    return json_detail::write_map(writer, value, location);
  } else if constexpr (shape == JsonShape::set || shape == JsonShape::sequence ||
                       shape == JsonShape::fixed) {
    return json_detail::write_elements(writer, value, location);
  } else if constexpr (shape == JsonShape::tuple) {
    return json_detail::write_tuple(writer, value, location);
  } else if constexpr (shape == JsonShape::described) {
    return writer.members(location, json_detail::members_of<T>, &value);
  } else {
    return false;
  }
}

}  // namespace perdure
