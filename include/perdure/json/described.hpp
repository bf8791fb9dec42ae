// SPDX-License-Identifier: BSL-1.0
// Described structs and enums: the tables of their members and of their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>

#include <perdure/json/forward.hpp>
#include <perdure/json/members.hpp>
#include <perdure/json/shape.hpp>
#include <perdure/stamp.hpp>

namespace perdure::json_detail {

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
bool read_member(JsonReader& reader, void* object, const JsonLocation& at) {
  return read_json(reader, static_cast<T*>(object)->*D::pointer, at);
}

template <class T, class D>
bool write_member(JsonWriter& writer, const void* object, const JsonLocation& at) {
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

}  // namespace perdure::json_detail
