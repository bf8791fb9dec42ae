// SPDX-License-Identifier: BSL-1.0
#include <cstring>
#include <string>

#include <perdure/envelope.hpp>

#include "json/samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// A serializer as a user writes one: two functions, no check of its own.
struct Binary {
  Result<void> serialize(const Point& point, Sink& sink) const {
    return sink.write(std::as_bytes(std::span(&point, 1)));
  }
  Result<Point> deserialize(Bytes bytes) const {
    Point out;
    if (bytes.size() != sizeof(out)) {
      return Error{.kind = ErrorKind::serializer,
                   .cause = {},
                   .step = "read a point",
                   .path = {},
                   .detail = "wrong size"};
    }
    std::memcpy(&out, bytes.data(), sizeof(out));
    return out;
  }
};

static_assert(StampedSerializer<Envelope<Binary>, Point>);
static_assert(StampedSerializer<Envelope<Json<Queue>>, Queue>);
static_assert(StampedSerializer<Envelope<Envelope<Binary>>, Point>);
static_assert(!StampedSerializer<Binary, Point>);
static_assert(Serializer<Envelope<Text>, std::string>);

template <class S, class T>
Buffer enveloped(const S& serializer, const T& value, const Stamp& stamp) {
  Buffer out;
  BufferSink sink(out);
  const auto done = serializer.serialize_stamped(value, stamp, sink);
  if (!done) FAIL(done.error().detail);
  return out;
}

TEST_CASE("an envelope keeps the value and the stamp") {
  Stamp stamp = sample_stamp();
  stamp.schema_version = 9;
  const Envelope<Binary> envelope;
  const Buffer bytes = enveloped(envelope, Point{1, -2}, stamp);
  CHECK(bytes.size() == 64 + sizeof(Point));
  const auto back = envelope.deserialize_stamped(bytes);
  REQUIRE(back);
  CHECK(back.value().stamped);
  CHECK(back.value().value == Point{1, -2});
  CHECK(back.value().stamp.generation == 41);
  CHECK(back.value().stamp.last_updated == stamp.last_updated);
  CHECK(back.value().stamp.schema_version == 9);
  CHECK(envelope.deserialize(bytes).value() == Point{1, -2});

  Buffer plain;
  BufferSink sink(plain);
  REQUIRE(envelope.serialize(Point{3, 4}, sink));
  CHECK(envelope.deserialize(plain).value() == Point{3, 4});
  CHECK_FALSE(envelope.deserialize_stamped(plain).value().stamped);
}

TEST_CASE("the layout is the documented one") {
  const Buffer bytes = enveloped(Envelope<Binary>{}, Point{1, 2}, sample_stamp());
  constexpr unsigned char head[] = {0x89, 'P',  'R',  'D',  '\r', '\n', 0x1a, '\n',  // magic
                                    1,    0,    0,    0,    0xfe, 0xff, 0xff, 0xff,  // version
                                    1,    0,    0,    0,    0,    0,    0,    0,  // flags, schema
                                    41,   0,    0,    0,    0,    0,    0,    0,  // generation
                                    0x15, 0x2d, 0x95, 0x48, 0xed, 0xd0, 0x8f, 0x18,  // time
                                    8,    0,    0,    0,    0,    0,    0,    0};    // length
  for (std::size_t i = 0; i < sizeof(head); ++i) {
    CAPTURE(i);
    CHECK(std::to_integer<unsigned>(bytes[i]) == head[i]);
  }
}

TEST_CASE("every flipped bit and every truncation of an envelope is noticed", "[P14][P18]") {
  const Envelope<Json<Queue>> envelope;
  const Buffer bytes = enveloped(envelope, sample_queue(4096), sample_stamp());
  const Envelope<Binary> small;
  for (const Buffer& good : {bytes, enveloped(small, Point{1, 2}, sample_stamp())}) {
    const auto kind = [](Bytes from) {
      Bytes inner;
      const auto read = read_envelope(from, inner);
      return read ? ErrorKind::system : read.error().kind;
    };
    Buffer bad = good;
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        bad[at] = good[at] ^ static_cast<std::byte>(1U << bit);
        if (kind(bad) != ErrorKind::corrupt) FAIL("byte " << at << ", bit " << bit);
      }
      bad[at] = good[at];
      if (kind(Bytes(good).first(at)) != ErrorKind::corrupt) FAIL("truncated to " << at);
    }
    REQUIRE(kind(bad) == ErrorKind::system);
    bad.push_back({});
    CHECK(kind(bad) == ErrorKind::corrupt);
  }
}

TEST_CASE("a newer format is refused as such") {
  Buffer bytes = enveloped(Envelope<Binary>{}, Point{}, {});
  bytes[8] = std::byte{3};
  bytes[12] = std::byte{0xfc};
  const auto read = Envelope<Binary>{}.deserialize_stamped(bytes);
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == ErrorKind::too_new);
}

TEST_CASE("an envelope keeps the lineage, in a version of the format that older programs refuse") {
  Stamp stamp = sample_stamp();
  stamp.lineage = {.id = 0x0123456789abcdef, .from = 2, .from_generation = UINT64_MAX};
  const Envelope<Binary> envelope;
  const Buffer bytes = enveloped(envelope, Point{1, -2}, stamp);
  CHECK(bytes.size() == 88 + sizeof(Point));
  CHECK(bytes[8] == std::byte{2});
  const auto back = envelope.deserialize_stamped(bytes);
  REQUIRE(back);
  CHECK(back.value().value == Point{1, -2});
  CHECK(back.value().stamp.lineage == stamp.lineage);
  CHECK(claimed_generation(bytes) == 41);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CHECK(envelope.deserialize_stamped(Bytes(bytes).first(at)).error().kind == ErrorKind::corrupt);
    Buffer bad = bytes;
    bad[at] ^= std::byte{1};
    CHECK(envelope.deserialize_stamped(bad).error().kind == ErrorKind::corrupt);
  }
  CHECK(enveloped(envelope, Point{}, sample_stamp())[8] == std::byte{1});
}

TEST_CASE("what the inner serializer keeps or refuses passes through") {
  Stamp stamp = sample_stamp();
  stamp.unknown[""] = {{"other", "[1]"}};
  const Envelope<Json<Queue>> envelope;
  const auto back = envelope.deserialize_stamped(enveloped(envelope, Queue{}, stamp));
  REQUIRE(back);
  CHECK(back.value().stamp.unknown == stamp.unknown);
  CHECK(back.value().stamp.generation == 41);

  Buffer bytes;
  BufferSink sink(bytes);
  REQUIRE(Envelope<Text>{}.serialize("three", sink));
  CHECK(trouble(Envelope<Binary>{}.deserialize(bytes)) == "wrong size");
}

}  // namespace
