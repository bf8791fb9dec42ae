// SPDX-License-Identifier: BSL-1.0
// Looks users and groups up by name.
#include "options/owner.hpp"

#include <cerrno>
#include <charconv>
#include <grp.h>
#include <pwd.h>
#include <vector>

namespace perdure::cli {
namespace {

/// The record of `name`, by a call of getpwnam_r(3)'s form.
template <class Record, class Call>
std::optional<Record> look_up(const std::string& name, Call call) {
  constexpr std::size_t room_max = std::size_t{1} << 20U;
  for (std::vector<char> room(1024); room.size() <= room_max; room.resize(room.size() * 2)) {
    Record record{};
    Record* found = nullptr;
    const int code = call(name.c_str(), &record, room.data(), room.size(), &found);
    if (code == ERANGE) continue;
    return found == nullptr ? std::optional<Record>() : record;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> number_of(const std::string& text) {
  constexpr std::uint32_t nobody_at_all = 0xFFFFFFFF;  // chown(2): leave as it is
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool whole = error == std::errc{} && stop == end && number != nobody_at_all;
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> find_user(const std::string& text) {
  const auto record = look_up<passwd>(text, &::getpwnam_r);
  return record ? std::optional<std::uint32_t>(record->pw_uid) : number_of(text);
}

std::optional<std::uint32_t> find_group(const std::string& text) {
  const auto record = look_up<group>(text, &::getgrnam_r);
  return record ? std::optional<std::uint32_t>(record->gr_gid) : number_of(text);
}

std::string check_user(const std::string& text) {
  return find_user(text) ? std::string{} : "'" + text + "' is neither a user nor a number of one";
}

std::string check_group(const std::string& text) {
  return find_group(text) ? std::string{} : "'" + text + "' is neither a group nor a number of one";
}

CLI::Option* add_keep_special_option(CLI::App& command, bool& keep_special) {
  return command.add_flag("--keep-special", keep_special,
                          "Keep set-user-id, set-group-id and capabilities, too, which\n"
                          "new content else does not get");
}

}  // namespace perdure::cli
