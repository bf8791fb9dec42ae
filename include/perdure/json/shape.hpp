// SPDX-License-Identifier: BSL-1.0
// Which C++ types JSON knows, and as what.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/fwd.hpp>

#include <perdure/detail/language.hpp>

namespace perdure {

class JsonText;
struct MigratedObject;

/// How a C++ type looks in JSON. docs/format-state.md has the table.
enum class JsonShape {
  boolean,
  integer,
  real,
  string,
  enumeration,
  time,
  duration,
  optional,  ///< Null or a value.
  variant,
  map,
  set,
  sequence,
  fixed,  ///< An array of as many elements as the type says.
  tuple,
  described,
  dynamic,  ///< One of Boost.JSON's own types, JsonText or MigratedObject.
  unsupported,
};

/// Of JsonShape::optional.
template <class T>
inline constexpr bool json_is_optional = false;
template <class T>
inline constexpr bool json_is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool json_is_optional<std::unique_ptr<T>> = true;
/// Of JsonShape::variant.
template <class T>
inline constexpr bool json_is_variant = false;
template <class... T>
inline constexpr bool json_is_variant<std::variant<T...>> = true;
/// Of JsonShape::tuple.
template <class T>
inline constexpr bool json_is_tuple = false;
template <class... T>
inline constexpr bool json_is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool json_is_tuple<std::pair<A, B>> = true;
/// Of JsonShape::fixed.
template <class T>
inline constexpr bool json_is_fixed = std::is_bounded_array_v<T>;
template <class T, std::size_t N>
inline constexpr bool json_is_fixed<std::array<T, N>> = true;
/// Of JsonShape::time.
template <class T>
inline constexpr bool json_is_time = false;
template <class D>
inline constexpr bool json_is_time<std::chrono::sys_time<D>> = true;
/// Of JsonShape::duration.
template <class T>
inline constexpr bool json_is_duration = false;
template <class R, class P>
inline constexpr bool json_is_duration<std::chrono::duration<R, P>> = true;
/// Of JsonShape::dynamic.
template <class T>
inline constexpr bool json_is_dynamic =
    std::same_as<T, boost::json::object> || std::same_as<T, boost::json::array> ||
    std::same_as<T, boost::json::string> || std::same_as<T, boost::json::value> ||
    std::same_as<T, JsonText> || std::same_as<T, MigratedObject>;

/// A number, and not a character type: a `char` could mean either.
template <class T>
concept JsonInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                      !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                      !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// A container that an array of JSON can be read into, element by element.
template <class T>
concept JsonContainer = requires(T& container) {
  typename T::value_type;
  container.clear();
  container.begin();
  container.end();
};
/// A container of keys with values.
template <class T>
concept JsonMap = JsonContainer<T> && requires(T& map) {
  typename T::mapped_type;
  map.try_emplace(std::declval<typename T::key_type>());
};
/// A container of keys alone.
template <class T>
concept JsonSet = JsonContainer<T> && !requires {
  typename T::mapped_type;
}
&&requires(T& set) {
  typename T::key_type;
  set.insert(std::declval<typename T::value_type>());
};
/// A container that grows at its end.
template <class T>
concept JsonSequence = JsonContainer<T> && requires(T& list) {
  list.push_back(std::declval<typename T::value_type>());
};

/// The form of `T`; JsonShape::unsupported where it has none.
template <class T>
consteval JsonShape json_shape() {
  if constexpr (json_is_dynamic<T>) {
    return JsonShape::dynamic;
  } else if constexpr (std::same_as<T, bool>) {
    return JsonShape::boolean;
  } else if constexpr (JsonInteger<T>) {
    return JsonShape::integer;
  } else if constexpr (std::same_as<T, double> || std::same_as<T, float>) {
    return JsonShape::real;
  } else if constexpr (std::same_as<T, std::string>) {
    return JsonShape::string;
  } else if constexpr (std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value) {
    return JsonShape::enumeration;
  } else if constexpr (json_is_time<T>) {
    return JsonShape::time;
  } else if constexpr (json_is_duration<T>) {
    return JsonShape::duration;
  } else if constexpr (json_is_optional<T>) {
    return JsonShape::optional;
  } else if constexpr (json_is_variant<T>) {
    return JsonShape::variant;
  } else if constexpr (json_is_tuple<T>) {
    return JsonShape::tuple;
  } else if constexpr (json_is_fixed<T>) {
    return JsonShape::fixed;
  } else if constexpr (std::is_class_v<T> && boost::describe::has_describe_members<T>::value) {
    return JsonShape::described;
  } else if constexpr (JsonMap<T>) {
    return JsonShape::map;
  } else if constexpr (JsonSet<T>) {
    return JsonShape::set;
  } else if constexpr (JsonSequence<T>) {
    return JsonShape::sequence;
  } else {
    return JsonShape::unsupported;
  }
}

/// True for a type that is an object in JSON when it is all of a state: the stamp joins its
/// members.
template <class T>
inline constexpr bool json_is_object = json_shape<T>() == JsonShape::described
                                       || json_shape<T>() == JsonShape::map
                                       || std::same_as<T, boost::json::object> ||
                                       std::same_as<T, JsonText> || std::same_as<T, MigratedObject>;

}  // namespace perdure
