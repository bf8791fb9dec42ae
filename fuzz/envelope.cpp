// SPDX-License-Identifier: BSL-1.0
// An envelope: a byte that says whether the checksum is mended, then the file. The envelope is
// taken byte for byte, or the read is an error.
#include <cstring>
#include <map>

#include <boost/describe/class.hpp>

#include <perdure/envelope.hpp>
#include <perdure/json.hpp>
#include <perdure/serializer.hpp>

#include "base/checksum.hpp"
#include "fuzz.hpp"

namespace perdure::fuzz {

namespace {

struct State {
  std::int64_t count = 0;
  std::map<std::string, std::string> names;
};
BOOST_DESCRIBE_STRUCT(State, (), (count, names))

constexpr std::size_t at_version = 8;
constexpr std::size_t at_length = 40;
constexpr std::size_t checksum_size = 16;

/// Length and checksum as they would be, had the rest been written so.
void mend(Buffer& file) {
  const bool newer = file.size() > at_version && file[at_version] != std::byte{1};
  const std::size_t header_size = newer ? 88 : 64;
  const std::size_t at_checksum = header_size - checksum_size;
  if (file.size() < header_size) return;
  const std::uint64_t length = file.size() - header_size;
  std::ranges::copy(little_endian_bytes(length),
                    file.begin() + static_cast<std::ptrdiff_t>(at_length));
  Checksum sum;
  sum.update(Bytes(file).first(at_checksum));
  sum.update(Bytes(file).subspan(header_size));
  std::ranges::copy(sum.digest(), file.begin() + static_cast<std::ptrdiff_t>(at_checksum));
}

void check_raw(Bytes file) {
  Bytes inner;
  const auto header = read_envelope(file, inner);
  const std::uint64_t claimed = claimed_generation(file);
  if (!header) {
    const ErrorKind kind = header.error().kind;
    require(kind == ErrorKind::corrupt || kind == ErrorKind::too_new, "one of two refusals");
    require(inner.empty(), "what is refused gives no content");
    return;
  }
  require(claimed == header.value().stamp.generation, "the claim is what the header says");
  Buffer again;
  BufferSink sink(again);
  require(write_envelope(header.value(), inner, sink).has_value(), "it can be written again");
  require(std::ranges::equal(again, file), "a second writing gives the same bytes");
}

/// The same through a serializer within, which looks at the content too.
void check_typed(Bytes file) {
  const Envelope<Json<State>> serializer;
  const auto read = serializer.deserialize_stamped(file);
  // Without a stamp, members that look like one are members like others.
  if (read) require_done(serializer.deserialize(file), "a file without a stamp is readable too");
  if (!read) return;
  Buffer again;
  BufferSink sink(again);
  const auto& [value, stamp, stamped] = read.value();
  require(serializer.serialize_stamped(value, stamp, sink).has_value(), "it can be written again");
  const auto second = serializer.deserialize_stamped(again);
  require_done(second, "what was written can be read");
  require(second.value().stamp.generation == stamp.generation &&
              second.value().stamp.lineage == stamp.lineage &&
              second.value().stamp.unknown == stamp.unknown &&
              second.value().value.names == value.names,
          "nothing is lost on the way");
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure::fuzz;
  InputBytes input(data, size);
  const bool mended = input.flag();
  perdure::Buffer file(input.rest().begin(), input.rest().end());
  if (mended) mend(file);
  check_raw(file);
  check_typed(file);
  return 0;
}
