// SPDX-License-Identifier: BSL-1.0
// Encodes and decodes journals; docs/format.md has the layout.
#include "transaction/journal_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "base/byte_codec.hpp"
#include "base/checksum.hpp"
#include "base/make_error.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

constexpr std::array<unsigned char, 8> magic{0x89, 'P', 'R', 'D', 'J', '\r', '\n', 0x1a};
constexpr std::size_t digest_size = sizeof(Checksum::Digest);
/// The smallest entry: enough to bound the count by the size before anything is allocated.
constexpr std::size_t entry_size_min = 10;
constexpr std::size_t directory_size_min = 20;

/// The words of an entry about its path before.
enum BeforeCode : std::uint8_t { nothing_before, something_before, other_type_before };

void write_identity(ByteWriter& writer, const Identity& value) {
  writer.number(value.inode);
  writer.number(value.birth_ns);
}

Identity read_identity(ByteReader& reader) {
  Identity value;
  value.inode = reader.number<std::uint64_t>();
  value.birth_ns = reader.number<std::int64_t>();
  return value;
}

Error refused(ErrorKind kind, std::string detail) {
  return make_error("read the journal", {}, kind, std::move(detail));
}

void write_entry(ByteWriter& writer, const JournalEntry& entry, std::uint32_t format) {
  writer.number(static_cast<std::uint8_t>(entry.action));
  writer.number(static_cast<std::uint8_t>(!entry.before        ? nothing_before
                                          : entry.changes_type ? other_type_before
                                                               : something_before));
  writer.text(entry.path);
  if (entry.before) {
    write_identity(writer, entry.before->identity);
    writer.number(entry.before->size);
    writer.number(entry.before->mtime_ns);
  }
  writer.number(entry.mode);
  if (entry.action == JournalAction::put) {
    writer.number(entry.staged);
    write_identity(writer, entry.staged_identity);
    if (format >= 3) {
      writer.number(entry.staged_size);
      writer.number(entry.staged_mtime_ns);
    }
    writer.text(entry.apply_temp);
  }
}

Result<JournalEntry> read_entry(ByteReader& reader, std::uint32_t format) {
  JournalEntry entry;
  const auto action = reader.number<std::uint8_t>();
  const auto before = reader.number<std::uint8_t>();
  const bool known = action >= 1 && action <= (format >= removal_journal_format ? 4 : 3);
  entry.action = static_cast<JournalAction>(action);
  entry.changes_type =
      before == other_type_before && format >= type_change_journal_format && !removes(entry.action);
  if (!known || (before > something_before && !entry.changes_type)) {
    return refused(ErrorKind::recovery_required, "it asks for something unknown");
  }
  entry.path = reader.text(path_size_max);
  if (before != nothing_before) {
    entry.before.emplace();
    entry.before->identity = read_identity(reader);
    entry.before->size = reader.number<std::uint64_t>();
    entry.before->mtime_ns = reader.number<std::int64_t>();
  }
  entry.mode = reader.number<std::uint32_t>();
  if (entry.action == JournalAction::put) {
    entry.staged = reader.number<std::uint64_t>();
    entry.staged_identity = read_identity(reader);
    if (format >= 3) {
      entry.staged_size = reader.number<std::uint64_t>();
      entry.staged_mtime_ns = reader.number<std::int64_t>();
    }
    entry.apply_temp = reader.text(names::length_max);
    if (!reader.failed() && !names::is_apply_temp(entry.apply_temp) &&
        !names::is_temp(entry.apply_temp)) {
      return refused(ErrorKind::recovery_required, "it names a temp that is none");
    }
  }
  if (reader.failed()) return refused(ErrorKind::recovery_required, "it is cut off");
  if (const auto fault = fault_of_path(entry.path); !fault.empty()) {
    return refused(ErrorKind::recovery_required,
                   "it names a path that is refused: " + std::string(fault));
  }
  if ((entry.mode & ~07777U) != 0) {
    return refused(ErrorKind::recovery_required, "it names an impossible mode");
  }
  return entry;
}

/// The root, then others in the order of their paths.
Result<std::vector<JournalDirectory>> read_directories(ByteReader& reader) {
  std::vector<JournalDirectory> directories;
  const auto count = reader.number<std::uint64_t>();
  if (reader.failed() || count > reader.left() / directory_size_min) {
    return refused(ErrorKind::recovery_required, "its head is damaged");
  }
  directories.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    JournalDirectory directory;
    directory.path = reader.text(path_size_max);
    directory.identity = read_identity(reader);
    if (reader.failed()) return refused(ErrorKind::recovery_required, "it is cut off");
    const bool in_order =
        directories.empty() ? directory.path.empty() : directory.path > directories.back().path;
    if (!in_order || (i > 0 && !fault_of_path(directory.path).empty())) {
      return refused(ErrorKind::recovery_required, "it names a directory that is refused");
    }
    directories.push_back(std::move(directory));
  }
  return directories;
}

}  // namespace

std::string_view word_for(JournalAction action) {
  switch (action) {
    case JournalAction::put:
      return "put";
    case JournalAction::remove:
      return "remove";
    case JournalAction::make_directory:
      return "make directory";
    case JournalAction::remove_directory:
      return "remove directory";
  }
  return "";
}

Buffer encode_journal(const Journal& journal) {
  ByteWriter writer;
  writer.raw(std::as_bytes(std::span(magic)));
  writer.number(journal.format);
  writer.text(journal.id);
  if (journal.format >= 2) {
    writer.number(static_cast<std::uint64_t>(journal.directories.size()));
    for (const auto& directory : journal.directories) {
      writer.text(directory.path);
      write_identity(writer, directory.identity);
    }
  }
  if (journal.format >= 3) write_identity(writer, journal.private_directory);
  writer.number(static_cast<std::uint64_t>(journal.entries.size()));
  for (const auto& entry : journal.entries) write_entry(writer, entry, journal.format);
  writer.raw(Checksum::of(writer.bytes()));
  return std::move(writer.bytes());
}

Result<Journal> decode_journal(Bytes bytes) {
  if (bytes.size() < magic.size() + sizeof(journal_format) + digest_size ||
      !std::ranges::equal(bytes.first(magic.size()), std::as_bytes(std::span(magic)))) {
    return refused(ErrorKind::recovery_required, "it does not begin as a journal does");
  }
  const Bytes content = bytes.first(bytes.size() - digest_size);
  if (!std::ranges::equal(Checksum::of(content), bytes.last(digest_size))) {
    return refused(ErrorKind::recovery_required, "its checksum does not match: it is damaged");
  }
  ByteReader reader(content.subspan(magic.size()));
  const auto version = reader.number<std::uint32_t>();
  if (version == 0 || version > journal_format_max) {
    return refused(ErrorKind::too_new,
                   "it has format " + std::to_string(version) + ", and this program knows 1 to " +
                       std::to_string(journal_format_max) + "; use the newer program");
  }
  Journal journal;
  journal.format = version;
  journal.id = reader.text(names::length_max);
  if (version >= 2) {
    BOOST_OUTCOME_TRY(journal.directories, read_directories(reader));
  }
  if (version >= 3) journal.private_directory = read_identity(reader);
  const auto count = reader.number<std::uint64_t>();
  if (reader.failed() || !names::is_transaction_id(journal.id) ||
      count > reader.left() / entry_size_min) {
    return refused(ErrorKind::recovery_required, "its head is damaged");
  }
  std::unordered_set<std::string> paths;
  journal.entries.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    BOOST_OUTCOME_TRY(JournalEntry entry, read_entry(reader, version));
    if (!paths.insert(entry.path).second) {
      return refused(ErrorKind::recovery_required, "it names '" + entry.path + "' twice");
    }
    journal.entries.push_back(std::move(entry));
  }
  if (reader.left() != 0) return refused(ErrorKind::recovery_required, "it has too many bytes");
  if (journal.is_of_log() && count != 0) {
    return refused(ErrorKind::recovery_required, "it has entries, which belong into the log");
  }
  return journal;
}

}  // namespace perdure
