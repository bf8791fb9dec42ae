// SPDX-License-Identifier: BSL-1.0
// A state in CBOR (RFC 8949), with the envelope that gives it a generation and a checksum. The
// format is written by hand here; a library's takes its place in `serialize` and `deserialize`.
// With --check: is damage refused?
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>

#include "damage.hpp"

namespace pd = perdure;

namespace app {

/// A map from text to whole numbers.
using Scores = std::map<std::string, std::uint64_t>;

/// The major types of CBOR that a state of this type has.
enum class Major : unsigned { number = 0, text = 3, map = 5 };

struct Cbor {
  pd::Result<void> serialize(const Scores& scores, pd::Sink& sink) const {
    std::string out;
    put_head(out, Major::map, scores.size());
    for (const auto& [name, score] : scores) {
      put_head(out, Major::text, name.size());
      out += name;
      put_head(out, Major::number, score);
    }
    return sink.write(pd::as_bytes(out));
  }

  /// Trusts nothing: any bytes at all give a value or an error.
  pd::Result<Scores> deserialize(pd::Bytes bytes) const {
    Scores scores;
    BOOST_OUTCOME_TRY(std::uint64_t count, take_head(bytes, Major::map));
    for (; count > 0; --count) {
      BOOST_OUTCOME_TRY(const std::uint64_t size, take_head(bytes, Major::text));
      if (size > bytes.size()) return pd::Error::corrupt("a name has no end");
      const std::string name(pd::as_text(bytes.first(static_cast<std::size_t>(size))));
      bytes = bytes.subspan(static_cast<std::size_t>(size));
      BOOST_OUTCOME_TRY(const std::uint64_t score, take_head(bytes, Major::number));
      if (!scores.emplace(name, score).second) return pd::Error::corrupt("a name is there twice");
    }
    if (bytes.empty()) return scores;
    return pd::Error::corrupt("something follows the map");
  }

 private:
  static void put_head(std::string& out, Major major, std::uint64_t number) {
    const unsigned type = static_cast<unsigned>(major) << 5U;
    if (number < 24) {
      out += static_cast<char>(type | number);
      return;
    }
    out += static_cast<char>(type | 27U);  // eight bytes follow, the highest first
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 255U);
  }

  static pd::Result<std::uint64_t> take_head(pd::Bytes& bytes, Major major) {
    if (bytes.empty()) return pd::Error::corrupt("it ends too early");
    const auto first = std::to_integer<unsigned>(bytes[0]);
    bytes = bytes.subspan(1);
    if (first >> 5U != static_cast<unsigned>(major)) return pd::Error::corrupt("another type");
    const unsigned small = first & 31U;
    if (small < 24) return small;
    if (small != 27 || bytes.size() < 8)
      return pd::Error::corrupt("a number is not as we write it");
    std::uint64_t number = 0;
    for (const std::byte byte : bytes.first(8)) {
      number = number << 8U | std::to_integer<std::uint64_t>(byte);
    }
    bytes = bytes.subspan(8);
    return number;
  }
};

using Tracker = pd::StateTracker<Scores, pd::Envelope<Cbor>>;

bool check() {
  using recipes::Harmless;
  using recipes::notices_damage;
  return notices_damage("CBOR", Cbor(), Scores{{"ada", 300}}, Harmless::same_bytes) &&
         notices_damage("CBOR in an envelope", pd::Envelope<Cbor>(),
                        Scores{{"ada", 10}, {"grace", 300}}, Harmless::none);
}

}  // namespace app

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--check") return app::check() ? 0 : 1;
  {
    auto scores = app::Tracker::open("scores");
    if (!scores) return std::cerr << scores.error() << '\n', 1;
    const auto saved = scores.value().update([](app::Scores& s) {
      s["ada"] += 10;
      s["grace"] = std::numeric_limits<std::uint64_t>::max();
      return s.size();
    });
    if (!saved) return std::cerr << saved.error() << '\n', 1;
    std::cout << saved.value().value << " names in generation " << saved.value().receipt.generation
              << ", " << saved.value().receipt.bytes << " bytes\n";
  }
  const auto read = pd::load_state<app::Scores, pd::Envelope<app::Cbor>>("scores");
  if (!read) return std::cerr << read.error() << '\n', 1;
  return read.value().value->at("ada") == 10 && read.value().value->size() == 2 ? 0 : 1;
}
