// SPDX-License-Identifier: BSL-1.0
// Containers as JSON: maps and their keys, sets, sequences, arrays, tuples.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <perdure/json/described.hpp>
#include <perdure/json/forward.hpp>
#include <perdure/json/shape.hpp>

namespace perdure::json_detail {

template <class K>
bool read_key(JsonReader& reader, K& out, const JsonLocation& at) {
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
  } else if constexpr (JsonOwnKey<K>) {
    // Only one spelling for each key, as with integers.
    if (JsonKey<K>::read(at.key, out) && JsonKey<K>::write(out) == at.key) return true;
    return reader.fail(at, "the name of this member is not a key of the map");
  } else {
    static_assert(!std::is_same_v<K, K>,
                  "perdure: the key of a map in JSON is a std::string, an integer or an enum "
                  "described with BOOST_DESCRIBE_ENUM, or has a JsonKey");
    return false;
  }
}

template <class K>
bool write_key(JsonWriter& writer, const K& key, std::string& room, std::string_view& name,
               const JsonLocation& object) {
  if constexpr (std::is_same_v<K, std::string>) {
    name = key;
  } else if constexpr (json_shape<K>() == JsonShape::integer) {
    name = room = std::to_string(key);
  } else if constexpr (JsonOwnKey<K>) {
    name = room = JsonKey<K>::write(key);
  } else {
    name = {};
    for (const JsonEnumerator& one : enumerators_of<K>) {
      if (one.value == static_cast<std::int64_t>(key)) name = one.name;
    }
    if (name.empty()) return writer.fail(object, "a key of this map is an enum without a name");
  }
  return writer.member(name, object);
}

template <class M>
bool read_map(JsonReader& reader, M& out, const JsonLocation& location) {
  out.clear();
  return reader.object(location, &out, [](JsonReader& from, void* context, const JsonLocation& at) {
    typename M::key_type key{};
    if (!read_key(from, key, at)) return false;
    const auto [entry, fresh] = static_cast<M*>(context)->try_emplace(std::move(key));
    return fresh ? read_json(from, entry->second, at) : from.duplicate(at);
  });
}

template <class M>
bool write_map(JsonWriter& writer, const M& map, const JsonLocation& location) {
  if (!writer.begin_object(location)) return false;
  std::string room;
  std::string_view name;
  for (const auto& [key, value] : map) {
    if (!write_key(writer, key, room, name, location) ||
        !write_json(writer, value, location.member(name))) {
      return false;
    }
  }
  return writer.end_object(location);
}

template <class S>
bool read_set(JsonReader& reader, S& out, const JsonLocation& location) {
  out.clear();
  return reader.array(location, &out, [](JsonReader& from, void* context, const JsonLocation& at) {
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
bool read_sequence(JsonReader& reader, L& out, const JsonLocation& location) {
  out.clear();
  return reader.array(location, &out, [](JsonReader& from, void* context, const JsonLocation& at) {
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
bool write_elements(JsonWriter& writer, const L& list, const JsonLocation& location) {
  if (!writer.begin_array(location)) return false;
  JsonLocation at = location.at(0);
  for (const auto& value : list) {
    if (!writer.element() || !write_json(writer, value, at)) return false;
    ++at.index;
  }
  return writer.end_array();
}

template <class T>
bool read_fixed(JsonReader& reader, T& out, const JsonLocation& location) {
  return reader.fixed_array(location, std::size(out), &out,
                            [](JsonReader& from, void* context, const JsonLocation& at) {
                              return read_json(from, (*static_cast<T*>(context))[at.index], at);
                            });
}

template <class T>
bool read_tuple(JsonReader& reader, T& out, const JsonLocation& location) {
  return reader.fixed_array(
      location, std::tuple_size_v<T>, &out,
      [](JsonReader& from, void* context, const JsonLocation& at) {
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
bool write_tuple(JsonWriter& writer, const T& tuple, const JsonLocation& location) {
  return writer.begin_array(location)&& [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((writer.element() && write_json(writer, std::get<I>(tuple), location.at(I))) && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<T>>()) && writer.end_array();
}

}  // namespace perdure::json_detail
