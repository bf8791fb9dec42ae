// SPDX-License-Identifier: BSL-1.0
// Reads and writes the log file by whole blocks.
#include "log/log_file.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/unlink.hpp"
#include "transaction/journal_file.hpp"

namespace perdure {
namespace {

constexpr std::string_view log_step = "open the log";
constexpr std::string_view make_step = "make the log";
constexpr std::string_view read_step = "read the log";
constexpr std::string_view write_step = "write to the log";
constexpr std::uint64_t segment_size_max = std::uint64_t{1} << 30U;
/// Bytes that are written past the cache at once where it is left to us: so many were measured.
constexpr std::size_t direct_size_max = std::size_t{64} << 10U;

/// Whether the kernel, the disk or a filter of system calls has no direct writes.
bool is_refused(const std::error_code& error) {
  return error == std::errc::invalid_argument || error == std::errc::operation_not_supported ||
         error == std::errc::function_not_supported || error == std::errc::operation_not_permitted;
}

}  // namespace

LogFile::LogFile(TransactionRoot& root, OwnedHandle file, const Status& status)
    : root_(&root),
      file_(std::move(file)),
      identity_(identity_of(status.version)),
      size_(status.version.size),
      segment_size_((size_ - header_blocks * log_block) / segment_count) {}

Result<std::optional<LogFile>> LogFile::find(TransactionRoot& root, bool in_use) {
  const std::string name(names::log);
  auto opened = root.files.open_lock(root.private_directory.get(), name);
  if (!opened && opened.error() == std::errc::read_only_file_system) {  // enough to look on
    opened = root.files.open_file(root.private_directory.get(), name);
  }
  if (!opened && is_missing(opened.error())) return std::optional<LogFile>();
  if (!opened) return root.failure(read_step, "", opened.error());
  OwnedHandle file(root.files, opened.value());
  BOOST_OUTCOME_TRY(const Status status, root.checked(read_step, "", root.files.stat(file.get())));
  const std::uint64_t size = status.version.size;
  const std::uint64_t heads = header_blocks * log_block;
  if (status.type != FileType::regular || size <= heads ||
      (size - heads) % (segment_count * log_block) != 0 || size > log_size(segment_size_max)) {
    return root.failure(read_step, "", ErrorKind::recovery_required,
                        "the log has an impossible size" + std::string(refused_journal_advice));
  }
  LogFile log(root, std::move(file), status);
  log.in_use_ = in_use;
  return std::optional(std::move(log));
}

Result<LogFile> LogFile::make(TransactionRoot& root, std::uint64_t segment_size) {
  const Handle directory = root.private_directory.get();
  const std::string temp(names::log_temp);
  const std::uint64_t rounded =
      std::clamp(segment_size / log_block, std::uint64_t{2}, segment_size_max / log_block) *
      log_block;
  BOOST_OUTCOME_TRY(root.checked(make_step, "", unlink_if_there(root.files, directory, temp)));
  BOOST_OUTCOME_TRY(const Handle made,
                    root.checked(make_step, "", root.files.create(directory, temp, 0600)));
  OwnedHandle file(root.files, made);
  if (root.keeper) {
    BOOST_OUTCOME_TRY(root.checked(make_step, "", give_to(root.files, made, *root.keeper)));
  }
  BOOST_OUTCOME_TRY(const Status status, root.checked(make_step, "", root.files.stat(made)));
  LogFile log(root, std::move(file), status);
  log.size_ = log_size(rounded);
  log.segment_size_ = rounded;
  // The blocks are written, not only reserved: a later append must not change the metadata that
  // leads to them.
  constexpr std::uint64_t piece_max = std::uint64_t{1} << 20U;
  const Buffer zeros(static_cast<std::size_t>(std::min(piece_max, log.size_)));
  for (std::uint64_t at = 0; at < log.size_; at += zeros.size()) {
    const std::uint64_t piece = std::min<std::uint64_t>(zeros.size(), log.size_ - at);
    BOOST_OUTCOME_TRY(log.write(at, Bytes(zeros).first(static_cast<std::size_t>(piece))));
  }
  BOOST_OUTCOME_TRY(root.checked(make_step, "", root.files.sync_file(made)));
  BOOST_OUTCOME_TRY(root.checked(
      make_step, "",
      root.files.rename(directory, temp, directory, std::string(names::log), RenameMode::replace)));
  BOOST_OUTCOME_TRY(root.synced(make_step, "", sync_entries(root.files, directory)));
  return log;
}

Error LogFile::damaged(std::string detail) const {
  return root_->failure(read_step, "", ErrorKind::recovery_required,
                        std::move(detail) + std::string(refused_journal_advice));
}

/// A block can't be read: a power cut may have torn it. Fails where the whole disk can't be read.
Result<void> LogFile::check_disk() {
  Buffer block(static_cast<std::size_t>(log_block));
  SysResult<std::size_t> count = std::size_t{0};
  for (std::uint64_t i = 0; i < header_blocks; ++i) {
    count = root_->files.read_at(file_.get(), i * log_block, block);
    if (count) return success();
  }
  return root_->failure(read_step, "", count.error());
}

/// Blocks that were read. A block that can't be read is zeros: neither a header nor a record begins
/// so.
struct LogFile::Part {
  Buffer bytes;
  std::set<std::size_t> unreadable{};  ///< Where such blocks begin.
};

Result<LogFile::Part> LogFile::read_part(std::uint64_t offset, std::uint64_t size) {
  Part part{Buffer(static_cast<std::size_t>(size))};
  Buffer& bytes = part.bytes;
  constexpr auto block = static_cast<std::size_t>(log_block);  // 32 bits have room for it
  std::size_t done = 0;
  std::size_t piece_max = bytes.size();
  while (done < bytes.size()) {
    const auto rest = std::span(bytes).subspan(done);
    const auto count = root_->files.read_at(file_.get(), offset + done,
                                            rest.first(std::min(piece_max, rest.size())));
    if (!count && count.error() != std::errc::io_error) {
      return root_->failure(read_step, "", count.error());
    }
    if (!count && piece_max > block) {  // which block it is
      piece_max = block;
      done = done / block * block;
      continue;
    }
    if (!count) {
      BOOST_OUTCOME_TRY(check_disk());
      part.unreadable.insert(done);
    }
    if (count && count.value() == 0) return damaged("the log was cut off while it was read");
    done += count ? count.value() : block;
  }
  return part;
}

Result<void> LogFile::write(std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    BOOST_OUTCOME_TRY(
        const std::size_t count,
        root_->checked(write_step, "", root_->files.write_at(file_.get(), offset, bytes)));
    if (count == 0) {
      return root_->failure(write_step, "", std::make_error_code(std::errc::io_error));
    }
    offset += count;
    bytes = bytes.subspan(count);
  }
  return success();
}

Result<void> LogFile::choose_writes(LogWrites wanted) {
  if (wanted == LogWrites::cached) return success();
  auto opened = root_->files.open_direct(root_->private_directory.get(), std::string(names::log));
  if (!opened && wanted == LogWrites::measured) return success();  // through the cache it goes
  if (!opened) {
    Error error = root_->failure(log_step, "", opened.error());
    error.detail += "; LogWrites::measured does without direct writes";
    return error;
  }
  direct_ = OwnedHandle(root_->files, opened.value());
  BOOST_OUTCOME_TRY(const Status status,
                    root_->checked(log_step, "", root_->files.stat(direct_.get())));
  if (identity_of(status.version) != identity_) {
    return root_->failure(log_step, "", ErrorKind::conflict,
                          "somebody replaced the log in the meantime; open the root again");
  }
  if (wanted == LogWrites::measured) choice_.emplace();
  return success();
}

/// Writes past the cache, durably. False where that can't be: any part may be written. After an
/// error, too, records go through the cache: what fails is maybe this way alone.
Result<bool> LogFile::write_through(std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const auto count = root_->files.write_through(direct_.get(), offset, bytes);
    const std::uint64_t blocks = count ? count.value() / log_block : 0;
    if (blocks == 0) {
      direct_.reset();
      choice_.reset();
    }
    if (!count && is_refused(count.error())) return false;
    if (!count) return root_->failure(write_step, "", count.error());
    if (blocks == 0) {
      return root_->failure(write_step, "", std::make_error_code(std::errc::io_error));
    }
    offset += blocks * log_block;
    bytes = bytes.subspan(static_cast<std::size_t>(blocks * log_block));
  }
  return true;
}

/// The chain ends before `rest`: the next record was torn, or never written. If a later record says
/// that this one was durable, the log is damaged.
Result<void> LogFile::check_end(Bytes rest, const LogHeader& header,
                                const LogContents& contents) const {
  for (; rest.size() >= log_block; rest = rest.subspan(static_cast<std::size_t>(log_block))) {
    const auto durable_before = peek_record(rest, header.epoch, header.key);
    if (durable_before && *durable_before > contents.next_number) {
      return damaged("a record of the log is damaged");
    }
  }
  return success();
}

/// Whether the end of the chain has a block that can't be read, where there may have been a
/// complete record.
bool LogFile::is_cut(const Part& segment, Bytes rest, std::uint64_t epoch,
                     const Checksum::Digest& previous) {
  const std::size_t begin = segment.bytes.size() - rest.size();
  const std::uint64_t size =
      std::max(claimed_size(rest, epoch, previous), std::min<std::uint64_t>(rest.size(), 1));
  const auto cut = segment.unreadable.lower_bound(begin);
  return cut != segment.unreadable.end() && *cut - begin < size;
}

const LogRecord* LogContents::find(std::uint64_t number) const {
  if (records.empty() || number < records.front().record.number) return nullptr;
  const std::uint64_t at = number - records.front().record.number;
  return at < records.size() ? &records[static_cast<std::size_t>(at)].record : nullptr;
}

Buffer LogContents::content_of(const LogRecord& record, std::size_t entry) const {
  std::vector<const Derivation*> derivations;
  const LoggedFile* file = &record.files[entry];
  while (file->derived) {
    derivations.push_back(&*file->derived);
    file = &find(file->derived->record)->files[file->derived->entry];
  }
  Buffer content = file->image.content;
  for (; !derivations.empty(); derivations.pop_back()) {
    content = edited(content, derivations.back()->edits);
  }
  return content;
}

/// Fails unless the contents from which its files are derived are there, and the edits fit.
Result<void> LogFile::check_derived(const LogRecord& record, const LogContents& before) const {
  for (std::size_t i = 0; i < record.files.size(); ++i) {
    const auto& derived = record.files[i].derived;
    if (!derived) continue;
    const LogRecord* const base = before.find(derived->record);
    const bool is_put = base != nullptr && derived->entry < base->journal.entries.size() &&
                        base->journal.entries[derived->entry].action == JournalAction::put;
    if (!is_put || !fit(derived->edits, base->journal.entries[derived->entry].staged_size,
                        record.journal.entries[i].staged_size)) {
      return damaged("a record of the log is derived from what is not there");
    }
  }
  return success();
}

/// The records of one epoch, up to the end of its chain.
Result<void> LogFile::read_epoch(const LogHeader& header, LogContents& contents) {
  BOOST_OUTCOME_TRY(const Part segment,
                    read_part(segment_offset(header.epoch, segment_size_), segment_size_));
  Bytes rest = segment.bytes;
  Checksum::Digest previous = header.salt;
  while (!rest.empty()) {
    auto decoded = decode_record(rest, header, previous);
    if (!decoded) return damaged(decoded.error().detail);
    if (!decoded.value()) {
      contents.unreadable = contents.unreadable || is_cut(segment, rest, header.epoch, previous);
      return check_end(rest, header, contents);
    }
    DecodedRecord& found = *decoded.value();
    if (found.record.number != contents.next_number) {
      return damaged("records of the log are missing");
    }
    for (const JournalEntry& entry : found.record.journal.entries) {
      if (!root_->check_path(read_step, entry.path, TransactionRoot::Naming::of_states)) {
        return damaged("the log names a path that is refused");
      }
    }
    BOOST_OUTCOME_TRY(check_derived(found.record, contents));
    ++contents.next_number;
    previous = found.digest;
    rest = rest.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(found.size, rest.size())));
    contents.records.push_back(std::move(found));
  }
  return success();
}

/// No record is written to an epoch whose header is not durable. If there is a record and no
/// header, the header was damaged.
Result<void> LogFile::check_headers(const LogContents& contents, const LogHeader& newest) {
  for (std::uint64_t epoch = newest.live_from; epoch < newest.live_from + segment_count; ++epoch) {
    const bool known =
        std::ranges::find(contents.headers, epoch, &LogHeader::epoch) != contents.headers.end();
    if (known) continue;
    BOOST_OUTCOME_TRY(const Part segment,
                      read_part(segment_offset(epoch, segment_size_), segment_size_));
    if (peek_record(segment.bytes, epoch, newest.key))
      return damaged("a header of the log is damaged");
  }
  return success();
}

Result<LogContents> LogFile::read() {
  LogContents contents;
  BOOST_OUTCOME_TRY(const Part heads, read_part(0, header_blocks * log_block));
  std::optional<LogHeader> newest;
  for (std::uint64_t segment = 0; segment < segment_count; ++segment) {
    std::optional<LogHeader> of_segment;
    for (std::uint64_t block = 2 * segment; block < 2 * segment + 2; ++block) {
      BOOST_OUTCOME_TRY(auto header,
                        decode_header(Bytes(heads.bytes)
                                          .subspan(static_cast<std::size_t>(block * log_block),
                                                   static_cast<std::size_t>(log_block))));
      if (!header) continue;
      if (header->segment_size != segment_size_ ||
          header_offset(header->epoch) != block * log_block || header->live_from > header->epoch) {
        return damaged("a header of the log does not belong there");
      }
      if (!of_segment || header->epoch > of_segment->epoch) of_segment = *header;
    }
    if (!of_segment) continue;
    contents.headers.push_back(*of_segment);
    if (!newest || of_segment->live_from > newest->live_from) newest = *of_segment;
  }
  std::ranges::sort(contents.headers, {}, &LogHeader::epoch);
  if (!newest && in_use_) return damaged("no header of the log can be read");
  if (!newest) return contents;
  BOOST_OUTCOME_TRY(check_headers(contents, *newest));
  // Older headers may still name the log that this one is a copy of.
  if (newest->log != identity_) contents.numbers = Numbers::changed;
  contents.next_number = newest->live_number;
  for (const LogHeader& header : contents.headers) {
    if (header.epoch < newest->live_from) continue;
    const bool unreadable = contents.unreadable;
    BOOST_OUTCOME_TRY(read_epoch(header, contents));
    // A record of a later epoch counts only if a flush made the header of that epoch durable.
    if (header.epoch > newest->live_from) contents.unreadable = unreadable;
  }
  if (contents.next_number < durable_before_) return damaged("records of the log can't be read");
  return contents;
}

Result<void> LogFile::write_again(const LogContents& contents) {
  for (const LogHeader& header : contents.headers) {
    BOOST_OUTCOME_TRY(write(header_offset(header.epoch), encode_header(header)));
    std::uint64_t offset = segment_offset(header.epoch, segment_size_);
    for (const DecodedRecord& found : contents.records) {
      if (found.record.epoch != header.epoch) continue;
      BOOST_OUTCOME_TRY(write(offset, encode_record(found.record, header.key).bytes));
      offset += found.size;
    }
  }
  return root_->checked(write_step, "", root_->files.sync_data(file_.get()));
}

Result<LogHeader> LogFile::write_header(std::uint64_t epoch, std::uint64_t live_from) {
  LogHeader header{.log = identity_,
                   .segment_size = segment_size_,
                   .epoch = epoch,
                   .live_from = live_from,
                   .live_number = next_number_,
                   .key = key_};
  BOOST_OUTCOME_TRY(root_->checked(write_step, "", root_->random.random(header.salt)));
  flushed_ = false;
  BOOST_OUTCOME_TRY(write(header_offset(epoch), encode_header(header)));
  return header;
}

void LogFile::enter(const LogHeader& header) {
  epoch_ = header.epoch;
  offset_ = 0;
  last_ = header.salt;
}

Result<void> LogFile::begin_anew(const LogContents& contents) {
  const std::uint64_t newest = contents.headers.empty() ? 0 : contents.headers.back().epoch;
  next_number_ = contents.next_number;
  added_.clear();
  BOOST_OUTCOME_TRY(root_->checked(
      write_step, "", root_->random.random(std::as_writable_bytes(std::span(&key_, 1)))));
  BOOST_OUTCOME_TRY(const LogHeader first, write_header(newest + 1, newest + 1));
  BOOST_OUTCOME_TRY(next_, write_header(newest + 2, newest + 1));
  enter(first);
  in_use_ = true;
  return flush();
}

EncodedRecord LogFile::chain(LogRecord& record) const {
  record.epoch = epoch_;
  record.number = next_number_;
  record.durable_before = durable_before_;
  record.previous = last_;
  return encode_record(record, key_);
}

void LogFile::add(const EncodedRecord& record) {
  added_.insert(added_.end(), record.bytes.begin(), record.bytes.end());
  offset_ += record.bytes.size();
  last_ = record.digest;
  ++next_number_;
}

/// Whether the added records may go past the cache. L6: such a write makes nothing else durable, so
/// no header may wait for it.
bool LogFile::may_be_direct() const noexcept {
  if (!direct_ || !flushed_ || added_.empty()) return false;
  return !choice_ || added_.size() <= direct_size_max;
}

/// Writes the added records, and makes everything durable that was written.
Result<void> LogFile::write_added(bool direct) {
  const std::uint64_t begin = segment_offset(epoch_, segment_size_) + offset_ - added_.size();
  flushed_ = false;
  if (direct) {
    BOOST_OUTCOME_TRY(const bool written, write_through(begin, added_));
    if (written) return success();
  }
  BOOST_OUTCOME_TRY(write(begin, added_));
  return root_->checked(write_step, "", root_->files.sync_data(file_.get()));
}

Result<void> LogFile::flush() {
  const bool may = may_be_direct();
  const bool timed = may && choice_ && choice_->is_measuring();
  const auto start = timed ? root_->random.monotonic() : std::chrono::nanoseconds();
  BOOST_OUTCOME_TRY(write_added(may && (!choice_ || choice_->is_direct())));
  if (timed && choice_) choice_->took(root_->random.monotonic() - start);
  added_.clear();
  flushed_ = true;
  durable_before_ = next_number_;
  return success();
}

Result<void> LogFile::turn() {
  if (!flushed_) {  // L2: the header of the epoch to come
    BOOST_OUTCOME_TRY(flush());
  }
  BOOST_OUTCOME_TRY(const LogHeader after, write_header(epoch_ + 2, epoch_ + 1));
  enter(next_);
  next_ = after;
  return success();
}

}  // namespace perdure
