// SPDX-License-Identifier: BSL-1.0
// Each type as JSON, and that it comes back as it was.
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <limits>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "samples.hpp"

namespace {

using namespace perdure;
using namespace perdure::test;
using namespace std::chrono;

template <class T>
void check_same(const T& value, std::string_view text) {
  const Json<T> compact{.indent = 0, .limits = {}};
  CHECK(write(value, compact) == std::string(text) + "\n");
  CHECK(read<T>(text) == value);
}

TEST_CASE("numbers keep every bit") {
  check_same<bool>(true, "true");
  check_same<std::int8_t>(-128, "-128");
  check_same<std::uint8_t>(255, "255");
  check_same<std::int64_t>(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
  check_same<std::uint64_t>(std::numeric_limits<std::uint64_t>::max(), "18446744073709551615");
  check_same<std::uint64_t>((std::uint64_t{1} << 53U) + 1, "9007199254740993");
  check_same<double>(0.1, "0.1");
  check_same<double>(1.0, "1.0");
  check_same<double>(1e5, "100000.0");  // the shortest digits are 1e+05
  check_same<double>(0.00025, "0.00025");
  check_same<double>(1234567890123456.0, "1234567890123456.0");
  check_same<double>(1e16, "1e+16");
  check_same<double>(1e-5, "1e-05");
  check_same<double>(1e22, "1e+22");
  check_same<double>(5e-324, "5e-324");
  check_same<double>(std::numeric_limits<double>::max(), "1.7976931348623157e+308");
  check_same<float>(0.1F, "0.1");
  check_same<float>(16777216.0F, "16777216.0");
  check_same<float>(std::numeric_limits<float>::max(), "3.4028235e+38");
  CHECK(std::signbit(read<double>(write(-0.0))));

  std::uint64_t random = 88172645463325252U;
  for (int i = 0; i < 20'000; ++i) {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    const auto wide = std::bit_cast<double>(random);
    const auto narrow = std::bit_cast<float>(static_cast<std::uint32_t>(random));
    if (std::isfinite(wide)) {
      REQUIRE(std::bit_cast<std::uint64_t>(read<double>(write(wide))) == random);
    }
    if (std::isfinite(narrow)) {
      REQUIRE(std::bit_cast<std::uint32_t>(read<float>(write(narrow))) ==
              static_cast<std::uint32_t>(random));
    }
  }
}

TEST_CASE("a double of many digits is read as what it says") {
  // The parser took 0.022368543372036854775558 for 0.0000110...: its digits, which 64 bits do not
  // hold, ran over unnoticed behind "0.0".
  CHECK(read<double>("0.022368543372036854775558") == 0.022368543372036854775558);
  CHECK(read<double>("0.1000000000000000055511151231257827") == 0.1);
  CHECK(read<double>("1e-400") == 0);
  CHECK(std::signbit(read<double>("-1e-400")));
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = random() % 2 == 0 ? "0." : std::to_string(random() % 1000) + ".";
    text.append(static_cast<std::size_t>(random() % 25), '0');
    for (auto digits = 1 + random() % 40; digits > 0; --digits) {
      text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 3 == 0) text += "e" + std::to_string(static_cast<int>(random() % 700) - 400);
    const double wanted = std::strtod(text.c_str(), nullptr);
    if (std::isinf(wanted)) continue;
    CAPTURE(text);
    REQUIRE(std::bit_cast<std::uint64_t>(read<double>(text)) ==
            std::bit_cast<std::uint64_t>(wanted));
  }
}

TEST_CASE("strings: all of Unicode, all escapes, every length around the fast path") {
  check_same<std::string>("", R"("")");
  check_same<std::string>("a\"b\\c\b\f\n\r\t\x01\x1f\x7f/", R"("a\"b\\c\b\f\n\r\t\u0001\u001f)"
                                                            "\x7f/\"");
  check_same<std::string>(std::string("nul\0nul", 7), R"("nul\u0000nul")");
  check_same<std::string>("\u00e9\u20ac\U0001f600", "\"\u00e9\u20ac\U0001f600\"");
  CHECK(read<std::string>(R"("\u00e9\u20ac\ud83d\ude00\/")") == "\u00e9\u20ac\U0001f600/");

  for (std::size_t size = 0; size < 40; ++size) {
    for (const std::string_view odd : {"\"", "\\", "\n", "\u00e9", "\x7f", "}", "\x1f"}) {
      for (std::size_t at = 0; at <= size; ++at) {
        const std::string value = std::string(at, 'x').append(odd).append(size - at, 'y');
        REQUIRE(read<std::string>(write(value)) == value);
      }
    }
  }
  // Longer than the block in which the writer hands on its text.
  std::string large;
  while (large.size() < 200'000) large += "0123456\n\u20ac";
  CHECK(read<std::string>(write(large)) == large);
  CHECK(read<std::string>(write(std::string(300'000, 'z'))) == std::string(300'000, 'z'));
}

TEST_CASE("containers") {
  check_same<std::vector<int>>({1, 2, 3}, "[1,2,3]");
  check_same<std::vector<int>>({}, "[]");
  check_same<std::vector<bool>>({true, false}, "[true,false]");
  check_same<std::vector<std::vector<int>>>({{}, {1}, {}}, "[[],[1],[]]");
  check_same<std::deque<std::string>>({"a", "b"}, R"(["a","b"])");
  check_same<std::list<double>>({1.5}, "[1.5]");
  check_same<std::set<int>>({3, 1}, "[1,3]");
  check_same<std::multiset<int>>({1, 1}, "[1,1]");
  check_same<std::unordered_set<std::string>>({"a"}, R"(["a"])");
  check_same<std::array<int, 3>>({1, 2, 3}, "[1,2,3]");
  check_same<std::pair<int, std::string>>({1, "a"}, R"([1,"a"])");
  check_same<std::tuple<int, bool, std::string>>({1, true, "a"}, R"([1,true,"a"])");
  check_same<std::map<std::string, int>>({{"b", 2}, {"a/\"", 1}}, R"({"a/\"":1,"b":2})");
  check_same<std::map<int, bool>>({{-1, true}, {10, false}}, R"({"-1":true,"10":false})");
  check_same<std::map<Phase, int>>({{Phase::done, 1}}, R"({"done":1})");
  check_same<std::unordered_map<std::uint64_t, int>>({{18446744073709551615U, 1}},
                                                     R"({"18446744073709551615":1})");
}

TEST_CASE("null or a value, one of several") {
  check_same<std::optional<int>>({}, "null");
  check_same<std::optional<int>>(5, "5");
  CHECK(write(std::unique_ptr<int>(), {.indent = 0, .limits = {}}) == "null\n");
  CHECK(*read<std::unique_ptr<int>>("7") == 7);
  using Any = std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<int>>;
  check_same<Any>({}, "null");
  check_same<Any>(true, "true");
  check_same<Any>(std::int64_t{-3}, "-3");
  check_same<Any>("s", R"("s")");
  check_same<Any>(std::vector<int>{1}, "[1]");
  CHECK(read_trouble<Any>("{}") ==
        "top level: expected one of the kinds that this variant has, found an object");
}

TEST_CASE("times keep the digits of their unit") {
  const sys_days day = 2026y / January / 31;
  check_same<sys_time<nanoseconds>>(day + 123456789ns, R"("2026-01-31T00:00:00.123456789Z")");
  check_same<sys_time<microseconds>>(day + 5us, R"("2026-01-31T00:00:00.000005Z")");
  check_same<sys_time<milliseconds>>(day - 1ms, R"("2026-01-30T23:59:59.999Z")");
  check_same<sys_seconds>(day + 1h + 2min + 3s, R"("2026-01-31T01:02:03Z")");
  check_same<sys_days>(day, R"("2026-01-31T00:00:00Z")");
  check_same<sys_seconds>(sys_days{0y / January / 1}, R"("0000-01-01T00:00:00Z")");
  check_same<sys_seconds>(sys_days{9999y / December / 31} + 86399s, R"("9999-12-31T23:59:59Z")");
  using Time = sys_time<nanoseconds>;
  check_same<Time>(Time::min(), R"("1677-09-21T00:12:43.145224192Z")");
  check_same<Time>(Time::max(), R"("2262-04-11T23:47:16.854775807Z")");
  CHECK(read<sys_seconds>(R"("2026-01-31T02:30:00+01:30")") == day + 1h);
  CHECK(read<sys_seconds>(R"("2026-01-30T20:00:00-05:00")") == day + 1h);
  CHECK(read<Time>(R"("2026-01-31T00:00:00.5Z")") == day + 500ms);
  check_same<milliseconds>(1500ms, "1500");
  check_same<duration<double>>(duration<double>(0.25), "0.25");
}

TEST_CASE("a time is read exactly or refused in words, whatever its unit and its integer") {
  // 128 bits held each count on the way, where the machine has them; 32-bit ones do not.
  const auto beyond = Contains("this time is out of range");
  const auto finer = Contains("this time is finer than the program keeps");
  using Time = sys_time<nanoseconds>;
  CHECK_THAT(read_trouble<Time>(R"("2262-04-11T23:47:16.854775808Z")"), beyond);
  CHECK_THAT(read_trouble<Time>(R"("1677-09-21T00:12:43.145224191Z")"), beyond);
  CHECK_THAT(read_trouble<Time>(R"("9999-12-31T23:59:59Z")"), beyond);
  CHECK_THAT(read_trouble<Time>(R"("0000-01-01T00:00:00Z")"), beyond);

  using Unsigned = sys_time<duration<std::uint64_t, std::nano>>;
  check_same<Unsigned>(Unsigned::max(), R"("2554-07-21T23:34:33.709551615Z")");
  CHECK_THAT(read_trouble<Unsigned>(R"("2554-07-21T23:34:33.709551616Z")"), beyond);
  CHECK_THAT(read_trouble<Unsigned>(R"("1969-12-31T23:59:59.999999999Z")"), beyond);

  using Days = sys_time<duration<std::int16_t, days::period>>;
  CHECK(read<Days>(R"("2059-09-18T00:00:00Z")") == Days::max());
  CHECK(read<Days>(R"("1880-04-14T00:00:00Z")") == Days::min());
  CHECK_THAT(read_trouble<Days>(R"("2059-09-19T00:00:00Z")"), beyond);
  CHECK_THAT(read_trouble<Days>(R"("1880-04-13T00:00:00Z")"), beyond);
  CHECK_THAT(read_trouble<Days>(R"("2026-01-31T00:00:01Z")"), finer);

  using Seconds32 = sys_time<duration<std::int32_t>>;
  CHECK(read<Seconds32>(R"("2038-01-19T03:14:07Z")") == Seconds32::max());
  CHECK_THAT(read_trouble<Seconds32>(R"("2038-01-19T03:14:08Z")"), beyond);
  CHECK(read<sys_time<minutes>>(R"("1969-12-31T23:59:00Z")") == sys_seconds(-60s));
  CHECK_THAT(read_trouble<sys_time<minutes>>(R"("1969-12-31T23:59:01Z")"), finer);
  CHECK_THAT(read_trouble<sys_seconds>(R"("2026-01-31T00:00:00.5Z")"), finer);
  CHECK_THAT(read_trouble<sys_time<milliseconds>>(R"("2026-01-31T00:00:00.0005Z")"), finer);
}

struct Base {
  int id = 1;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))

class Derived : public Base {
 public:
  Derived() = default;
  explicit Derived(int secret) : secret_(secret) {}
  std::unique_ptr<Derived> next;
  [[nodiscard]] int secret() const { return secret_; }

 private:
  int secret_ = 0;
  BOOST_DESCRIBE_CLASS(Derived, (Base), (next), (), (secret_))
};

TEST_CASE("described classes: bases first, private members too, recursion") {
  Derived value(5);
  value.next = std::make_unique<Derived>(6);
  const std::string text = write(value, {.indent = 0, .limits = {}});
  CHECK(text == R"({"id":1,"next":{"id":1,"next":null,"secret_":6},"secret_":5})"
                "\n");
  const auto back = read<Derived>(text);
  CHECK(back.secret() == 5);
  REQUIRE(back.next != nullptr);
  CHECK(back.next->secret() == 6);
}

TEST_CASE("a state, indented by two") {
  Queue queue;
  queue.next_id = 2;
  queue.active["a"] = {"build", 1, Phase::running, 0.5};
  CHECK(write(queue) == R"({
  "next_id": 2,
  "active": {
    "a": {
      "name": "build",
      "attempts": 1,
      "phase": "running",
      "load": 0.5
    }
  },
  "finished": []
}
)");
  CHECK(read<Queue>(write(queue)) == queue);
  const Queue large = sample_queue(300'000);
  CHECK(read<Queue>(write(large)) == large);
}

TEST_CASE("members in any order: missing ones keep the default, unknown ones are checked") {
  const auto queue = read<Queue>(
      R"({"new": {"x": [1, 1e999, null]}, "active": {"a": {"phase": "done", "name": "n"}}})");
  CHECK(queue.next_id == 0);
  CHECK(queue.active.at("a") == Job{"n", 3, Phase::done, {}});
  CHECK(read_trouble<Queue>(R"({"new": [1, 01]})") == R"(new[1]: "01" is not a number)");
  CHECK(read_trouble<Queue>(R"({"new": {"x": 1, "y": 2, "x": 3}})") ==
        "new.x: this member is there twice");
}

struct Full {
  std::vector<int> list{1, 2};
  std::map<std::string, int> map{{"a", 1}};
  std::optional<int> maybe = 5;
  friend bool operator==(const Full&, const Full&) = default;
};
BOOST_DESCRIBE_STRUCT(Full, (), (list, map, maybe))

TEST_CASE("what the file says replaces a default, it does not add to it") {
  check_same<Full>(Full{{}, {}, {}}, R"({"list":[],"map":{},"maybe":null})");
  CHECK(read<Full>("{}") == Full{});
}

}  // namespace
