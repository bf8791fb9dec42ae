// SPDX-License-Identifier: BSL-1.0
// Encodes and decodes headers and records.
#include "log/log_format.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/byte_codec.hpp"
#include "base/make_error.hpp"

namespace perdure {
namespace {

constexpr std::array<unsigned char, 8> header_magic{0x89, 'P', 'R', 'D', 'L', '\r', '\n', 0x1a};
constexpr std::array<unsigned char, 8> record_magic{0x89, 'P', 'R', 'D', 'R', '\r', '\n', 0x1a};
constexpr std::uint32_t log_format = 1;
constexpr std::size_t digest_size = sizeof(Checksum::Digest);
constexpr std::uint32_t ordered_flag = 1;
constexpr std::uint32_t derived_flag = 2;
/// Of Linux: names and values of extended attributes (include/uapi/linux/limits.h).
constexpr std::size_t xattr_name_max = 255;
constexpr std::size_t xattr_size_max = 65536;
/// Magic, epoch, number, durable before, size, flags, and the digest of the record before.
constexpr std::size_t record_head_size = 8 + 8 + 8 + 8 + 8 + 4 + digest_size;

constexpr std::uint64_t rounded_up(std::uint64_t size) {
  return (size + log_block - 1) / log_block * log_block;
}

Error refused(ErrorKind kind, std::string detail) {
  return make_error("read the log", {}, kind, std::move(detail));
}

bool begins_with(Bytes bytes, const std::array<unsigned char, 8>& magic) {
  return bytes.size() >= magic.size() &&
         std::ranges::equal(bytes.first(magic.size()), std::as_bytes(std::span(magic)));
}

Checksum::Digest digest_from(Bytes bytes) {
  Checksum::Digest digest{};
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

void write_derivation(ByteWriter& writer, const Derivation& derived) {
  writer.number(derived.record);
  writer.number(derived.entry);
  writer.number(derived.hash);
  writer.number(static_cast<std::uint64_t>(derived.edits.size()));
  for (const Edit& edit : derived.edits) {
    writer.number(edit.offset);
    writer.number(edit.removed);
    writer.number(static_cast<std::uint64_t>(edit.inserted.size()));
    writer.raw(edit.inserted);
  }
}

Derivation read_derivation(ByteReader& reader) {
  Derivation derived;
  derived.record = reader.number<std::uint64_t>();
  derived.entry = reader.number<std::uint32_t>();
  derived.hash = reader.number<std::uint64_t>();
  const auto edits = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < edits && !reader.failed(); ++i) {
    Edit edit;
    edit.offset = reader.number<std::uint64_t>();
    edit.removed = reader.number<std::uint64_t>();
    const Bytes inserted = reader.raw(reader.number<std::uint64_t>());
    edit.inserted.assign(inserted.begin(), inserted.end());
    derived.edits.push_back(std::move(edit));
  }
  return derived;
}

/// `mixed`: some file of the record is derived, so each file says whether it is.
void write_file(ByteWriter& writer, const LoggedFile& logged, bool mixed) {
  const FileImage& file = logged.image;
  writer.number(file.mode);
  writer.number(file.owner);
  writer.number(file.group);
  writer.number(static_cast<std::uint32_t>(file.xattrs.size()));
  for (const Xattr& xattr : file.xattrs) {
    writer.text(xattr.name);
    writer.text(as_text(xattr.value));
  }
  if (mixed) writer.number(logged.derived ? 1U : 0U);
  if (logged.derived) return write_derivation(writer, *logged.derived);
  writer.number(static_cast<std::uint64_t>(file.content.size()));
  writer.raw(file.content);
}

LoggedFile read_file(ByteReader& reader, bool mixed) {
  LoggedFile logged;
  FileImage& file = logged.image;
  file.mode = reader.number<std::uint32_t>();
  file.owner = reader.number<std::uint32_t>();
  file.group = reader.number<std::uint32_t>();
  const auto xattrs = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < xattrs && !reader.failed(); ++i) {
    Xattr xattr;
    xattr.name = reader.text(xattr_name_max);
    const std::string value = reader.text(xattr_size_max);
    const Bytes bytes = as_bytes(value);
    xattr.value.assign(bytes.begin(), bytes.end());
    file.xattrs.push_back(std::move(xattr));
  }
  if (mixed && reader.number<std::uint32_t>() != 0) {
    logged.derived = read_derivation(reader);
    return logged;
  }
  const Bytes content = reader.raw(reader.number<std::uint64_t>());
  file.content.assign(content.begin(), content.end());
  return logged;
}

/// The digest matches, but this trusts nothing all the same.
Result<LogRecord> read_body(ByteReader& reader, bool mixed) {
  LogRecord record;
  BOOST_OUTCOME_TRY(record.journal, decode_journal(reader.raw(reader.number<std::uint64_t>())));
  for (const JournalEntry& entry : record.journal.entries) {
    LoggedFile file;
    if (entry.action == JournalAction::remove_directory || entry.changes_type) {
      return refused(ErrorKind::recovery_required,
                     "a record removes a directory, or makes one of a file");
    }
    const bool put = entry.action == JournalAction::put;
    if (put) file = read_file(reader, mixed);
    const bool whole = put && !file.derived;
    if ((file.image.mode & ~07777U) != 0 ||
        (whole && file.image.content.size() != entry.staged_size)) {
      return refused(ErrorKind::recovery_required, "a record has an impossible file");
    }
    record.files.push_back(std::move(file));
  }
  if (reader.failed() || reader.left() != 0) {
    return refused(ErrorKind::recovery_required, "a record does not end where it says");
  }
  return record;
}

}  // namespace

Buffer encode_header(const LogHeader& header) {
  ByteWriter writer;
  writer.raw(std::as_bytes(std::span(header_magic)));
  writer.number(log_format);
  writer.number(header.log.inode);
  writer.number(header.log.birth_ns);
  writer.number(header.segment_size);
  writer.number(header.epoch);
  writer.number(header.live_from);
  writer.number(header.live_number);
  writer.raw(header.salt);
  writer.number(header.key);
  writer.raw(Checksum::of(writer.bytes()));
  writer.bytes().resize(log_block);
  return std::move(writer.bytes());
}

Result<std::optional<LogHeader>> decode_header(Bytes block) {
  constexpr std::size_t content_size = 8 + 4 + 6 * 8 + digest_size + 8;
  if (block.size() < content_size + digest_size || !begins_with(block, header_magic) ||
      !std::ranges::equal(Checksum::of(block.first(content_size)),
                          block.subspan(content_size, digest_size))) {
    return std::optional<LogHeader>();
  }
  ByteReader reader(block.first(content_size).subspan(header_magic.size()));
  const auto format = reader.number<std::uint32_t>();
  if (format != log_format) {
    return refused(ErrorKind::too_new, "the log has format " + std::to_string(format) +
                                           ", and this program knows 1; use the newer program");
  }
  LogHeader header;
  header.log.inode = reader.number<std::uint64_t>();
  header.log.birth_ns = reader.number<std::int64_t>();
  header.segment_size = reader.number<std::uint64_t>();
  header.epoch = reader.number<std::uint64_t>();
  header.live_from = reader.number<std::uint64_t>();
  header.live_number = reader.number<std::uint64_t>();
  header.salt = digest_from(reader.raw(digest_size));
  header.key = reader.number<std::uint64_t>();
  return std::optional(header);
}

std::uint64_t header_offset(std::uint64_t epoch) {
  const std::uint64_t segment = epoch % segment_count;
  return (2 * segment + epoch / segment_count % 2) * log_block;
}

std::uint64_t segment_offset(std::uint64_t epoch, std::uint64_t segment_size) {
  return header_blocks * log_block + epoch % segment_count * segment_size;
}

std::uint64_t log_size(std::uint64_t segment_size) {
  return header_blocks * log_block + segment_count * segment_size;
}

EncodedRecord encode_record(const LogRecord& record, std::uint64_t key) {
  ByteWriter body;
  const Buffer journal = encode_journal(record.journal);
  body.number(static_cast<std::uint64_t>(journal.size()));
  body.raw(journal);
  const bool mixed = std::ranges::any_of(
      record.files, [](const LoggedFile& file) { return file.derived.has_value(); });
  for (std::size_t i = 0; i < record.files.size(); ++i) {
    if (record.journal.entries[i].action == JournalAction::put) {
      write_file(body, record.files[i], mixed);
    }
  }
  ByteWriter writer;
  writer.bytes().reserve(
      static_cast<std::size_t>(rounded_up(record_head_size + body.bytes().size() + digest_size)));
  writer.raw(std::as_bytes(std::span(record_magic)));
  writer.number(record.epoch);
  writer.number(record.number);
  writer.number(record.durable_before);
  writer.number(static_cast<std::uint64_t>(record_head_size + body.bytes().size() + digest_size));
  writer.number((record.ordered ? ordered_flag : 0U) | (mixed ? derived_flag : 0U));
  writer.raw(record.previous);
  writer.raw(body.bytes());
  const Checksum::Digest digest = Checksum::of(key, writer.bytes());
  writer.raw(digest);
  writer.bytes().resize(static_cast<std::size_t>(rounded_up(writer.bytes().size())));
  return {std::move(writer.bytes()), digest};
}

namespace {

struct RecordHead {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  std::uint64_t durable_before = 0;
  std::uint64_t size = 0;
  std::uint32_t flags = 0;
  Checksum::Digest previous{};
  Checksum::Digest digest{};
};

/// The head of a record, which may be complete or not.
std::optional<RecordHead> parse_head(Bytes rest, std::uint64_t epoch) {
  if (rest.size() < record_head_size + digest_size || !begins_with(rest, record_magic)) return {};
  ByteReader reader(rest.subspan(record_magic.size()));
  RecordHead head;
  head.epoch = reader.number<std::uint64_t>();
  head.number = reader.number<std::uint64_t>();
  head.durable_before = reader.number<std::uint64_t>();
  head.size = reader.number<std::uint64_t>();
  head.flags = reader.number<std::uint32_t>();
  head.previous = digest_from(reader.raw(digest_size));
  if (head.epoch != epoch || head.size < record_head_size + digest_size ||
      head.size > rest.size()) {
    return {};
  }
  return head;
}

/// The head of a complete record; empty if there is none at the front.
std::optional<RecordHead> read_head(Bytes rest, std::uint64_t epoch, std::uint64_t key) {
  auto head = parse_head(rest, epoch);
  if (!head) return {};
  const Bytes covered = rest.first(static_cast<std::size_t>(head->size) - digest_size);
  head->digest = Checksum::of(key, covered);
  if (!std::ranges::equal(head->digest, rest.subspan(covered.size(), digest_size))) return {};
  return head;
}

}  // namespace

std::optional<std::uint64_t> peek_record(Bytes rest, std::uint64_t epoch, std::uint64_t key) {
  const auto head = read_head(rest, epoch, key);
  if (!head) return {};
  return head->durable_before;
}

std::uint64_t claimed_size(Bytes rest, std::uint64_t epoch, const Checksum::Digest& previous) {
  const auto head = parse_head(rest, epoch);
  return head && head->previous == previous ? head->size : 0;
}

Result<std::optional<DecodedRecord>> decode_record(Bytes rest, const LogHeader& header,
                                                   const Checksum::Digest& previous) {
  const auto head = read_head(rest, header.epoch, header.key);
  if (!head || head->previous != previous) return std::optional<DecodedRecord>();
  const std::size_t body_size =
      static_cast<std::size_t>(head->size) - digest_size - record_head_size;
  ByteReader body(rest.subspan(record_head_size, body_size));
  DecodedRecord decoded;
  BOOST_OUTCOME_TRY(decoded.record, read_body(body, (head->flags & derived_flag) != 0));
  decoded.record.epoch = header.epoch;
  decoded.record.number = head->number;
  decoded.record.durable_before = head->durable_before;
  decoded.record.ordered = (head->flags & ordered_flag) != 0;
  decoded.record.previous = previous;
  decoded.size = rounded_up(head->size);
  decoded.digest = head->digest;
  return std::optional(std::move(decoded));
}

}  // namespace perdure
