// SPDX-License-Identifier: BSL-1.0
// The table of errors: by code, step and circumstance, the words that tell what to do.
#pragma once

#include <span>
#include <string_view>
#include <system_error>

#include <perdure/error.hpp>

namespace perdure {

/// Facts that a code does not say. The step that finds one out makes it the error's `detail`.
namespace circumstance {
inline constexpr std::string_view sticky =
    "the directory is sticky (chmod +t), and the file belongs to another user";
inline constexpr std::string_view no_inodes = "there is space left, but no file may be added";
inline constexpr std::string_view is_link = "it is a symbolic link";
inline constexpr std::string_view link_on_the_way = "a symbolic link is on the way";
inline constexpr std::string_view mount_on_the_way = "something is mounted on the way";
inline constexpr std::string_view private_directory_gone =
    "the private directory of this root is gone, and what a crash may have left in it";
}  // namespace circumstance

/// A row of the table. An empty step or circumstance matches any.
struct Advice {
  ErrorKind kind;
  std::errc code;
  std::string_view step;
  std::string_view circumstance;
  std::string_view instead;  ///< The cause in words, where the system's own words mislead.
  std::string_view words;    ///< The advice.
};

/// All rows. Of those that fit an error, the first counts.
[[nodiscard]] std::span<const Advice> advice_table() noexcept;

/// The row of an error; null where there is none.
[[nodiscard]] const Advice* advice_for(const Error& error) noexcept;

}  // namespace perdure
