// SPDX-License-Identifier: BSL-1.0
#include <algorithm>

#include "base/checksum.hpp"
#include "engine/names.hpp"
#include "transaction/journal_format.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

const std::string some_id = "0123456789abcdef";
const std::string some_temp = ".x.0123456789abcdef.perdure-tmp";

Journal sample() {
  Journal journal{.id = some_id, .entries = {}};
  journal.entries.push_back({.action = JournalAction::make_directory, .path = "d", .mode = 0777});
  journal.entries.push_back({.action = JournalAction::put,
                             .path = "d/file",
                             .before = Before{{7, 8}, 9, 10},
                             .staged = 3,
                             .staged_identity = {11, 12},
                             .staged_size = 13,
                             .staged_mtime_ns = -14,
                             .apply_temp = some_temp});
  journal.entries.push_back(
      {.action = JournalAction::remove, .path = "gone", .before = Before{{1, 2}, 3, -4}});
  journal.directories = {{"", {20, 21}}, {"x", {22, 23}}};
  journal.private_directory = {24, 25};
  return journal;
}

}  // namespace

TEST_CASE("a journal reads back as it was written") {
  const auto read = decode_journal(encode_journal(sample()));
  REQUIRE_OK(read);
  CHECK(read.value().id == some_id);
  REQUIRE(read.value().entries.size() == 3);
  CHECK(read.value().entries[1].path == "d/file");
  CHECK(read.value().entries[1].before == sample().entries[1].before);
  CHECK(read.value().entries[1].staged_identity == Identity{11, 12});
  CHECK(read.value().entries[1].staged_size == 13);
  CHECK(read.value().entries[1].staged_mtime_ns == -14);
  CHECK(read.value().entries[1].apply_temp == some_temp);
  CHECK(read.value().entries[2].before->mtime_ns == -4);
  CHECK(read.value().private_directory == Identity{24, 25});
}

TEST_CASE("a journal of format 1, which has no directories, is still read") {
  Journal journal = sample();
  journal.format = 1;
  const Buffer bytes = encode_journal(journal);
  CHECK(bytes.size() + 8 == encode_journal(sample()).size() - 20 - 21 - 32);
  const auto read = decode_journal(bytes);
  REQUIRE_OK(read);
  CHECK(read.value().format == 1);
  CHECK(read.value().directories.empty());
  CHECK(read.value().entries.size() == 3);
  CHECK(encode_journal(read.value()) == bytes);
}

TEST_CASE("a journal of format 2, which can't tell copies of its files, is still read") {
  Journal journal = sample();
  journal.format = 2;
  const Buffer bytes = encode_journal(journal);
  CHECK(bytes.size() == encode_journal(sample()).size() - 32);
  const auto read = decode_journal(bytes);
  REQUIRE_OK(read);
  CHECK(read.value().format == 2);
  CHECK(read.value().directories.size() == 2);
  CHECK(read.value().entries[1].staged_size == 0);
  CHECK(encode_journal(read.value()) == bytes);
}

TEST_CASE("directories of a journal are the root and others in order, or it is refused", "[P18]") {
  const auto with = [](const std::vector<std::string>& paths) {
    Journal journal = sample();
    journal.directories.clear();
    for (const auto& path : paths) journal.directories.push_back({path, {1, 2}});
    return decode_journal(encode_journal(journal));
  };
  for (const auto& paths : std::vector<std::vector<std::string>>{
           {"d"}, {"", ""}, {"", "b", "a"}, {"", "a", "a"}, {"", "/"}, {"", ".."}}) {
    REQUIRE_FAILS(recovery_required, unchanged, with(paths));
  }
  const auto read = with({"", "a", "a/b"});
  REQUIRE_OK(read);
  CHECK(read.value().directories[2].path == "a/b");
  CHECK(read.value().directories[2].identity == Identity{1, 2});
}

TEST_CASE("a journal cut at any byte, or with any bit flipped, is refused", "[P14][P18]") {
  const Buffer intact = encode_journal(sample());
  for (std::size_t size = 0; size < intact.size(); ++size) {
    REQUIRE_FAILS(recovery_required, unchanged, decode_journal(Bytes(intact).first(size)));
  }
  for (std::size_t bit = 0; bit < intact.size() * 8; ++bit) {
    Buffer flipped = intact;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    REQUIRE_FALSE(decode_journal(flipped).has_value());
  }
}

TEST_CASE("a journal with a right checksum that names what it must not is refused", "[P18]") {
  const auto with = [](const JournalEntry& entry) {
    return decode_journal(encode_journal({.id = some_id, .entries = {entry}}));
  };
  const JournalEntry remove{.action = JournalAction::remove, .path = "x"};
  REQUIRE_OK(with(remove));
  for (const char* path : {"", "/etc/passwd", "..", "../x", "a/../../x", "a//b", ".", "a/",
                           ".perdure-root", "a/.perdure-root"}) {
    INFO(path);
    JournalEntry entry = remove;
    entry.path = path;
    REQUIRE_FAILS(recovery_required, unchanged, with(entry));
  }
  for (const char* temp : {"", "x", "../.x.0123456789abcdef.perdure-tmp", "file"}) {
    INFO(temp);
    REQUIRE_FAILS(recovery_required, unchanged,
                  with({.action = JournalAction::put, .path = "x", .apply_temp = temp}));
  }
  REQUIRE_FAILS(recovery_required, unchanged,
                decode_journal(encode_journal({.id = some_id, .entries = {remove, remove}})));
  REQUIRE_FAILS(recovery_required, unchanged,
                decode_journal(encode_journal({.id = "../../x", .entries = {remove}})));
}

TEST_CASE("a journal of a newer format is refused, and not called damaged", "[P14][P18]") {
  Buffer bytes = encode_journal(sample());
  bytes[8] = std::byte{journal_format_max + 1};
  const auto digest = Checksum::of(Bytes(bytes).first(bytes.size() - sizeof(Checksum::Digest)));
  std::ranges::copy(digest, bytes.end() - sizeof(digest));
  REQUIRE_FAILS(too_new, unchanged, decode_journal(bytes));
}

TEST_CASE("a journal is linear in the number of paths", "[P18]") {
  const auto size_of = [](std::size_t count) {
    Journal journal{.id = some_id, .entries = {}};
    for (std::size_t i = 0; i < count; ++i) {
      journal.entries.push_back({.action = JournalAction::put,
                                 .path = "file" + std::to_string(100'000 + i),
                                 .apply_temp = some_temp});
    }
    return encode_journal(journal).size();
  };
  CHECK(size_of(2000) - size_of(1000) == size_of(3000) - size_of(2000));
}
