// SPDX-License-Identifier: BSL-1.0
// The end of a log is told from damage: a power cut can tear the last records, of which nobody was
// told; anything else asks for a person.
#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "../transaction/tree.hpp"
#include "base/little_endian.hpp"
#include "log/log_format.hpp"
#include "support/disk.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::uint64_t segment_size = 64 << 10;
/// The first epoch has the second segment. Each record here takes one block.
constexpr std::size_t records_begin = header_blocks * log_block + segment_size;

constexpr std::size_t block_of(std::size_t record) {
  return records_begin + record * std::size_t{log_block};
}

/// A root whose holder died with these files in its records, each flushed for itself.
class LeftLog {
 public:
  explicit LeftLog(const std::map<std::string, std::string>& files = {
                       {"a", "a"}, {"b", "b"}, {"c", "c"}}) {
    FaultyFileSystem dying(native_file_system());
    RootOptions options;
    options.segment_size = segment_size;
    options.system.files = &dying;
    auto root = Root::open(directory_.path(), options);
    REQUIRE_OK(root);
    for (const auto& [path, content] : files) REQUIRE_OK(root.value().put(path, content));
    dying.fail({.operation = {},
                .call = dying.calls() + 1,
                .error = EIO,
                .from_then_on = true,
                .count = {}});
  }

  [[nodiscard]] fs::path path() const { return directory_ / ".perdure/log"; }
  [[nodiscard]] std::string content() const { return slurp(path()); }

  /// How many records are found when the log has this content; -1 for damage.
  [[nodiscard]] int records_in(const std::string& log) const {
    // In place, so that it stays the file that its headers name.
    std::fstream(path().native(), std::ios::in | std::ios::out | std::ios::binary) << log;
    const auto seen = inspect(directory_.path());
    REQUIRE_OK(seen);
    REQUIRE(seen.value().journal);
    return seen.value().damage.empty() ? static_cast<int>(seen.value().paths.size()) : -1;
  }

 private:
  TempDirectory directory_;
};

}  // namespace

TEST_CASE("a record of a log that any bit changes in is torn at the end, and damage elsewhere",
          "[P14]") {
  const LeftLog left;
  const std::string whole = left.content();
  REQUIRE(left.records_in(whole) == 3);
  for (std::size_t record = 0; record < 3; ++record) {
    const std::uint64_t size =
        from_little_endian<std::uint64_t>(as_bytes(whole).subspan(block_of(record) + 32, 8));
    for (std::size_t at = 0; at < size; at += 11) {
      std::string changed = whole;
      changed[block_of(record) + at] = static_cast<char>(changed[block_of(record) + at] ^ 4);
      INFO("record " << record << ", byte " << at);
      CHECK(left.records_in(changed) == (record == 2 ? 2 : -1));
    }
  }
}

// Found in review: the epoch of such a header counted as one that had no records.
TEST_CASE("a header of a log that any bit changes in is damage where it has records", "[P14]") {
  const LeftLog left;
  const std::string whole = left.content();
  constexpr std::size_t header_size = 8 + 4 + 6 * 8 + 16 + 8 + 16;
  for (const std::uint64_t epoch : {1U, 2U}) {
    for (std::size_t at = 0; at < header_size; at += 5) {
      std::string changed = whole;
      char& byte = changed[static_cast<std::size_t>(header_offset(epoch)) + at];
      byte = static_cast<char>(byte ^ 4);
      INFO("epoch " << epoch << ", byte " << at);
      CHECK(left.records_in(changed) == (epoch == 1 ? -1 : 3));
    }
  }
}

TEST_CASE("the last record of a log may be there up to any byte", "[P14]") {
  const LeftLog left;
  const std::string whole = left.content();
  const std::uint64_t size =
      from_little_endian<std::uint64_t>(as_bytes(whole).subspan(block_of(2) + 32, 8));
  for (std::size_t kept = 0; kept < size; kept += 7) {
    std::string cut = whole;
    cut.replace(block_of(2) + kept, log_block - kept, log_block - kept, '\0');
    INFO(kept);
    CHECK(left.records_in(cut) == 2);
  }
}

TEST_CASE("records that changed places are damage", "[P14]") {
  const LeftLog left;
  const std::string whole = left.content();
  for (std::size_t one = 0; one < 3; ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      std::string swapped = whole;
      swapped.replace(block_of(one), log_block, whole, block_of(other), log_block);
      swapped.replace(block_of(other), log_block, whole, block_of(one), log_block);
      CHECK(left.records_in(swapped) == -1);
    }
  }
}

// Found in review: nothing in a record was unknown to those who write contents. The commit that
// brought such a content was cut off by a power cut, and recovery refused the root for damage.
TEST_CASE("a content with the bytes of a record in it is none, where its own record is torn",
          "[P14]") {
  const std::string mark = "\1here";
  const std::size_t skip = [&mark] {  // of its record, in front of the content
    const LeftLog trial({{"a", "a"}, {"b", mark + std::string(5 * log_block, 'x')}});
    return trial.content().find(mark) - block_of(1);
  }();
  REQUIRE(skip < log_block);
  const LogRecord forged{.epoch = 1, .number = 9, .durable_before = 9, .journal = {}, .files = {}};
  const std::string bytes(as_text(encode_record(forged, 0).bytes));
  const LeftLog left({{"a", "a"}, {"b", std::string(log_block - skip, 'x') + bytes}});
  std::string torn = left.content();
  REQUIRE(torn.substr(block_of(2), bytes.size()) == bytes);
  REQUIRE(left.records_in(torn) == 2);
  torn.replace(block_of(1), log_block, log_block, '\0');
  CHECK(left.records_in(torn) == 1);
}

namespace {

/// A disk with one block that it can't read.
struct BadBlock final : ForwardingFileSystem {
  BadBlock(FileSystem& base, std::uint64_t offset) : ForwardingFileSystem(base), begin(offset) {}
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    if (offset < begin + log_block && begin < offset + out.size()) {
      return std::make_error_code(std::errc::io_error);
    }
    return ForwardingFileSystem::read_at(file, offset, out);
  }
  std::uint64_t begin;
};

}  // namespace

// Found in review: the last record, which was acknowledged, went without a word.
TEST_CASE("a log says that its end can't be read, which may have been acknowledged", "[P14]") {
  const LeftLog left;
  const fs::path root = left.path().parent_path().parent_path();
  TransactionOptions options;
  const auto unreadable = [&](std::size_t record) {
    BadBlock bad(native_file_system(), block_of(record));
    options.system.files = &bad;
    const auto seen = inspect(root, options);
    REQUIRE_OK(seen);
    return std::pair(seen.value().unreadable, seen.value().damage.empty());
  };
  CHECK(unreadable(2) == std::pair(true, true));
  CHECK(unreadable(1).second == false);  // the one behind it tells
  CHECK(unreadable(3) == std::pair(true, true));
  CHECK(unreadable(4) == std::pair(false, true));
  BadBlock bad(native_file_system(), block_of(2));
  options.system.files = &bad;
  const auto recovered = recover(root, options);
  REQUIRE_OK(recovered);
  CHECK(recovered.value().unreadable);
}
