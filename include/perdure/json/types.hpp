// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>

#include <perdure/json/place.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/shape.hpp>
#include <perdure/json/time.hpp>
#include <perdure/json/writer.hpp>

// How each shape of a type is read and written. Programs use `Json<T>`.
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

namespace json_detail {

template <template <class...> class L, class E, class... D>
consteval auto enumerators(L<D...>, const E*) {
  return std::array<JsonEnumerator, sizeof...(D)>{
      JsonEnumerator{D::name, static_cast<std::int64_t>(D::value)}...};
}

/// The names of a described enum.
template <class E>
inline constexpr auto enumerators_of = enumerators(boost::describe::describe_enumerators<E>(),
                                                   static_cast<const E*>(nullptr));

template <class T, class D>
bool read_member(JsonReader& reader, void* object, const JsonPlace& at) {
  return read_json(reader, static_cast<T*>(object)->*D::pointer, at);
}

template <class T, class D>
bool write_member(JsonWriter& writer, const void* object, const JsonPlace& at) {
  return write_json(writer, static_cast<const T*>(object)->*D::pointer, at);
}

template <class T, template <class...> class L, class... D>
consteval auto members(L<D...>) {
  static_assert(sizeof...(D) <= json_members_max, "perdure: too many members in one struct");
  return std::array<JsonMember, sizeof...(D)>{
      JsonMember{D::name, &read_member<T, D>, &write_member<T, D>}...};
}

/// The data members of a described type, those of its bases first.
template <class T>
inline constexpr auto members_of =
    members<T>(boost::describe::describe_members<T, boost::describe::mod_any_access |
                                                        boost::describe::mod_inherited>());

/// The member whose name is also that of another one, or of the stamp if `stamped`.
template <class T>
consteval bool has_name_twice() {
  const auto& all = members_of<T>;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].name == all[j].name) return true;
    }
  }
  return false;
}

template <class T>
consteval bool has_stamp_name() {
  if constexpr (json_shape<T>() == JsonShape::described) {
    for (const JsonMember& one : members_of<T>) {
      for (const std::string_view name : stamp_names) {
        if (one.name == name) return true;
      }
    }
  }
  return false;
}

// ---- keys of maps -------------------------------------------------------------------------------

template <class K>
bool read_key(JsonReader& reader, K& out, const JsonPlace& at) {
  if constexpr (std::is_same_v<K, std::string>) {
    out.assign(at.key);
    return true;
  } else if constexpr (json_shape<K>() == JsonShape::integer) {
    // Only one spelling for each number: "01" beside "1" would be the same member twice.
    const char* const end = at.key.data() + at.key.size();
    const auto [stop, error] = std::from_chars(at.key.data(), end, out);
    if (error == std::errc() && stop == end && std::to_string(out) == at.key) return true;
    return reader.fail(at, "expected a member whose name is an integer from " +
                               std::to_string(std::numeric_limits<K>::min()) + " to " +
                               std::to_string(std::numeric_limits<K>::max()));
  } else if constexpr (json_shape<K>() == JsonShape::enumeration) {
    for (const JsonEnumerator& one : enumerators_of<K>) {
      if (one.name == at.key) return out = static_cast<K>(one.value), true;
    }
    return reader.fail(at, "no value of the enum has this name");
  } else {
    static_assert(!std::is_same_v<K, K>,
                  "perdure: the key of a map in JSON is a std::string, an integer or an enum "
                  "described with BOOST_DESCRIBE_ENUM");
    return false;
  }
}

template <class K>
bool write_key(JsonWriter& writer, const K& key, std::string& room, std::string_view& name,
               const JsonPlace& object) {
  if constexpr (std::is_same_v<K, std::string>) {
    name = key;
  } else if constexpr (json_shape<K>() == JsonShape::integer) {
    name = room = std::to_string(key);
  } else {
    name = {};
    for (const JsonEnumerator& one : enumerators_of<K>) {
      if (one.value == static_cast<std::int64_t>(key)) name = one.name;
    }
    if (name.empty()) return writer.fail(object, "a key of this map is an enum without a name");
  }
  return writer.member(name, object);
}

// ---- containers ---------------------------------------------------------------------------------

template <class M>
bool read_map(JsonReader& reader, M& out, const JsonPlace& place) {
  out.clear();
  return reader.object(place, &out, [](JsonReader& from, void* context, const JsonPlace& at) {
    typename M::key_type key{};
    if (!read_key(from, key, at)) return false;
    const auto [entry, fresh] = static_cast<M*>(context)->try_emplace(std::move(key));
    return fresh ? read_json(from, entry->second, at) : from.duplicate(at);
  });
}

template <class M>
bool write_map(JsonWriter& writer, const M& map, const JsonPlace& place) {
  if (!writer.begin_object(place)) return false;
  std::string room;
  std::string_view name;
  for (const auto& [key, value] : map) {
    if (!write_key(writer, key, room, name, place) ||
        !write_json(writer, value, place.member(name))) {
      return false;
    }
  }
  return writer.end_object(place);
}

template <class S>
bool read_set(JsonReader& reader, S& out, const JsonPlace& place) {
  out.clear();
  return reader.array(place, &out, [](JsonReader& from, void* context, const JsonPlace& at) {
    typename S::value_type value{};
    if (!read_json(from, value, at)) return false;
    auto& set = *static_cast<S*>(context);
    if constexpr (requires { set.insert(std::move(value)).second; }) {
      if (!set.insert(std::move(value)).second) {
        return from.fail(at, "this element of a set is there twice");
      }
    } else {
      set.insert(std::move(value));
    }
    return true;
  });
}

template <class L>
bool read_sequence(JsonReader& reader, L& out, const JsonPlace& place) {
  out.clear();
  return reader.array(place, &out, [](JsonReader& from, void* context, const JsonPlace& at) {
    using Value = typename L::value_type;
    auto& list = *static_cast<L*>(context);
    if constexpr (requires {
                    { list.emplace_back() } -> std::same_as<Value&>;
                  }) {
      return read_json(from, list.emplace_back(), at);
    } else {  // vector<bool>
      Value value{};
      if (!read_json(from, value, at)) return false;
      list.push_back(std::move(value));
      return true;
    }
  });
}

template <class L>
bool write_elements(JsonWriter& writer, const L& list, const JsonPlace& place) {
  if (!writer.begin_array(place)) return false;
  JsonPlace at = place.at(0);
  for (const auto& value : list) {
    if (!writer.element() || !write_json(writer, value, at)) return false;
    ++at.index;
  }
  return writer.end_array();
}

template <class T>
bool read_fixed(JsonReader& reader, T& out, const JsonPlace& place) {
  return reader.fixed_array(place, std::size(out), &out,
                            [](JsonReader& from, void* context, const JsonPlace& at) {
                              return read_json(from, (*static_cast<T*>(context))[at.index], at);
                            });
}

template <class T>
bool read_tuple(JsonReader& reader, T& out, const JsonPlace& place) {
  return reader.fixed_array(
      place, std::tuple_size_v<T>, &out, [](JsonReader& from, void* context, const JsonPlace& at) {
        auto& tuple = *static_cast<T*>(context);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          bool done = true;
          static_cast<void>(
              ((I == at.index && (done = read_json(from, std::get<I>(tuple), at))) || ...));
          return done;
        }
        (std::make_index_sequence<std::tuple_size_v<T>>());
      });
}

template <class T>
bool write_tuple(JsonWriter& writer, const T& tuple, const JsonPlace& place) {
  return writer.begin_array(place)&& [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((writer.element() && write_json(writer, std::get<I>(tuple), place.at(I))) && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<T>>()) && writer.end_array();
}

// ---- null or a value, one of several ------------------------------------------------------------

template <class O>
bool read_optional(JsonReader& reader, O& out, const JsonPlace& place) {
  if (reader.kind() == JsonKind::null) {
    out.reset();
    return reader.null(place);
  }
  using Value = std::remove_cvref_t<decltype(*out)>;
  static_assert(json_shape<Value>() != JsonShape::optional,
                "perdure: an optional of an optional can't be told from an empty one in JSON");
  if constexpr (requires { out.emplace(); }) {
    out.emplace();
  } else {
    out = std::make_unique<Value>();
  }
  return read_json(reader, *out, place);
}

/// The kind of JSON value that a type is written as.
template <class T>
consteval JsonKind kind_of() {
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
bool read_variant(JsonReader& reader, std::variant<T...>& out, const JsonPlace& place) {
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
      done = reader.null(place);
    } else {
      done = read_json(reader, out.template emplace<A>(), place);
    }
    return true;
  };
  return (try_one(std::type_identity<T>()) || ...)
             ? done
             : reader.mismatch(place, "one of the kinds that this variant has");
}

template <class... T>
bool write_variant(JsonWriter& writer, const std::variant<T...>& value, const JsonPlace& place) {
  static_assert(kinds_differ<T...>(), "perdure: see read_variant");
  if (value.valueless_by_exception()) return writer.fail(place, "this variant has no value");
  return std::visit(
      [&]<class A>(const A& one) {
        if constexpr (std::is_same_v<A, std::monostate>) {
          return writer.null();
        } else {
          return write_json(writer, one, place);
        }
      },
      value);
}

// ---- numbers ------------------------------------------------------------------------------------

template <class T>
bool read_number(JsonReader& reader, T& out, const JsonPlace& place) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= sizeof(double), "perdure: JSON holds no long double");
    return reader.real(out, place);
  } else if constexpr (std::is_signed_v<T>) {
    std::int64_t value = 0;
    if (!reader.integer(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                        place)) {
      return false;
    }
    out = static_cast<T>(value);
    return true;
  } else {
    std::uint64_t value = 0;
    if (!reader.natural(value, std::numeric_limits<T>::max(), place)) return false;
    out = static_cast<T>(value);
    return true;
  }
}

template <class T>
bool write_number(JsonWriter& writer, const T& value, const JsonPlace& place) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= sizeof(double), "perdure: JSON holds no long double");
    return writer.real(value, place);
  } else if constexpr (std::is_signed_v<T>) {
    return writer.integer(value);
  } else {
    return writer.natural(value);
  }
}

}  // namespace json_detail

template <class T>
bool read_json(JsonReader& reader, T& out, const JsonPlace& place) {
  constexpr JsonShape shape = json_shape<T>();
  static_assert(shape != JsonShape::unsupported,
                "perdure: this type has no form in JSON. Describe a struct with "
                "BOOST_DESCRIBE_STRUCT and an enum with BOOST_DESCRIBE_ENUM; of the others see "
                "docs/format-state.md");
  if constexpr (shape == JsonShape::boolean) {
    return reader.boolean(out, place);
  } else if constexpr (shape == JsonShape::integer || shape == JsonShape::real) {
    return json_detail::read_number(reader, out, place);
  } else if constexpr (shape == JsonShape::string) {
    return reader.text(out, place);
  } else if constexpr (shape == JsonShape::enumeration) {
    std::int64_t value = 0;
    if (!reader.enumeration(value, json_detail::enumerators_of<T>, place)) return false;
    out = static_cast<T>(value);
    return true;
  } else if constexpr (shape == JsonShape::time) {
    return read_time(reader, out, place);
  } else if constexpr (shape == JsonShape::duration) {
    typename T::rep count{};
    if (!json_detail::read_number(reader, count, place)) return false;
    out = T(count);
    return true;
  } else if constexpr (shape == JsonShape::optional) {
    return json_detail::read_optional(reader, out, place);
  } else if constexpr (shape == JsonShape::variant) {
    return json_detail::read_variant(reader, out, place);
  } else if constexpr (shape == JsonShape::map) {
    return json_detail::read_map(reader, out, place);
  } else if constexpr (shape == JsonShape::set) {
    return json_detail::read_set(reader, out, place);
  } else if constexpr (shape == JsonShape::sequence) {
    return json_detail::read_sequence(reader, out, place);
  } else if constexpr (shape == JsonShape::fixed) {
    return json_detail::read_fixed(reader, out, place);
  } else if constexpr (shape == JsonShape::tuple) {
    return json_detail::read_tuple(reader, out, place);
  } else if constexpr (shape == JsonShape::described) {
    static_assert(!json_detail::has_name_twice<T>(),
                  "perdure: two members of this struct (its bases included) have one name");
    return reader.members(place, json_detail::members_of<T>, &out);
  } else {
    return false;
  }
}

template <class T>
bool write_json(JsonWriter& writer, const T& value, const JsonPlace& place) {
  constexpr JsonShape shape = json_shape<T>();
  static_assert(shape != JsonShape::unsupported, "perdure: this type has no form in JSON");
  if constexpr (shape == JsonShape::boolean) {
    return writer.boolean(value);
  } else if constexpr (shape == JsonShape::integer || shape == JsonShape::real) {
    return json_detail::write_number(writer, value, place);
  } else if constexpr (shape == JsonShape::string) {
    return writer.text(value, place);
  } else if constexpr (shape == JsonShape::enumeration) {
    return writer.enumeration(static_cast<std::int64_t>(value), json_detail::enumerators_of<T>,
                              place);
  } else if constexpr (shape == JsonShape::time) {
    return write_time(writer, value, place);
  } else if constexpr (shape == JsonShape::duration) {
    return json_detail::write_number(writer, value.count(), place);
  } else if constexpr (shape == JsonShape::optional) {
    return value ? write_json(writer, *value, place) : writer.null();
  } else if constexpr (shape == JsonShape::variant) {
    return json_detail::write_variant(writer, value, place);
  } else if constexpr (shape == JsonShape::map) {
    return json_detail::write_map(writer, value, place);
  } else if constexpr (shape == JsonShape::set || shape == JsonShape::sequence ||
                       shape == JsonShape::fixed) {
    return json_detail::write_elements(writer, value, place);
  } else if constexpr (shape == JsonShape::tuple) {
    return json_detail::write_tuple(writer, value, place);
  } else if constexpr (shape == JsonShape::described) {
    return writer.members(place, json_detail::members_of<T>, &value);
  } else {
    return false;
  }
}

}  // namespace perdure
