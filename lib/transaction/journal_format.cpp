// SPDX-License-Identifier: BSL-1.0
// Encodes and decodes journals; docs/format.md has the layout.
#include "transaction/journal_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "base/make_error.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

constexpr std::array<unsigned char, 8> magic{0x89, 'P', 'R', 'D', 'J', '\r', '\n', 0x1a};
constexpr std::size_t digest_size = sizeof(Checksum::Digest);
/// The smallest entry: enough to bound the count by the size before anything is allocated.
constexpr std::size_t entry_size_min = 10;
constexpr std::size_t directory_size_min = 20;

class Writer {
 public:
  template <class T>
  void number(T value) {
    raw(little_endian_bytes(value));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    raw(as_bytes(value));
  }
  void identity(const Identity& value) {
    number(value.inode);
    number(value.birth_ns);
  }
  void raw(Bytes value) { bytes_.insert(bytes_.end(), value.begin(), value.end()); }
  [[nodiscard]] Buffer& bytes() { return bytes_; }

 private:
  Buffer bytes_;
};

/// Reads with a memory of having failed: whoever read past the end finds out once, at the end.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    if (rest_.size() < sizeof(T)) {
      failed_ = true;
      return {};
    }
    const T value = from_little_endian<T>(rest_);
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  std::string text(std::size_t size_max) {
    const auto size = number<std::uint32_t>();
    if (failed_ || size > size_max || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    std::string value(as_text(rest_.first(size)));
    rest_ = rest_.subspan(size);
    return value;
  }
  Identity identity() {
    Identity value;
    value.inode = number<std::uint64_t>();
    value.birth_ns = number<std::int64_t>();
    return value;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  Bytes rest_;
  bool failed_ = false;
};

Error refused(ErrorKind kind, std::string detail) {
  return make_error("read the journal", {}, kind, std::move(detail));
}

void write_entry(Writer& writer, const JournalEntry& entry, std::uint32_t format) {
  writer.number(static_cast<std::uint8_t>(entry.action));
  writer.number(static_cast<std::uint8_t>(entry.before.has_value()));
  writer.text(entry.path);
  if (entry.before) {
    writer.identity(entry.before->identity);
    writer.number(entry.before->size);
    writer.number(entry.before->mtime_ns);
  }
  writer.number(entry.mode);
  if (entry.action == JournalAction::put) {
    writer.number(entry.staged);
    writer.identity(entry.staged_identity);
    if (format >= 3) {
      writer.number(entry.staged_size);
      writer.number(entry.staged_mtime_ns);
    }
    writer.text(entry.apply_temp);
  }
}

Result<JournalEntry> read_entry(Reader& reader, std::uint32_t format) {
  JournalEntry entry;
  const auto action = reader.number<std::uint8_t>();
  const auto existed = reader.number<std::uint8_t>();
  if (action < 1 || action > 3 || existed > 1) {
    return refused(ErrorKind::recovery_required, "it asks for something unknown");
  }
  entry.action = static_cast<JournalAction>(action);
  entry.path = reader.text(path_size_max);
  if (existed != 0) {
    entry.before.emplace();
    entry.before->identity = reader.identity();
    entry.before->size = reader.number<std::uint64_t>();
    entry.before->mtime_ns = reader.number<std::int64_t>();
  }
  entry.mode = reader.number<std::uint32_t>();
  if (entry.action == JournalAction::put) {
    entry.staged = reader.number<std::uint64_t>();
    entry.staged_identity = reader.identity();
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
Result<std::vector<JournalDirectory>> read_directories(Reader& reader) {
  std::vector<JournalDirectory> directories;
  const auto count = reader.number<std::uint64_t>();
  if (reader.failed() || count > reader.left() / directory_size_min) {
    return refused(ErrorKind::recovery_required, "its head is damaged");
  }
  directories.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    JournalDirectory directory;
    directory.path = reader.text(path_size_max);
    directory.identity = reader.identity();
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

Buffer encode_journal(const Journal& journal) {
  Writer writer;
  writer.raw(std::as_bytes(std::span(magic)));
  writer.number(journal.format);
  writer.text(journal.id);
  if (journal.format >= 2) {
    writer.number(static_cast<std::uint64_t>(journal.directories.size()));
    for (const auto& directory : journal.directories) {
      writer.text(directory.path);
      writer.identity(directory.identity);
    }
  }
  if (journal.format >= 3) writer.identity(journal.private_directory);
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
  Reader reader(content.subspan(magic.size()));
  const auto version = reader.number<std::uint32_t>();
  if (version == 0 || version > journal_format) {
    return refused(ErrorKind::too_new,
                   "it has format " + std::to_string(version) + ", and this program knows 1 to " +
                       std::to_string(journal_format) + "; use the newer program");
  }
  Journal journal;
  journal.format = version;
  journal.id = reader.text(names::length_max);
  if (version >= 2) {
    BOOST_OUTCOME_TRY(journal.directories, read_directories(reader));
  }
  if (version >= 3) journal.private_directory = reader.identity();
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
  return journal;
}

}  // namespace perdure
