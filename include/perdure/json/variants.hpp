// SPDX-License-Identifier: BSL-1.0
// Null or a value, and one of several: optionals, pointers, variants as JSON.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <variant>

#include <perdure/json/forward.hpp>
#include <perdure/json/shape.hpp>

namespace perdure::json_detail {

template <class O>
bool read_optional(JsonReader& reader, O& out, const JsonLocation& location) {
  if (reader.kind() == JsonKind::null) {
    out.reset();
    return reader.null(location);
  }
  using Value = std::remove_cvref_t<decltype(*out)>;
  static_assert(json_shape<Value>() != JsonShape::optional,
                "perdure: an optional of an optional can't be told from an empty one in JSON");
  if constexpr (requires { out.emplace(); }) {
    out.emplace();
  } else {
    out = std::make_unique<Value>();
  }
  return read_json(reader, *out, location);
}

/// The kind of JSON value that a type is written as.
template <class T>
consteval JsonKind kind_of() {
  if (json_kind<T> != JsonKind::malformed) return json_kind<T>;
  switch (json_shape<T>()) {
    case JsonShape::boolean:
      return JsonKind::boolean;
    case JsonShape::integer:
    case JsonShape::real:
    case JsonShape::duration:
      return JsonKind::number;
    case JsonShape::string:
    case JsonShape::enumeration:
    case JsonShape::time:
      return JsonKind::string;
    case JsonShape::set:
    case JsonShape::sequence:
    case JsonShape::fixed:
    case JsonShape::tuple:
      return JsonKind::array;
    case JsonShape::map:
    case JsonShape::described:
      return JsonKind::object;
    default:
      return std::is_same_v<T, std::monostate> ? JsonKind::null : JsonKind::malformed;
  }
}

template <class... T>
consteval bool kinds_differ() {
  const std::array<JsonKind, sizeof...(T)> kinds{kind_of<T>()...};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == JsonKind::malformed) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (kinds[i] == kinds[j]) return false;
    }
  }
  return true;
}

template <class... T>
bool read_variant(JsonReader& reader, std::variant<T...>& out, const JsonLocation& location) {
  static_assert(kinds_differ<T...>(),
                "perdure: the alternatives of a variant in JSON are told apart by their kind, so "
                "that no two may be of one: null (std::monostate), boolean, number, string, array, "
                "object");
  const JsonKind kind = reader.kind();
  bool done = false;
  const auto try_one = [&]<class A>(std::type_identity<A>) {
    if (kind != kind_of<A>()) return false;
    if constexpr (std::is_same_v<A, std::monostate>) {
      out.template emplace<A>();
      done = reader.null(location);
    } else {
      done = read_json(reader, out.template emplace<A>(), location);
    }
    return true;
  };
  return (try_one(std::type_identity<T>()) || ...)
             ? done
             : reader.mismatch(location, "one of the kinds that this variant has");
}

template <class... T>
bool write_variant(JsonWriter& writer, const std::variant<T...>& value,
                   const JsonLocation& location) {
  static_assert(kinds_differ<T...>(), "perdure: see read_variant");
  if (value.valueless_by_exception()) return writer.fail(location, "this variant has no value");
  return std::visit(
      [&]<class A>(const A& one) {
        if constexpr (std::is_same_v<A, std::monostate>) {
          return writer.null();
        } else {
          return write_json(writer, one, location);
        }
      },
      value);
}

}  // namespace perdure::json_detail
