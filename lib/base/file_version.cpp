// SPDX-License-Identifier: BSL-1.0
// Versions of files as text, there and back.
#include <array>
#include <charconv>

#include <perdure/file_version.hpp>

namespace perdure {
namespace {

constexpr std::string_view prefix = "v1";
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

}  // namespace

std::string to_string(const Version& version) {
  if (version.is_absent()) return std::string(absent_token);
  std::string text(prefix);
  put_number(text, version.device, 16);
  put_number(text, version.inode, 10);
  put_number(text, version.birth_ns, 10);
  put_number(text, version.size, 10);
  put_number(text, version.mtime_ns, 10);
  put_number(text, version.ctime_ns, 10);
  return text;
}

Result<Version> parse_version(std::string_view token) {
  if (token == absent_token) return Version::absent();
  Version version;
  std::string_view rest = token;
  const bool whole =
      rest.starts_with(prefix) && (rest.remove_prefix(prefix.size()), true) &&
      take_number(rest, version.device, 16) && take_number(rest, version.inode, 10) &&
      take_number(rest, version.birth_ns, 10) && take_number(rest, version.size, 10) &&
      take_number(rest, version.mtime_ns, 10) && take_number(rest, version.ctime_ns, 10) &&
      rest.empty();
  // Leading zeros and capital digits, say: nothing that to_string writes.
  if (whole && !version.is_absent() && to_string(version) == token) return version;
  return Error{
      .kind = ErrorKind::invalid_argument,
      .fate = Fate::unchanged,
      .cause = {},
      .step = "read a version token",
      .path = {},
      .detail = "'" + std::string(token) +
                "' is not a version: pass what `perdure version FILE` printed, or 'absent'"};
}

}  // namespace perdure
