// SPDX-License-Identifier: BSL-1.0
// Makes and parses the names of the library's own files.
#include "engine/names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <xxhash.h>

#include "base/parse.hpp"

namespace perdure::names {
namespace {

constexpr std::string_view temp_suffix = ".perdure-tmp";
constexpr std::string_view apply_suffix = ".perdure-put";
constexpr std::string_view lock_suffix = ".perdure-lock";
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32
constexpr std::size_t random_length = 16;
constexpr std::size_t hash_length = 16;
constexpr std::string_view previous_suffix = ".perdure-prev";
constexpr std::string_view staged_prefix = "s_";
constexpr std::string_view damaged_mark = ".damaged-";
// The bytes that a numbered name needs beside the leaf: two dots, 20 digits, the longer of the two
// endings.
constexpr std::size_t numbered_length =
    2 + 20 + std::max(previous_suffix.size(), damaged_mark.size() + random_length);

// One with a random part, too.
constexpr std::size_t unguessable_length = 2 + 20 + 1 + random_length + previous_suffix.size();

bool in_alphabet(char c) {
  return alphabet.find(c) != std::string_view::npos;
}

constexpr std::size_t cut_max = 3;  // what a UTF-8 character has beside its first byte

/// The beginning of `leaf`, `size_max` bytes at most and `cut_max` fewer at least, not cut inside a
/// UTF-8 character. A leaf that is not UTF-8 is cut anywhere.
std::string_view shortened(std::string_view leaf, std::size_t size_max) {
  if (leaf.size() <= size_max) return leaf;
  for (std::size_t size = size_max; size + cut_max >= size_max; --size) {
    if ((static_cast<unsigned char>(leaf[size]) & 0xC0U) != 0x80U) return leaf.substr(0, size);
  }
  return leaf.substr(0, size_max);
}

/// `leaf` where it fits beside `taken` other bytes; else its beginning and a hash of all of it. A
/// name with a hash is longer than any without, so that no leaf can get the name of another leaf's
/// hash.
std::string distinct(std::string_view leaf, std::size_t taken) {
  if (leaf.size() < length_max - taken - cut_max) return std::string(leaf);
  std::string name(shortened(leaf, length_max - taken - 1 - hash_length));
  name += '~';
  auto hash = XXH3_64bits(leaf.data(), leaf.size());
  for (std::size_t i = 0; i < hash_length; ++i, hash >>= 4U) name += alphabet[hash & 15U];
  return name;
}

bool is_random_part(std::string_view text) {
  return text.size() == random_length && std::all_of(text.begin(), text.end(), in_alphabet);
}

SysResult<std::string> random_part(Environment& environment) {
  std::array<std::byte, random_length> bytes{};
  BOOST_OUTCOME_TRY(environment.random(bytes));
  std::string text;
  for (const auto byte : bytes) text += alphabet[static_cast<std::size_t>(byte) % alphabet.size()];
  return text;
}

/// The number that is the rest of `name` behind `prefix`, as std::to_string writes it.
std::optional<std::uint64_t> number_behind(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  if (!parse_whole(name, number) || (name.size() > 1 && name.front() == '0')) return std::nullopt;
  return number;
}

/// Takes a random part and its dot from the end of `name`, if there is one.
bool take_random_part(std::string_view& name) {
  if (name.size() < 1 + random_length || name[name.size() - random_length - 1] != '.') return false;
  if (!is_random_part(name.substr(name.size() - random_length))) return false;
  name.remove_suffix(1 + random_length);
  return true;
}

/// Whether the end of `name` is a number with its dot, and something before it.
bool is_numbered(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot > 1 && dot != std::string_view::npos &&
         number_behind(name.substr(dot), ".").has_value();
}

}  // namespace

std::string_view fault_of_leaf(std::string_view leaf) {
  if (leaf.empty()) return "the name is empty";
  if (leaf == "." || leaf == "..") return "the name means a directory";
  if (leaf.find('/') != std::string_view::npos) return "the name has a '/': one component is meant";
  if (leaf.find('\0') != std::string_view::npos) return "the name has a zero byte";
  return {};
}

std::string folded(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool is_previous(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(previous_suffix)) return false;
  name.remove_suffix(previous_suffix.size());
  // A number of 16 digits looks like a random part, too.
  return is_numbered(name) || (take_random_part(name) && is_numbered(name));
}

bool is_own(std::string_view name) {
  if (!name.starts_with('.')) return false;
  const std::string lower = folded(name);
  return lower.ends_with(lock_suffix) || lower.ends_with(copy_marker) || lower == root_marker ||
         is_temp(lower) || is_apply_temp(lower) || is_previous(lower);
}

namespace {

SysResult<std::string> make_random(std::string_view leaf, std::string_view suffix,
                                   Environment& environment, std::size_t size_max) {
  constexpr std::size_t size_min = 40;
  BOOST_OUTCOME_TRY(const std::string random, random_part(environment));
  std::string name = ".";
  name += shortened(leaf, std::max(size_max, size_min) - 2 - random_length - suffix.size());
  return name.append(".").append(random).append(suffix);
}

bool is_random(std::string_view name, std::string_view suffix) {
  if (name.size() < 3 + random_length + suffix.size() || name.size() > length_max) return false;
  if (!name.starts_with('.') || !name.ends_with(suffix)) return false;
  if (!fault_of_leaf(name).empty()) return false;  // "../" begins with a dot, too
  name.remove_suffix(suffix.size());
  return is_random_part(name.substr(name.size() - random_length)) &&
         name[name.size() - random_length - 1] == '.';
}

}  // namespace

SysResult<std::string> make_temp(std::string_view leaf, Environment& environment,
                                 std::size_t size_max) {
  return make_random(leaf, temp_suffix, environment, size_max);
}
bool is_temp(std::string_view name) {
  return is_random(name, temp_suffix);
}

SysResult<std::string> make_apply_temp(std::string_view leaf, Environment& environment) {
  return make_random(leaf, apply_suffix, environment, length_max);
}
bool is_apply_temp(std::string_view name) {
  return is_random(name, apply_suffix);
}

bool is_lock(std::string_view name) {
  return name.starts_with('.') && name.size() > 1 + lock_suffix.size() &&
         name.ends_with(lock_suffix);
}

std::string copy_of(std::string_view leaf) {
  return "." + distinct(leaf, 1 + copy_marker.size()).append(copy_marker);
}

std::string lock_of(std::string_view leaf) {
  return "." + distinct(leaf, 1 + lock_suffix.size()).append(lock_suffix);
}

std::string backup_of(std::string_view leaf, std::string_view suffix) {
  return std::string(leaf).append(suffix);
}

std::string previous_of(std::string_view leaf, std::uint64_t generation) {
  return "." + distinct(leaf, numbered_length) + "." +
         std::to_string(generation).append(previous_suffix);
}

SysResult<std::string> make_previous(std::string_view leaf, std::uint64_t generation,
                                     Environment& environment) {
  BOOST_OUTCOME_TRY(const std::string random, random_part(environment));
  return "." + distinct(leaf, unguessable_length) + "." +
         std::to_string(generation).append(".").append(random).append(previous_suffix);
}

std::optional<std::uint64_t> parse_previous(std::string_view name, std::string_view leaf) {
  if (!name.ends_with(previous_suffix)) return std::nullopt;
  name.remove_suffix(previous_suffix.size());
  if (const auto number = number_behind(name, "." + distinct(leaf, numbered_length) + ".")) {
    return number;
  }
  if (!take_random_part(name)) return std::nullopt;
  return number_behind(name, "." + distinct(leaf, unguessable_length) + ".");
}

SysResult<std::string> make_damaged(std::string_view leaf, std::uint64_t generation,
                                    Environment& environment) {
  BOOST_OUTCOME_TRY(const std::string random, random_part(environment));
  std::string name = distinct(leaf, numbered_length).append(damaged_mark);
  return name.append(std::to_string(generation)).append(".").append(random);
}

std::optional<std::uint64_t> parse_damaged(std::string_view name, std::string_view leaf) {
  if (name.size() < 1 + random_length || name[name.size() - random_length - 1] != '.') {
    return std::nullopt;
  }
  name.remove_suffix(random_length + 1);
  return number_behind(name, distinct(leaf, numbered_length).append(damaged_mark));
}

SysResult<std::string> make_transaction_id(Environment& environment) {
  return random_part(environment);
}

bool is_transaction_id(std::string_view text) {
  return is_random_part(text);
}

std::string staged_of(std::string_view id, std::uint64_t number) {
  return std::string(staged_prefix).append(id).append("_").append(std::to_string(number));
}

bool is_staged(std::string_view name) {
  if (!name.starts_with(staged_prefix)) return false;
  name.remove_prefix(staged_prefix.size());
  return is_random_part(name.substr(0, random_length)) &&
         number_behind(name.substr(random_length), "_").has_value();
}

SysResult<std::string> make_abandoned(Environment& environment) {
  BOOST_OUTCOME_TRY(const std::string random, random_part(environment));
  return "abandoned-" + random;
}

std::string abandoned_by(const std::string& id) {
  return "abandoned-" + id;
}

}  // namespace perdure::names
