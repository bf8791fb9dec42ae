// SPDX-License-Identifier: BSL-1.0
// The bytes of a log: its headers and its records. docs/format-log.md has the layout.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

#include "base/checksum.hpp"
#include "log/edits.hpp"
#include "transaction/file_image.hpp"
#include "transaction/journal_format.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Each header and record begins at such a boundary, so that no write touches two of them.
inline constexpr std::uint64_t log_block = 4096;
inline constexpr std::uint64_t segment_count = 2;
/// Each segment has two blocks for headers, written in turn.
inline constexpr std::uint64_t header_blocks = 2 * segment_count;

/// One use of a segment: epochs are counted up and take the segments in turn.
struct LogHeader {
  Identity log{};                  ///< The log file: a copy of it is not this log.
  std::uint64_t segment_size = 0;  ///< Whole blocks.
  std::uint64_t epoch = 0;         ///< From 1 on.
  /// The records of older epochs are settled: the files that they published are durable.
  std::uint64_t live_from = 0;
  std::uint64_t live_number = 0;  ///< Of the first record that is not settled.
  Checksum::Digest salt{};        ///< Random: the records of this epoch are chained to it.
  /// Random, the seed of the records' digests: so nobody can write a content that passes for a
  /// record. All epochs have the same, until recovery chooses another.
  std::uint64_t key = 0;

  friend bool operator==(const LogHeader&, const LogHeader&) = default;
};

/// One block.
[[nodiscard]] Buffer encode_header(const LogHeader& header);
/// Empty for a block without an intact header. ErrorKind::too_new for another format.
Result<std::optional<LogHeader>> decode_header(Bytes block);

/// The offset in the file of the block of an epoch's header. The previous header of the same
/// segment has the other block.
[[nodiscard]] std::uint64_t header_offset(std::uint64_t epoch);
[[nodiscard]] std::uint64_t segment_offset(std::uint64_t epoch, std::uint64_t segment_size);
[[nodiscard]] std::uint64_t log_size(std::uint64_t segment_size);

/// A content that differs from that of an earlier record's file by some edits: then the record has
/// only the edits.
struct Derivation {
  std::uint64_t record = 0;  ///< Its number: of a record that is not settled ...
  std::uint32_t entry = 0;   ///< ... and which of its entries, a `put`.
  std::vector<Edit> edits;
  std::uint64_t hash = 0;  ///< `content_hash` of the result.
  std::size_t depth = 1;   ///< Derivations on the way to a complete content; counted by the writer.
};

struct LoggedFile {
  FileImage image;  ///< Without content where the content is derived.
  std::optional<Derivation> derived{};
};

/// One commit: the entries of a journal, and the new content with them.
struct LogRecord {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;  ///< Counted through all epochs, from 1 on.
  /// All records below this number were durable when this one was written: if one of them is not
  /// there, the log was damaged. Records that were written together may reach the disk in any
  /// order.
  std::uint64_t durable_before = 0;
  /// Its files were on the disk before they had their names.
  bool ordered = false;
  Journal journal;
  std::vector<LoggedFile> files;  ///< For each entry; empty but for a `put`.
  Checksum::Digest previous{};    ///< The digest of the record before, or the epoch's salt.
};

struct EncodedRecord {
  Buffer bytes;  ///< Whole blocks.
  Checksum::Digest digest{};
};
[[nodiscard]] EncodedRecord encode_record(const LogRecord& record, std::uint64_t key);

struct DecodedRecord {
  LogRecord record;
  std::uint64_t size = 0;  ///< Whole blocks.
  Checksum::Digest digest{};
};
/// The record at the front of `rest`, the unread part of the segment of a header's epoch. Empty
/// where the chain ends: these bytes are not a complete record of this epoch after `previous`. A
/// complete one that can't be understood is ErrorKind::recovery_required.
Result<std::optional<DecodedRecord>> decode_record(Bytes rest, const LogHeader& header,
                                                   const Checksum::Digest& previous);

/// The size that a record in this place of the chain claims, complete or not; 0 if there is none at
/// the front of `rest`.
std::uint64_t claimed_size(Bytes rest, std::uint64_t epoch, const Checksum::Digest& previous);

/// `durable_before` of a complete record of this epoch, wherever in the chain it belongs; empty if
/// there is none at the front of `rest`.
std::optional<std::uint64_t> peek_record(Bytes rest, std::uint64_t epoch, std::uint64_t key);

}  // namespace perdure
