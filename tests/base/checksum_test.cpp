// SPDX-License-Identifier: BSL-1.0
#include "base/checksum.hpp"

#include "support/catch.hpp"

using namespace perdure;

namespace {

Checksum of_pieces(Bytes bytes, std::size_t size) {
  Checksum sum;
  for (; bytes.size() > size; bytes = bytes.subspan(size)) sum.update(bytes.first(size));
  sum.update(bytes);
  return sum;
}

}  // namespace

TEST_CASE("a checksum of no bytes is the one that xxhsum -H128 prints") {
  Checksum sum;
  sum.update({});
  CHECK(sum.hexadecimal() == "99aa06d3014798d86001c324468d497f");
  CHECK(sum.digest() == Checksum::of({}));
}

TEST_CASE("a checksum does not depend on the pieces in which the bytes come") {
  const Buffer bytes(1000, std::byte{7});
  for (const std::size_t size : {1U, 3U, 240U, 999U, 1000U}) {
    CHECK(of_pieces(bytes, size).digest() == Checksum::of(bytes));
  }
  CHECK(Checksum::of(Bytes(bytes).first(999)) != Checksum::of(bytes));
}

TEST_CASE("a copied checksum goes on alone") {
  const Buffer bytes(10, std::byte{1});
  const Checksum first = of_pieces(bytes, 10);
  Checksum second = first;
  second.update(bytes);
  CHECK(first.digest() == Checksum::of(bytes));
  CHECK(second.digest() != first.digest());
}
