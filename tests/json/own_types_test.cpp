// SPDX-License-Identifier: BSL-1.0
// Types with a form of their own in JSON: in structs, containers, keys and variants.
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <unordered_map>
#include <variant>
#include <vector>

#include <perdure/json/path.hpp>

#include "samples.hpp"

namespace shop {

/// A price in cents, written as "12.34".
struct Price {
  std::int64_t cents = 0;
  friend auto operator<=>(const Price&, const Price&) = default;
};

std::string text_of(const Price& price) {
  const std::string cents = std::to_string(100 + price.cents % 100).substr(1);
  return std::to_string(price.cents / 100) + "." + cents;
}
bool parse(std::string_view text, Price& out) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() != dot + 3) return false;
  out.cents = std::stoll(std::string(text.substr(0, dot))) * 100 +
              std::stoll(std::string(text.substr(dot + 1)));
  return true;
}

bool write_json(perdure::JsonWriter& writer, const Price& price,
                const perdure::JsonLocation& location) {
  return writer.text(text_of(price), location);
}
bool read_json(perdure::JsonReader& reader, Price& out, const perdure::JsonLocation& location) {
  std::string text;
  if (!reader.text(text, location)) return false;
  return parse(text, out) ||
         reader.fail(location, "expected a price as 12.34, found " + perdure::json_excerpt(text));
}

struct Basket {
  Price total;
  std::vector<Price> items;
  std::map<Price, int> counts;
  std::optional<Price> discount;
  std::variant<std::monostate, bool, Price> shipping;
  std::unique_ptr<Price> tip;
};
BOOST_DESCRIBE_STRUCT(Basket, (), (total, items, counts, discount, shipping, tip))

}  // namespace shop

template <>
inline constexpr perdure::JsonKind perdure::json_kind<shop::Price> = perdure::JsonKind::string;
template <>
struct perdure::JsonKey<shop::Price> {
  static std::string write(const shop::Price& price) { return shop::text_of(price); }
  static bool read(std::string_view text, shop::Price& out) { return shop::parse(text, out); }
};

namespace {

using namespace perdure;
using namespace perdure::test;

template <class T>
std::string error_of(std::string_view text) {
  const Result<T> read = Json<T>{}.deserialize(as_bytes(text));
  return read ? "none" : read.error().detail;
}

TEST_CASE("a type with a form of its own stands wherever a type may") {
  shop::Basket basket;
  basket.total = {1234};
  basket.items = {{1}, {200}};
  basket.counts = {{{1}, 2}, {{200}, 1}};
  basket.discount = shop::Price{99};
  basket.shipping = shop::Price{499};
  basket.tip = std::make_unique<shop::Price>(shop::Price{5});
  const Json<shop::Basket> compact{.indent = 0, .limits = {}};
  const std::string text = write(basket, compact);
  CHECK(text == R"({"total":"12.34","items":["0.01","2.00"],"counts":{"0.01":2,"2.00":1},)"
                R"("discount":"0.99","shipping":"4.99","tip":"0.05"})"
                "\n");
  const auto back = read<shop::Basket>(text);
  CHECK(back.total == basket.total);
  CHECK(back.items == basket.items);
  CHECK(back.counts == basket.counts);
  CHECK(back.discount == basket.discount);
  CHECK(back.shipping == basket.shipping);
  CHECK(*back.tip == *basket.tip);
  CHECK(read<shop::Basket>(R"({"shipping": true})").shipping.index() == 1);
}

TEST_CASE("an error of a type with a form of its own names the member") {
  CHECK_THAT(error_of<shop::Basket>(R"({"items": ["1.00", "much"]})"),
             Contains("items[1]") && Contains("expected a price as 12.34, found \"much\""));
  CHECK_THAT(error_of<shop::Basket>(R"({"counts": {"much": 1}})"),
             Contains("counts.much") && Contains("the name of this member is not a key"));
  CHECK_THAT(error_of<shop::Basket>(R"({"counts": {"1.00": 1, "01.00": 2}})"),
             Contains("not a key"));
}

TEST_CASE("bytes are base64, one text for each content") {
  const auto bytes = [](std::string_view text) {
    const Bytes view = as_bytes(text);
    return Buffer(view.begin(), view.end());
  };
  const Json<Buffer> compact{.indent = 0, .limits = {}};
  const std::vector<std::pair<std::string, std::string>> known{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {"\xff\xfe", "//4="}};
  for (const auto& [content, text] : known) {  // RFC 4648, section 10
    CHECK(write(bytes(content), compact) == "\"" + text + "\"\n");
    CHECK(read<Buffer>("\"" + text + "\"") == bytes(content));
  }
  for (const char* wrong : {"\"Zg\"", "\"Zg=\"", "\"Zh==\"", "\"Zg==Zg==\"", "\"Z===\"", "\"====\"",
                            "\"Z g=\"", "\"Zm9\"", "\"Zm9-\"", "5"}) {
    INFO(wrong);
    CHECK_THAT(error_of<Buffer>(wrong), Contains("expected bytes in base64"));
  }
  using Four = std::array<std::byte, 4>;
  const Four four{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{255}};
  CHECK(read<Four>(write(four)) == four);
  CHECK_THAT(error_of<Four>("\"Zg==\""), Contains("expected 4 bytes, found 1"));
  using Choice = std::variant<Buffer, std::vector<int>>;
  CHECK(read<Choice>("\"Zg==\"").index() == 0);
  CHECK(read<Choice>("[1]").index() == 1);
}

TEST_CASE("paths are strings, and keys") {
  using Sizes = std::map<std::filesystem::path, int>;
  const Sizes sizes{{"a/b", 1}, {"c d", 2}};
  const Json<Sizes> compact{.indent = 0, .limits = {}};
  CHECK(write(sizes, compact) == R"({"a/b":1,"c d":2})"
                                 "\n");
  CHECK(read<Sizes>(write(sizes)) == sizes);
  CHECK(read<std::filesystem::path>("\"/tmp/x\"") == "/tmp/x");
  CHECK(read<Path>(write(Path("a/b"))) == Path("a/b"));
  Buffer out;
  BufferSink sink(out);
  CHECK_FALSE(Json<std::filesystem::path>{}.serialize("no\xffutf8", sink));
}

TEST_CASE("dates are strings") {
  using std::chrono::year_month_day;
  using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
  const year_month_day day{2026y / 11 / 30};
  CHECK(write(day) == "\"2026-11-30\"\n");
  CHECK(read<year_month_day>("\"2026-11-30\"") == day);
  CHECK(read<year_month_day>("\"0001-02-28\"") == year_month_day{1y / 2 / 28});
  for (const char* wrong : {"\"2026-02-30\"", "\"2026-1-30\"", "\"26-11-30\"", "\"2026-11-30Z\"",
                            "\"2026/11/30\"", "20261130", "\"-026-11-30\""}) {
    INFO(wrong);
    CHECK_THAT(error_of<year_month_day>(wrong), Contains("expected a date as 2026-01-31"));
  }
  Buffer out;
  BufferSink sink(out);
  CHECK_FALSE(Json<year_month_day>{}.serialize(2026y / 2 / 30, sink));
}

}  // namespace
