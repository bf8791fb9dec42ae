// SPDX-License-Identifier: BSL-1.0
// JSON: a byte that says whether the checksum is mended, then the text. Read into a struct of
// everything that has a form in JSON, and without a schema; Boost.JSON judges what is JSON at all.
#include <array>
#include <chrono>
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include <perdure/json.hpp>

#include "base/checksum.hpp"
#include "formats/json/stamp_fields.hpp"
#include "fuzz.hpp"

namespace perdure::fuzz {

namespace {

namespace bj = boost::json;

enum class Phase { waiting, running, done };
BOOST_DESCRIBE_ENUM(Phase, waiting, running, done)

struct Base {
  bool on = true;
  std::int8_t small = 1;
};
BOOST_DESCRIBE_STRUCT(Base, (), (on, small))

struct Everything : Base {
  std::uint8_t byte = 2;
  std::int64_t number = -3;
  std::uint64_t natural = 4;
  double real = 0.5;
  float single = 0.25F;
  std::string text;
  Phase phase = Phase::waiting;
  std::optional<double> maybe;
  std::unique_ptr<Base> owned;
  std::vector<Base> list;
  std::list<std::string> words;
  std::array<int, 2> two{};
  std::set<int> set;
  std::pair<int, std::string> pair;
  std::tuple<bool, double> tuple;
  std::map<std::string, int> by_name;
  std::map<std::int16_t, int> by_number;
  std::map<Phase, int> by_phase;
  std::chrono::sys_time<std::chrono::milliseconds> at{};
  std::chrono::seconds wait{};
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<int>> any;
  bj::value value;
  bj::object object;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (byte, number, natural, real, single, text, phase, maybe, owned, list, words,
                       two, set, pair, tuple, by_name, by_number, by_phase, at, wait, any, value,
                       object))

/// Puts the right digits behind "xxh3-128:" in the first member that looks like it: the checksum
/// covers every other byte.
void mend(std::string& text) {
  const auto member = text.find("\"checksum\"");
  const auto prefix = text.find(checksum_prefix, std::min(member, text.size()));
  if (member == std::string::npos || prefix == std::string::npos) return;
  const auto digits = prefix + checksum_prefix.size();
  if (text.size() < digits + 32) return;
  Checksum sum;
  const Bytes all = as_bytes(text);
  sum.update(all.first(digits));
  sum.update(all.subspan(digits + 32));
  text.replace(digits, 32, sum.hexadecimal());
}

template <class T>
std::string written(const T& value) {
  Buffer bytes;
  BufferSink sink(bytes);
  require(Json<T>{}.serialize(value, sink).has_value(), "what was read can be written");
  return std::string(as_text(bytes));
}

template <class T>
std::string written_stamped(const Stamped<T>& read) {
  Buffer bytes;
  BufferSink sink(bytes);
  require(Json<T>{}.serialize_stamped(read.value, read.stamp, sink).has_value(),
          "what was read can be written with its stamp");
  return std::string(as_text(bytes));
}

/// Equal, numbers to the precision that Boost.JSON has by default.
bool alike(const bj::value& ours, const bj::value& theirs) {
  if (ours.is_number() && theirs.is_number()) {
    if (ours.is_double() || theirs.is_double()) {
      const auto a = ours.to_number<double>();
      const auto b = theirs.to_number<double>();
      // 0e4008 is 0 times an infinity to Boost.JSON.
      return a == b || !std::isfinite(b) ||
             std::abs(a - b) <= 1e-14 * std::max(std::abs(a), std::abs(b)) ||
             std::abs(a - b) <= 1e-300;
    }
    return ours == theirs;
  }
  if (ours.kind() != theirs.kind()) return false;
  if (ours.is_array()) {
    return std::ranges::equal(ours.get_array(), theirs.get_array(), alike);
  }
  if (!ours.is_object()) return ours == theirs;
  return std::ranges::equal(ours.get_object(), theirs.get_object(),
                            [](const bj::key_value_pair& a, const bj::key_value_pair& b) {
                              return a.key() == b.key() && alike(a.value(), b.value());
                            });
}

/// Whether only we refuse a text: Boost.JSON takes the last of two members, and rounds.
bool is_stricter(const Error& error) {
  for (const std::string_view why :
       {"twice", "from -9223372036854775808", "out of range", "nested deeper"}) {
    if (error.detail.find(why) != std::string::npos) return true;
  }
  return false;
}

void check_schemaless(std::string_view text) {
  const auto ours = Json<bj::value>{}.deserialize(as_bytes(text));
  bj::parse_options options;
  options.max_depth = 200;
  boost::system::error_code code;
  const bj::value theirs = bj::parse({text.data(), text.size()}, code, {}, options);
  if (!ours) {
    require(code || is_stricter(ours.error()), "what is JSON is taken");
    return;
  }
  if (code == bj::error::exponent_overflow) return;  // of a zero, say
  require(!code, "what is taken is JSON");
  require(alike(ours.value(), theirs), "both read the same");
  const std::string again = written(ours.value());
  require(Json<bj::value>{}.deserialize(as_bytes(again)).value() == ours.value(),
          "a text without a schema reads back");
}

void check_typed(std::string_view text) {
  const auto read = Json<Everything>{}.deserialize(as_bytes(text));
  if (!read) return;
  // A member that it does not know may be a number that no type here can hold.
  const auto object = Json<bj::object>{}.deserialize(as_bytes(text));
  require(object.has_value() || is_stricter(object.error()),
          "what a struct is read from is an object");
  const std::string again = written(read.value());
  const auto second = Json<Everything>{}.deserialize(as_bytes(again));
  require_done(second, "what was written can be read");
  require(written(second.value()) == again, "a second writing gives the same bytes");
}

template <class T>
void check_stamped(std::string_view text) {
  const Json<T> json;
  const auto read = json.deserialize_stamped(as_bytes(text));
  const auto edited = json.deserialize_edited(as_bytes(text));
  const std::uint64_t claimed = json.claimed_generation(as_bytes(text));
  if (!read) return;
  require_done(edited, "what needs no acceptance can be accepted");
  if (read.value().stamped) {
    require(claimed == read.value().stamp.generation, "an intact file claims its own generation");
  }
  const std::string again = written_stamped(read.value());
  const auto second = json.deserialize_stamped(as_bytes(again));
  require(second.has_value() && second.value().stamped, "what was stamped can be read");
  require(second.value().stamp.generation == read.value().stamp.generation &&
              second.value().stamp.last_updated == read.value().stamp.last_updated &&
              second.value().stamp.unknown == read.value().stamp.unknown &&
              second.value().stamp.lineage == read.value().stamp.lineage,
          "a stamp reads back");
  require(written_stamped(second.value()) == again, "a second writing gives the same bytes");
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure::fuzz;
  InputBytes input(data, size);
  const bool mended = input.flag();
  std::string text(perdure::as_text(input.rest()));
  if (mended) mend(text);
  check_schemaless(text);
  check_typed(text);
  check_stamped<Everything>(text);
  check_stamped<boost::json::object>(text);
  check_stamped<perdure::JsonText>(text);
  return 0;
}
