// SPDX-License-Identifier: BSL-1.0
// Writes a recording to a file, and reads it back.
#include "recording/recording.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <sys/stat.h>
#include <zstd.h>

#include <xxhash.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr std::uint64_t magic = 0x32626c6873617263U;  // "crashlb2"
constexpr std::uint64_t body_max = std::uint64_t{8} << 30U;

struct Header {
  std::uint64_t magic;
  std::uint64_t body_size;
  std::uint64_t packed_size;
  std::uint64_t checksum;  // of the packed body
};

/// Numbers are little-endian. The laboratory does not use the library's helper for this, so that it
/// does not depend on the library that it judges.
class Packer {
 public:
  void number(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      body_.push_back(static_cast<std::byte>(value >> shift));
    }
  }
  void bytes(std::span<const std::byte> bytes) {
    number(bytes.size());
    body_.insert(body_.end(), bytes.begin(), bytes.end());
  }
  const std::vector<std::byte>& body() const { return body_; }

 private:
  std::vector<std::byte> body_;
};

class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> body) : body_(body) {}

  std::uint64_t number() {
    const auto part = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(part[i]) << (8 * i);
    return value;
  }
  std::span<const std::byte> bytes() { return take(number()); }
  /// A count of things that take at least one byte each, so that a forged one can't claim memory.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > body_.size()) throw Failure("the recording is damaged: an impossible count");
    return value;
  }

 private:
  std::span<const std::byte> take(std::uint64_t length) {
    if (length > body_.size()) throw Failure("the recording is damaged: it ends too early");
    const auto part = body_.first(length);
    body_ = body_.subspan(length);
    return part;
  }

  std::span<const std::byte> body_;
};

void check_ranges(const Recording& recording) {
  const std::uint64_t size = recording.size;
  if (size == 0 || size % page_size != 0)
    throw Failure("the recording is damaged: its disk's size");
  for (const auto& [page, bytes] : recording.base) {
    if (page >= size / page_size || bytes.size() != page_size) {
      throw Failure("the recording is damaged: a page of its base");
    }
  }
  for (const Write& write : recording.writes) {
    const bool outside = write.offset > size || write.length > size - write.offset;
    const bool unbacked =
        write.kind == Write::Kind::data && (write.data_at > recording.data.size() ||
                                            write.length > recording.data.size() - write.data_at);
    if (outside || unbacked) throw Failure("the recording is damaged: a write outside of the disk");
  }
}

std::vector<std::byte> pack(const Recording& recording) {
  Packer packer;
  packer.number(recording.size);
  packer.number(recording.end);
  packer.number(recording.base.size());
  for (const auto& [page, bytes] : recording.base) {
    packer.number(page);
    packer.bytes(bytes);
  }
  packer.number(recording.writes.size());
  for (const Write& write : recording.writes) {
    packer.number(static_cast<std::uint64_t>(write.kind));
    for (const std::uint64_t value :
         {write.received, write.answered, write.offset, write.length, write.data_at}) {
      packer.number(value);
    }
    packer.number(write.failed ? 1 : 0);
  }
  packer.number(recording.flushes.size());
  for (const Flush& flush : recording.flushes) {
    packer.number(flush.received);
    packer.number(flush.answered);
  }
  packer.number(recording.acks.size());
  for (const Ack& ack : recording.acks) {
    packer.number(ack.at);
    packer.bytes(std::as_bytes(std::span(ack.text)));
  }
  packer.number(recording.strikes.size());
  for (const Strike& strike : recording.strikes) {
    for (const std::uint64_t value :
         {strike.at, static_cast<std::uint64_t>(strike.kind), strike.offset, strike.length}) {
      packer.number(value);
    }
  }
  packer.bytes(recording.data);
  return packer.body();
}

Recording unpack(std::span<const std::byte> body) {
  Unpacker in(body);
  Recording recording;
  recording.size = in.number();
  recording.end = in.number();
  for (std::size_t left = in.count(); left > 0; --left) {
    const auto page = static_cast<std::uint32_t>(in.number());
    const auto bytes = in.bytes();
    recording.base.emplace(page, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  for (std::size_t left = in.count(); left > 0; --left) {
    Write write;
    write.kind = in.number() == 0 ? Write::Kind::data : Write::Kind::zeros;
    for (std::uint64_t* value :
         {&write.received, &write.answered, &write.offset, &write.length, &write.data_at}) {
      *value = in.number();
    }
    write.failed = in.number() != 0;
    recording.writes.push_back(write);
  }
  for (std::size_t left = in.count(); left > 0; --left) {
    Flush flush;
    flush.received = in.number();
    flush.answered = in.number();
    recording.flushes.push_back(flush);
  }
  for (std::size_t left = in.count(); left > 0; --left) {
    Ack ack;
    ack.at = in.number();
    const auto text = in.bytes();
    ack.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
    recording.acks.push_back(std::move(ack));
  }
  for (std::size_t left = in.count(); left > 0; --left) {
    Strike strike;
    strike.at = in.number();
    strike.kind = static_cast<Fault::Kind>(in.number());
    if (strike.kind > Fault::Kind::lost) throw Failure("the recording is damaged: a fault");
    strike.offset = in.number();
    strike.length = in.number();
    recording.strikes.push_back(strike);
  }
  const auto data = in.bytes();
  recording.data.assign(data.begin(), data.end());
  check_ranges(recording);
  return recording;
}

}  // namespace

void Recording::save(int fd) const {
  const std::vector<std::byte> body = pack(*this);
  std::vector<std::byte> packed(ZSTD_compressBound(body.size()));
  const std::size_t packed_size =
      ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), 1);
  if (ZSTD_isError(packed_size) != 0) {
    throw Failure(std::string("compress the recording: ") + ZSTD_getErrorName(packed_size));
  }
  packed.resize(packed_size);
  const Header header{magic, body.size(), packed_size, XXH3_64bits(packed.data(), packed_size)};
  write_all(fd, std::as_bytes(std::span(&header, 1)), "save the recording");
  write_all(fd, packed, "save the recording");
}

Recording Recording::load(int fd) {
  Header header{};
  read_exactly(fd, std::as_writable_bytes(std::span(&header, 1)), "read the recording");
  struct stat status {};
  must(::fstat(fd, &status), "read the recording");
  if (header.magic != magic || header.body_size > body_max ||
      header.packed_size > static_cast<std::uint64_t>(status.st_size)) {
    throw Failure("the recording is damaged, or is none of this version");
  }
  std::vector<std::byte> packed(header.packed_size);
  read_exactly(fd, packed, "read the recording");
  if (XXH3_64bits(packed.data(), packed.size()) != header.checksum) {
    throw Failure("the recording is damaged: its checksum doesn't match");
  }
  std::vector<std::byte> body(header.body_size);
  const std::size_t size = ZSTD_decompress(body.data(), body.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != body.size()) {
    throw Failure("the recording is damaged: it can't be decompressed");
  }
  return unpack(body);
}

Recording Recording::until(Moment moment) const {
  Recording part;
  part.size = size;
  part.base = base;
  part.end = std::min(end, moment);
  const auto told = [&](Moment answered) { return answered < moment ? answered : never; };
  for (Write write : writes) {
    if (write.received >= moment) continue;
    if (write.kind == Write::Kind::data) {
      const auto bytes = bytes_of(write);
      write.data_at = part.data.size();
      part.data.insert(part.data.end(), bytes.begin(), bytes.end());
    }
    write.answered = told(write.answered);
    part.writes.push_back(write);
  }
  for (const Flush& flush : flushes) {
    if (flush.received < moment) part.flushes.push_back({flush.received, told(flush.answered)});
  }
  for (const Ack& ack : acks) {
    if (ack.at < moment) part.acks.push_back(ack);
  }
  for (const Strike& strike : strikes) {
    if (strike.at < moment) part.strikes.push_back(strike);
  }
  return part;
}

}  // namespace crashlab
