// SPDX-License-Identifier: BSL-1.0
#include "names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <xxhash.h>

namespace perdure::names {
namespace {

constexpr std::string_view temp_suffix = ".perdure-tmp";
constexpr std::string_view lock_suffix = ".perdure-lock";
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32
constexpr std::size_t random_length = 16;
constexpr std::size_t hash_length = 16;

bool in_alphabet(char c) {
  return alphabet.find(c) != std::string_view::npos;
}

/// The beginning of `leaf`, `size_max` bytes at most, not cut inside a UTF-8 character.
std::string_view shortened(std::string_view leaf, std::size_t size_max) {
  if (leaf.size() <= size_max) return leaf;
  std::size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(leaf[size]) & 0xC0U) == 0x80U) --size;
  return leaf.substr(0, size);
}

}  // namespace

std::string_view fault_of_leaf(std::string_view leaf) {
  if (leaf.empty()) return "the name is empty";
  if (leaf == "." || leaf == "..") return "the name means a directory";
  if (leaf.find('/') != std::string_view::npos) return "the name has a '/': one component is meant";
  if (leaf.find('\0') != std::string_view::npos) return "the name has a zero byte";
  return {};
}

SysResult<std::string> make_temp(std::string_view leaf, Environment& environment) {
  std::array<std::byte, random_length> bytes{};
  const auto drawn = environment.random(bytes);
  if (!drawn) return drawn.error();
  std::string name = ".";
  name += shortened(leaf, length_max - 2 - random_length - temp_suffix.size());
  name += '.';
  for (const auto byte : bytes) name += alphabet[static_cast<std::size_t>(byte) % alphabet.size()];
  name += temp_suffix;
  return name;
}

bool is_temp(std::string_view name) {
  if (name.size() < 3 + random_length + temp_suffix.size() || name.size() > length_max) {
    return false;
  }
  if (!name.starts_with('.') || !name.ends_with(temp_suffix)) return false;
  name.remove_suffix(temp_suffix.size());
  const auto random = name.substr(name.size() - random_length);
  return std::all_of(random.begin(), random.end(), in_alphabet) &&
         name[name.size() - random_length - 1] == '.';
}

std::string lock_of(std::string_view leaf) {
  const std::size_t whole_max = length_max - 1 - lock_suffix.size();
  std::string name = ".";
  if (leaf.size() <= whole_max) return name.append(leaf).append(lock_suffix);
  name.append(shortened(leaf, whole_max - 1 - hash_length)).append("~");
  auto hash = XXH3_64bits(leaf.data(), leaf.size());
  for (std::size_t i = 0; i < hash_length; ++i, hash >>= 4U) name += alphabet[hash & 15U];
  return name.append(lock_suffix);
}

}  // namespace perdure::names
