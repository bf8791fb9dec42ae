// SPDX-License-Identifier: BSL-1.0
// The content of a journal, and its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>

#include "transaction/tree.hpp"

namespace perdure {

enum class JournalAction : std::uint8_t { put = 1, remove, make_directory, remove_directory };

/// Whether nothing is to be at the path.
[[nodiscard]] constexpr bool removes(JournalAction action) noexcept {
  return action == JournalAction::remove || action == JournalAction::remove_directory;
}

/// For reports: "put", ...
[[nodiscard]] std::string_view word_for(JournalAction action);

/// The file at a path before the transaction. Its ctime is not part of it: our own hard links
/// change that.
struct Before {
  Identity identity;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const Before&, const Before&) = default;
};
[[nodiscard]] inline Before before_of(const Version& version) {
  return {identity_of(version), version.size, version.mtime_ns};
}

/// The change that is wanted of one path.
struct JournalEntry {
  JournalAction action = JournalAction::put;
  std::string path;                ///< Relative to the root, in plain form.
  std::optional<Before> before{};  ///< Empty: nothing was there.
  /// put: `before` is a directory, which goes first. make_directory: `before` is a file or a link,
  /// which goes first. From format 6 on.
  bool changes_type = false;
  std::uint32_t mode = 0;         ///< Of a directory.
  std::uint64_t staged = 0;       ///< put: the number in the staged file's name ...
  Identity staged_identity{};     ///< ... the identity by which it is known ...
  std::uint64_t staged_size = 0;  ///< ... and, from format 3 on, how a copy of it is known ...
  std::int64_t staged_mtime_ns = 0;
  std::string apply_temp{};  ///< ... and the name beside the target on its way there.
};

/// Whether a directory goes, to leave nothing or to make room for a file.
[[nodiscard]] constexpr bool removes_directory(JournalAction action, bool changes_type) noexcept {
  return action == JournalAction::remove_directory ||
         (action == JournalAction::put && changes_type);
}
[[nodiscard]] inline bool removes_directory(const JournalEntry& entry) noexcept {
  return removes_directory(entry.action, entry.changes_type);
}

/// A directory that was there before the transaction, and has paths of it.
struct JournalDirectory {
  std::string path;  ///< Relative to the root; "" is the root itself.
  Identity identity;
};

/// The format that is written; those below it are read.
inline constexpr std::uint32_t journal_format = 3;
/// As format 3, of a journal that removes directories: a program that can't remove them refuses it.
inline constexpr std::uint32_t removal_journal_format = 5;
/// As format 5, for a journal in which a path changes between file and directory.
inline constexpr std::uint32_t type_change_journal_format = 6;
/// The journal of a root whose commits go into a log (lib/log). It has no entries; it makes a
/// program without logs refuse the root.
inline constexpr std::uint32_t log_journal_format = 4;

/// Programs refuse newer formats.
inline constexpr std::uint32_t journal_format_max = type_change_journal_format;

/// One committed transaction: all that redo needs. docs/format.md has the layout.
struct Journal {
  std::string id;
  std::vector<JournalEntry> entries;            ///< In the order in which they are done.
  std::vector<JournalDirectory> directories{};  ///< The root's first; none in format 1.
  Identity private_directory{};                 ///< From format 3 on.
  std::uint32_t format = journal_format;

  [[nodiscard]] bool is_of_log() const noexcept { return format == log_journal_format; }
};

[[nodiscard]] Buffer encode_journal(const Journal& journal);

/// Trusts nothing: a journal that is not intact, or that names a path it must not, is
/// ErrorKind::recovery_required; one of a newer format ErrorKind::too_new.
Result<Journal> decode_journal(Bytes bytes);

}  // namespace perdure
