// SPDX-License-Identifier: BSL-1.0
// One state of the model: the file system, the log, the process, and what was promised.
//
// The model has what lib/log does, call by call (calls_test.cpp compares them): two header blocks
// for each segment, the header that becomes durable with the next record's flush, `live_from` and
// `live_number`, records that say which were durable before them, befores and their syncs, the
// journal of format 4, the end of the log before another protocol's commit, recovery at the start
// and in place. Two paths: `d/x`, whose directory another program may replace, and `y`.
//
// It leaves out: the reserve file, which the library does not have yet; directories that a record
// makes; contents of more than one block, and records that say what changed of one; copied roots; a
// rename that is several steps on the disk; a file system whose journal died
// (lib/engine/confirm.hpp); damage of the log, which tests/log/damage_test.cpp has; and time: two
// changes never have one stamp.
//
// Everything is a small number, and nothing has padding, so that a state is its bytes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "model/row.hpp"

namespace perdure::model {

using FileId = std::uint8_t;   ///< A file as inode and time of birth name it; 0: nothing.
using Stamp = std::uint8_t;    ///< A time of modification; later ones are larger.
using Content = std::uint8_t;  ///< Of a file, by who wrote it; see below.
using Salt = std::uint8_t;     ///< A random number, or the digest of a record.
using Number = std::uint8_t;   ///< Of a record, or of an epoch.

inline constexpr Content damaged = 0;  ///< A crash left that of unsynced data.
inline constexpr Content absent = 1;   ///< No file.
inline constexpr Content first_own = 2;
inline constexpr Content first_foreign = 128;
inline constexpr Content first_old = 250;

/// The two paths: `d/x`, and `y` at the root.
enum class Path : std::uint8_t { x, y };
inline constexpr std::size_t path_count = 2;
inline constexpr std::array both_paths{Path::x, Path::y};
[[nodiscard]] constexpr std::size_t index_of(Path path) {
  return static_cast<std::size_t>(path);
}

/// Directories, as bits of a set. Somebody may put `second` into the place of `first`, as `d`.
inline constexpr std::uint8_t no_directory = 0;
inline constexpr std::uint8_t top = 1;
inline constexpr std::uint8_t first = 2;
inline constexpr std::uint8_t second = 4;
inline constexpr std::uint8_t own = 8;

/// The names that lead to something: `x` in either directory, `y`, `d`, and the journal `j`.
enum class Name : std::uint8_t { x_in_first, x_in_second, y, d, j };
inline constexpr std::size_t name_count = 5;
/// A name leads to a FileId, `d` to a directory, `j` to a Journal, counted from 1 on.
using Names = std::array<std::uint8_t, name_count>;
inline constexpr std::uint8_t journal_of_log = 1;

struct File {
  Content now = damaged;
  Content disk = damaged;
  Stamp time_now = 0;
  Stamp time_disk = 0;
  /// A failed flush lost its data: the cache has it, and takes it for written.
  bool lost = false;
};

/// A change of names that a power cut can still undo, or data whose writeback was awaited.
struct Change {
  std::uint8_t is_entry = 0;     ///< Otherwise `about` was awaited.
  std::uint8_t has_name = 0;     ///< Otherwise only directories of our own change.
  Name name = Name::x_in_first;  ///< Leads to `value` from now on.
  std::uint8_t value = 0;
  std::uint8_t directories = 0;  ///< A sync of any of these brings it to the disk.
  FileId about = 0;              ///< A sync of this file, too, where there is an order.
};

/// Nothing was at a path, or this file with this time of modification.
struct Before {
  FileId file = 0;
  Stamp time = 0;
  friend bool operator==(const Before&, const Before&) = default;
};

enum class Action : std::uint8_t { none, put, remove };

/// A record's, or a journal's, word on one path.
struct Entry {
  Action action = Action::none;
  Before before{};
  Before staged{};  ///< put: the file that it makes of the path.
  Content content = absent;
};

struct Record {
  Number epoch = 0;
  Number number = 0;
  Number durable_before = 0;
  Salt previous = 0;
  Salt digest = 0;
  std::uint8_t directory = 0;  ///< The one that was `d`, if it has a word on `d/x`.
  std::array<Entry, path_count> entries{};
};

struct Header {
  Number epoch = 0;  ///< 0: no whole header is in the block.
  Number live_from = 0;
  Number live_number = 0;
  Salt salt = 0;
  friend bool operator==(const Header&, const Header&) = default;
};

/// The journal of a transaction on one path that went another way than through the log.
struct Journal {
  Path path = Path::x;
  std::uint8_t directory = 0;
  Entry entry{};
};

/// A place in the log: what the cache has, what the disk has. 0 is nothing whole.
template <class T>
struct Cell {
  T now{};
  T disk{};
  bool dirty = false;
};

inline constexpr std::size_t segments = 2;
inline constexpr std::size_t header_blocks = 4;
inline constexpr std::size_t records_max = 3;  ///< In one segment.

struct Disk {
  Names now{};
  Names disk{};
  Row<Change, 32> changes;  ///< Leads from `disk` to `now`.
  Row<File, 44> files;      ///< By FileId; 0 is never used.
  std::array<Cell<Header>, header_blocks> headers{};
  /// 1 + the place of a record in `records`; 0: no whole record.
  std::array<std::array<Cell<std::uint8_t>, records_max>, segments> cells{};
  Row<Record, 24> records;
  Row<Journal, 8> journals;  ///< The first is that of the log.
  Stamp clock = 0;
  Salt salts = 0;
  bool staged_left = false;   ///< Of a journal: its staged file lies there.
  bool flush_failed = false;  ///< Since the last recovery that ended.
  bool power_lost = false;    ///< The same.
};

/// LogWriter, LogFile and KnownDurable keep this in memory.
struct Memory {
  bool up = false;
  bool live = false;
  bool stopped = false;
  bool flushed = true;
  std::uint8_t offset = 0;
  Number epoch = 0;
  Number next_number = 1;
  Number durable_before = 1;
  Salt last = 0;
  Header next{};
  std::array<Before, path_count> known{};   ///< Files that are durable, or come back with records.
  std::uint8_t unchanged = 0;               ///< Directories whose stamps are known.
  std::uint8_t tried = 0;                   ///< Directories in which a link was tried out, once.
  std::uint8_t way = 0;                     ///< The directory `d` that is durable in its parent.
  std::uint8_t left = 0;                    ///< Paths whose files are left for the settling: bits.
  std::uint8_t overtaken = 0;               ///< Of these: that others have changed since.
  std::array<Before, path_count> staged{};  ///< The files that they get; nothing for a removal.
  bool sync_failed = false;                 ///< A sync of what is there before a record.
  std::uint8_t last_directory = own;        ///< Whose sync brings the last change to the disk.
};

/// A change of the tree that somebody made or wanted.
struct Promise {
  enum class Status : std::uint8_t {
    none,
    kept,      ///< It must be there: acknowledged, or another program's and durable.
    pending,   ///< Ours, not answered yet, or as `unknown`: there or not.
    unsynced,  ///< Another program's: there until the power goes, then there or not.
    maybe,     ///< There or not.
  };
  Status status = Status::none;
  bool chained = false;      ///< Not there without the one before it.
  std::uint8_t touched = 0;  ///< Bits by Path.
  std::array<Content, path_count> content{};
};

using Tree = std::array<Content, path_count>;

/// The tree may be what it was, changed by the promises since, in their order.
struct History {
  Tree tree{};
  Row<Promise, 12> promises;
  /// Paths that the log made, or removed, since the last settling that was told: what another
  /// program deletes there may come back (docs/log.md).
  std::uint8_t made = 0;
  /// Of each of these the contents that its last records gave it, newest first.
  std::array<std::array<Content, 2>, path_count> own{};
  std::uint8_t others = 0;  ///< Paths that another program changed: bits, too.
};

/// How much may still happen.
struct Budget {
  std::uint8_t commits = 4;
  std::uint8_t crashes = 1;
  std::uint8_t failures = 0;  ///< Of flushes.
  std::uint8_t foreign = 0;   ///< Changes by other programs.
  std::uint8_t journals = 0;  ///< Commits by another protocol.
  std::uint8_t settles = 0;   ///< Root::settle, Root::close.
};

struct State {
  Disk disk;
  Memory memory;
  History history;
  Budget left;
  std::uint8_t commits = 0;  ///< Contents are named after them.
  std::uint8_t foreigners = 0;
};
static_assert(std::has_unique_object_representations_v<State>);

/// Readers of the paths find this, in the cache.
[[nodiscard]] Tree tree_of(const Disk& disk);
/// `Root::read` finds this: also the files that are left for the settling.
[[nodiscard]] Tree read_tree(const State& state);
[[nodiscard]] Name name_of(const Disk& disk, Path path);
[[nodiscard]] std::uint8_t directory_of(const Disk& disk, Path path);

/// Gives everything new, small numbers, and forgets what nothing leads to: states that differ in
/// nothing that anybody can see have the same bytes. Contents keep their names.
void normalise(State& state, bool keep_stale);

struct Key {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Key&, const Key&) = default;
};
/// Of a normalised state, whatever its contents are named.
[[nodiscard]] Key key_of(const State& state);

}  // namespace perdure::model
