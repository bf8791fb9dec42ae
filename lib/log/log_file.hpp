// SPDX-License-Identifier: BSL-1.0
// The log of a root as a file: made, read, written again, appended to.
//
// The log has two segments, which epochs take in turn. An epoch begins with a header and ends when
// its segment is full or its records are settled. Then the next epoch, whose header is on the disk
// already, goes on in the other segment. The header of the epoch after it is written to this
// segment's other header block.
//
//     epoch 5 appends --turn()--> epoch 6 appends --turn()--> epoch 7 appends
//        header of 7 written ------^      header of 8 written -----^
//        it is durable with the first flush of epoch 6
//
// L1. No write touches a block with acknowledged records: each write is of whole blocks, and
//     appends begin behind the last record.
// L2. No record goes into an epoch whose header is not durable.
// L3. A header says which records are not settled (live_from, live_number). It is written when all
//     records before these are settled.
// L4. A record belongs to an epoch by its chain, which begins with the header's random salt: old
//     bytes of the segment never pass for one.
// L5. A block whose write the power cut off may be unreadable until it is written again: it counts
//     as torn. If a durable record is missing, the records behind it show that, and so does an open
//     log. Where no header can be read, the disk has failed, and nothing counts as torn.
// L6. Records may go past the page cache, each write durable when it returns. Such a write makes
//     nothing else durable. So the flush that a header waits for goes through the cache.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <perdure/root_options.hpp>

#include "log/log_format.hpp"
#include "log/write_choice.hpp"
#include "transaction/recovery_step.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// The headers that a log has, and its records that are not settled.
struct LogContents {
  std::vector<LogHeader> headers;  ///< The newest of each segment that has one; the oldest first.
  std::vector<DecodedRecord> records;
  std::uint64_t next_number = 1;  ///< Of the record behind them.
  bool unreadable = false;        ///< The disk can't read the part behind the last of them.
  /// Whether this is the file that the headers name, or a copy of it.
  Numbers numbers = Numbers::kept;

  /// The record of a number; null where it is not among these.
  [[nodiscard]] const LogRecord* find(std::uint64_t number) const;
  /// The content of a put.
  [[nodiscard]] Buffer content_of(const LogRecord& record, std::size_t entry) const;
};

class LogFile {
 public:
  /// The log of the root; empty where there is none. `in_use`: a journal says that its records may
  /// count, so that it has a header.
  static Result<std::optional<LogFile>> find(TransactionRoot& root, bool in_use = false);
  /// Makes it in the place of an old one: all of it written, durable with its name, without
  /// headers.
  static Result<LogFile> make(TransactionRoot& root, std::uint64_t segment_size);

  /// Reads it without trust in its content. ErrorKind::recovery_required: it is damaged.
  Result<LogContents> read();
  /// The content that was read may be in the cache and not on the disk. So this writes it to the
  /// same places and flushes.
  Result<void> write_again(const LogContents& contents);
  /// How `flush` writes records from now on. Not `cached` only where direct writes keep their
  /// promise.
  Result<void> choose_writes(LogWrites wanted);
  /// Begins two new epochs after all others, durably. Call it when no record of the log is needed
  /// any more.
  Result<void> begin_anew(const LogContents& contents);

  /// Whether a record of so many bytes has room in this epoch.
  [[nodiscard]] bool has_room(std::uint64_t size) const noexcept {
    return offset_ + size <= segment_size_;
  }
  [[nodiscard]] bool is_empty() const noexcept { return offset_ == 0; }

  /// Gives the record its place in the chain, behind all that were added before.
  EncodedRecord chain(LogRecord& record) const;
  /// Adds an encoded record to the bytes that the next `flush` writes.
  void add(const EncodedRecord& record);
  /// Writes the added records, and makes them durable, with a header that was written before: the
  /// commit point. After a failure nobody knows which of them the disk has.
  Result<void> flush();

  /// All records are settled: goes on in the other segment. The header that says so is on its way,
  /// and becomes durable with the next `flush`.
  Result<void> turn();
  /// Whether everything that was written is durable.
  [[nodiscard]] bool is_flushed() const noexcept { return flushed_; }

 private:
  LogFile(TransactionRoot& root, OwnedHandle file, const Status& status);

  Result<void> write(std::uint64_t offset, Bytes bytes);
  Result<bool> write_through(std::uint64_t offset, Bytes bytes);
  [[nodiscard]] bool may_be_direct() const noexcept;
  Result<void> write_added(bool direct);
  struct Part;
  Result<Part> read_part(std::uint64_t offset, std::uint64_t size);
  Result<void> check_disk();
  Result<void> check_headers(const LogContents& contents, const LogHeader& newest);
  Result<void> check_end(Bytes rest, const LogHeader& header, const LogContents& contents) const;
  [[nodiscard]] static bool is_cut(const Part& segment, Bytes rest, std::uint64_t epoch,
                                   const Checksum::Digest& previous);
  Result<void> check_derived(const LogRecord& record, const LogContents& before) const;
  Result<void> read_epoch(const LogHeader& header, LogContents& contents);
  Result<LogHeader> write_header(std::uint64_t epoch, std::uint64_t live_from);
  void enter(const LogHeader& header);
  [[nodiscard]] Error damaged(std::string detail) const;

  TransactionRoot* root_;
  OwnedHandle file_;
  Identity identity_;
  std::uint64_t size_ = 0;
  std::uint64_t segment_size_ = 0;
  bool in_use_ = false;

  std::uint64_t epoch_ = 0;
  std::uint64_t offset_ = 0;  ///< In the segment, behind the added records.
  std::uint64_t next_number_ = 1;
  std::uint64_t durable_before_ = 1;  ///< Records below it were flushed.
  Checksum::Digest last_{};           ///< Of the record that was added last, or the epoch's salt.
  LogHeader next_{};                  ///< Of the epoch behind this one.
  std::uint64_t key_ = 0;             ///< Of all headers since the log began anew.
  DirectBuffer added_;                ///< Belongs before `offset_`.
  bool flushed_ = true;

  OwnedHandle direct_;                 ///< For writes past the cache, where there are such.
  std::optional<WriteChoice> choice_;  ///< If it is left to us.
};

}  // namespace perdure
