// SPDX-License-Identifier: BSL-1.0
// Versions of files as text, there and back.
#include <array>
#include <charconv>

#include <perdure/file_version.hpp>

#include "base/make_error.hpp"

namespace perdure {
namespace {

/// The forms of a version: by the stamps, as before there were hashes; by stamps and content; by
/// the content.
constexpr std::string_view stamps_prefix = "v1";
constexpr std::string_view both_prefix = "v2";
constexpr std::string_view content_prefix = "c1";
constexpr std::string_view absent_token = "absent";

template <class T>
bool take_number(std::string_view& rest, T& out, int base) {
  if (rest.empty() || rest.front() != ':') return false;
  rest.remove_prefix(1);
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), out, base);
  if (code != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

template <class T>
void put_number(std::string& text, T value, int base) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  text += ':';
  text.append(digits.data(), end);
}

bool take_prefix(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

bool take_version(std::string_view rest, Version& out) {
  if (take_prefix(rest, content_prefix)) {
    return take_number(rest, out.size, 10) && take_number(rest, out.content, 16) && rest.empty();
  }
  const bool both = take_prefix(rest, both_prefix);
  if (!both && !take_prefix(rest, stamps_prefix)) return false;
  const bool stamps = take_number(rest, out.device, 16) && take_number(rest, out.inode, 10) &&
                      take_number(rest, out.birth_ns, 10) && take_number(rest, out.size, 10) &&
                      take_number(rest, out.mtime_ns, 10) && take_number(rest, out.ctime_ns, 10);
  return stamps && (!both || take_number(rest, out.content, 16)) && rest.empty();
}

}  // namespace

std::string to_string(const Version& version) {
  if (version.is_absent()) return std::string(absent_token);
  if (version.is_of_content()) {
    std::string text(content_prefix);
    put_number(text, version.size, 10);
    put_number(text, version.content, 16);
    return text;
  }
  std::string text(version.content == 0 ? stamps_prefix : both_prefix);
  put_number(text, version.device, 16);
  put_number(text, version.inode, 10);
  put_number(text, version.birth_ns, 10);
  put_number(text, version.size, 10);
  put_number(text, version.mtime_ns, 10);
  put_number(text, version.ctime_ns, 10);
  if (version.content != 0) put_number(text, version.content, 16);
  return text;
}

Result<Version> parse_version(std::string_view token) {
  if (token == absent_token) return Version::absent();
  Version version;
  // Refuses other spellings, such as leading zeros and capital digits: to_string does not write
  // them.
  if (take_version(token, version) && !version.is_absent() && to_string(version) == token) {
    return version;
  }
  return make_error(
      "read a version token", {}, ErrorKind::invalid_argument,
      "'" + std::string(token) +
          "' is not a version: pass what `perdure version-of FILE` printed, or 'absent'");
}

}  // namespace perdure
