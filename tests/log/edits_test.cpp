// SPDX-License-Identifier: BSL-1.0
// Contents as what differs from another one.
#include "log/edits.hpp"

#include <random>
#include <string>

#include "support/catch.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)

namespace {

/// The bytes that a record would have of them; the result has to be right.
std::size_t inserted(const std::string& base, const std::string& wanted) {
  const auto edits = edits_between(as_bytes(base), as_bytes(wanted));
  REQUIRE(fit(edits, base.size(), wanted.size()));
  const Buffer result = edited(as_bytes(base), edits);
  REQUIRE(as_text(result) == wanted);
  std::size_t bytes = 0;
  for (const Edit& edit : edits) bytes += edit.inserted.size();
  return bytes;
}

std::string random_text(std::mt19937& random, std::size_t size, std::uint64_t letters) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % letters);
  return text;
}

}  // namespace

TEST_CASE("edits have what differs, and little more") {
  std::mt19937 random(1);
  const std::string base = random_text(random, 100'000, 26);
  CHECK(inserted(base, base) == 0);
  std::string changed = base;
  changed.replace(10, 5, "IIIII");
  changed.replace(50'000, 2, "MM");
  changed.replace(99'990, 3, "EEE");
  CHECK(inserted(base, changed) <= 10);
  changed = base;
  changed.insert(20'000, "some more");
  changed.insert(70'000, "and more");
  changed.erase(40'000, 1000);
  CHECK(inserted(base, changed) <= 17);
  CHECK(inserted("", base) == base.size());
  CHECK(inserted(base, "") == 0);
  CHECK(inserted(base, base + base) <= base.size());
  CHECK(inserted(base, random_text(random, 100'000, 26)) <= 100'000);
}

TEST_CASE("edits of any two contents give the second one") {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t letters = 1 + random() % 4;
    const std::string base = random_text(random, random() % 700, letters);
    std::string wanted = base;
    for (std::uint64_t changes = random() % 6; changes > 0; --changes) {
      const std::size_t at = random() % (wanted.size() + 1);
      switch (random() % 3) {
        case 0:
          wanted.insert(at, random_text(random, random() % 90, letters));
          break;
        case 1:
          wanted.erase(at, random() % 90);
          break;
        default: {
          const std::string piece = random_text(random, random() % 90, letters);
          wanted.replace(at, piece.size(), piece);
        }
      }
    }
    (void)inserted(base, wanted);
  }
}

TEST_CASE("edits that do not fit are told") {
  const std::vector<Edit> one{{.offset = 3, .removed = 2, .inserted = Buffer(4)}};
  CHECK(fit(one, 5, 7));
  CHECK_FALSE(fit(one, 5, 8));
  CHECK_FALSE(fit(one, 4, 6));
  CHECK_FALSE(fit({{.offset = UINT64_MAX, .removed = 2, .inserted = {}}}, 5, 3));
  CHECK_FALSE(fit({{.offset = 1, .removed = UINT64_MAX, .inserted = {}}}, 5, 6));
  CHECK_FALSE(fit({one[0], one[0]}, 9, 13));  // the second begins within the first
}
