// SPDX-License-Identifier: BSL-1.0
// All names that the library gives to files, made and parsed in one place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/system/environment.hpp>

#include "base/internal.hpp"

// Every name that the library puts on disk is made here and parsed here, and nowhere else:
//
//   .LEAF.RRRRRRRRRRRRRRRR.perdure-tmp   a temp: 80 random bits in 16 characters
//   .LEAF.RRRRRRRRRRRRRRRR.perdure-put   an apply temp: of a transaction, named in its journal
//   .LEAF.perdure-lock                   the lock of a target
//   .LEAF~HHHHHHHHHHHHHHHH.perdure-lock  the same for a leaf too long for it: a hash of all of it
//   .LEAF.42.perdure-prev                generation 42 of a tracked state (shortened like a lock)
//   .LEAF.42.RRRRRRRRRRRRRRRR.perdure-prev  the same, where the first name was planted
//   LEAF.damaged-42.RRRRRRRRRRRRRRRR     a damaged state file, set aside; 42 or more was the newest
//   LEAF + suffix                        a backup; the suffix is the caller's
//   .LEAF.perdure-copy                   the work directory of a copy of a root, to be called LEAF
//                                        (shortened like a lock); in it:
//     .perdure-copy                      its marker
//     tree                               the copy, until it is whole
//   .perdure-root                        marks a root of transactions and says where its private
//                                        directory is; in that one:
//     .root.perdure-lock                 the root's lock
//     s_RRRRRRRRRRRRRRRR_7               a staged file: the transaction's id and a number
//     j, j.tmp                           the journal, and it before it is complete
//     j.copy                             the same journal once more, made by its recovery
//     log, log.tmp                       the log, and it before it is complete
//     abandoned-RRRRRRRRRRRRRRRR         evidence of what was given up, or left alone
namespace perdure::names {

/// NAME_MAX of every file system that matters here, in bytes.
inline constexpr std::size_t length_max = 255;

/// Why `leaf` can't be a target's name; empty when it can.
[[nodiscard]] std::string_view fault_of_leaf(std::string_view leaf);

/// A temp's name for `leaf` that nobody can guess. LEAF is cut short where it would not fit: it
/// is there for people, the random part makes the name. `size_max`: less than 40 bytes count as 40.
SysResult<std::string> make_temp(std::string_view leaf, Environment& environment,
                                 std::size_t size_max = length_max);
[[nodiscard]] bool is_temp(std::string_view name);
/// The same for a file on its way from a transaction's staged file to its target. Nobody has it
/// open, so only its journal can tell whether it is still needed. `is_temp` is false for it.
SysResult<std::string> make_apply_temp(std::string_view leaf, Environment& environment);
[[nodiscard]] bool is_apply_temp(std::string_view name);
/// Whether the library gives such names to its own files beside targets: temps, locks, previous
/// generations, copies under way, a root's marker. A target can't have such a name: nobody may put,
/// move or remove it. Backups and damaged files that were set aside belong to their users. The case
/// of ASCII letters does not count, since a directory may not tell it apart.
[[nodiscard]] bool is_own(std::string_view name);
/// Whether it is the name of a previous generation of some state.
[[nodiscard]] bool is_previous(std::string_view name);
/// `name` with the ASCII letters in lower case.
[[nodiscard]] std::string folded(std::string_view name);

/// The one lock of `leaf`. Two leaves share one only if both are too long for a lock of their own
/// and have the same hash. Then they wait for each other.
[[nodiscard]] std::string lock_of(std::string_view leaf);
[[nodiscard]] bool is_lock(std::string_view name);

/// The work directory of the copy of a root that is to be called `leaf`; in it a file that marks
/// it, and the copy.
[[nodiscard]] std::string copy_of(std::string_view leaf);
inline constexpr std::string_view copy_marker = ".perdure-copy";
inline constexpr std::string_view copy_tree = "tree";

/// The backup of `leaf`.
[[nodiscard]] std::string backup_of(std::string_view leaf, std::string_view suffix);

/// The names of a previous generation of the state `leaf`, and back from both. One is the usual
/// name. The other is new and can't be guessed, for where another user has planted the usual one.
[[nodiscard]] PERDURE_INTERNAL_API std::string previous_of(std::string_view leaf,
                                                           std::uint64_t generation);
PERDURE_INTERNAL_API SysResult<std::string> make_previous(std::string_view leaf,
                                                          std::uint64_t generation,
                                                          Environment& environment);
[[nodiscard]] PERDURE_INTERNAL_API std::optional<std::uint64_t> parse_previous(
    std::string_view name, std::string_view leaf);

/// A new name, that nobody can guess, for the damaged file of the state `leaf`, and back.
PERDURE_INTERNAL_API SysResult<std::string> make_damaged(std::string_view leaf,
                                                         std::uint64_t generation,
                                                         Environment& environment);
[[nodiscard]] PERDURE_INTERNAL_API std::optional<std::uint64_t> parse_damaged(
    std::string_view name, std::string_view leaf);

inline constexpr std::string_view root_marker = ".perdure-root";
/// The private directory of a root that does not name another one.
inline constexpr std::string_view usual_private_directory = ".perdure";
inline constexpr std::string_view root_lock = "root";  ///< The leaf whose lock is the root's.
inline constexpr std::string_view journal = "j";
inline constexpr std::string_view journal_temp = "j.tmp";
inline constexpr std::string_view journal_copy = "j.copy";
inline constexpr std::string_view log = "log";
inline constexpr std::string_view log_temp = "log.tmp";

SysResult<std::string> make_transaction_id(Environment& environment);
[[nodiscard]] bool is_transaction_id(std::string_view text);
[[nodiscard]] std::string staged_of(std::string_view id, std::uint64_t number);
[[nodiscard]] bool is_staged(std::string_view name);
SysResult<std::string> make_abandoned(Environment& environment);
/// The same for the paths that a transaction left alone: one name for each transaction, so that it
/// is made once.
[[nodiscard]] std::string abandoned_by(const std::string& id);

}  // namespace perdure::names
