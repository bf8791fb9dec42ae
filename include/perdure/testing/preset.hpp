// SPDX-License-Identifier: BSL-1.0
// The presets: the states that file systems leave after a power cut, as data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/detail/language.hpp>

namespace perdure::testing {

/// The rules, as data, by which a file system treats operations that a power cut finds pending.
///
/// Three classes of operations: content of a file, metadata of a file, entries of a directory. A
/// crash state is a set of operations that contains, with each operation, all operations on which
/// it depends. Then content that was not synced is torn. The rules say which operation depends on
/// which, and how content tears.
///
/// A preset allows at least what the file system does. Where the kernel gives no promise that a
/// program may rely on, the preset takes the harsher reading. A program that passes under a preset
/// passes on the file system; one that fails under it need not fail on every kernel.
struct Preset {
  /// In which sizes a file with unsynced content may be found.
  enum class Sizes : std::uint8_t {
    any,     ///< Every tear point: 0, 1, 511, 512, 4095, 4096, each block, the end of each write.
    blocks,  ///< Block boundaries and the ends of writes; the last block below the size is new.
    prefix,  ///< As `blocks`, and everything below the size is new.
  };

  /// A rule and its source: a manual page, a paper, a kernel file, or a measurement.
  struct Rule {
    std::string_view statement;  ///< The rule, for people.
    std::string_view source;     ///< The page, paper or kernel file.
  };

  std::string_view name;          ///< "ext4_journal"
  std::string_view file_system;   ///< The type that `describe` returns: "ext4".
  std::string_view mount_option;  ///< "data=journal", or empty.

  /// Metadata and entries reach the disk in the order of the calls: a journal.
  bool ordered = false;
  /// Content too.
  bool content_ordered = false;
  /// A rename is three operations that may survive one without the other.
  bool split_rename = false;
  /// sync_file makes the names of the file durable, with all that was ordered before them.
  bool sync_reaches_names = false;
  /// Content whose writeback was awaited takes its place in the order: no later entry survives
  /// without it.
  bool awaited_ordered = false;
  /// A sync writes the synced file or directory alone, ahead of changes that were issued before it.
  bool sync_overtakes = false;

  /// sync_file_system forces the journal and sends no flush of its own. Content that was written
  /// over changes nothing in the journal, so it may stay in the disk's cache.
  bool sync_of_all_leaves_overwritten = false;

  /// A journal whose commit failed tells those syncs that waited for it, and no later one.
  bool dead_journal_is_silent = false;

  Sizes sizes = Sizes::any;  ///< Of files with unsynced content.
  bool zeros = true;         ///< Unsynced blocks below the size may be zeros.
  bool garbage = true;       ///< ... or anything at all,
  bool unreadable = false;   ///< ... or EIO, until they are written anew.

  std::span<const Rule> rules;  ///< The reasons for the fields above.
  /// Names of the oracles that no program can satisfy under this preset, whatever it does.
  std::span<const std::string_view> exempt;
};

namespace presets {
/// Operations are ordered only as manual pages promise; a rename is atomic.
extern PERDURE_TESTING_API const Preset worst;
/// As worst, and a rename is three steps. The target may be missing; see `exempt`.
extern PERDURE_TESTING_API const Preset split_rename;
/// ext4 as it is mounted by default (data=ordered, delayed allocation).
extern PERDURE_TESTING_API const Preset ext4;
/// ext4 with data=journal.
extern PERDURE_TESTING_API const Preset ext4_journal;
/// xfs as it is mounted by default.
extern PERDURE_TESTING_API const Preset xfs;
/// btrfs as it is mounted by default.
extern PERDURE_TESTING_API const Preset btrfs;
}  // namespace presets

/// All of them, in the order above.
[[nodiscard]] PERDURE_TESTING_API std::span<const Preset* const> all_presets() noexcept;

/// The preset of that name; nullptr if there is none.
[[nodiscard]] PERDURE_TESTING_API const Preset* find_preset(std::string_view name) noexcept;

}  // namespace perdure::testing
