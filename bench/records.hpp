// SPDX-License-Identifier: BSL-1.0
// Described records, as many as are asked for: 200,000 are about 64 MB of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/json.hpp>

namespace perdure::bench {

struct Attempt {
  std::int64_t started = 0;
  double seconds = 0;
  bool failed = false;
};

struct Record {
  std::uint64_t id = 0;
  std::string name;
  std::string owner;
  int attempts = 0;
  double load = 0;
  bool active = false;
  std::vector<std::string> tags;
  std::vector<Attempt> history;
};

struct State {
  std::uint64_t next_id = 0;
  std::vector<Record> records;
};

BOOST_DESCRIBE_STRUCT(Attempt, (), (started, seconds, failed))
BOOST_DESCRIBE_STRUCT(Record, (), (id, name, owner, attempts, load, active, tags, history))
BOOST_DESCRIBE_STRUCT(State, (), (next_id, records))

inline State make_state(std::uint64_t records) {
  State out;
  out.next_id = records;
  std::uint64_t random = 88172645463325252U;
  const auto next = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return random;
  };
  for (std::uint64_t i = 0; i < records; ++i) {
    Record one;
    one.id = next();
    one.name = "build-" + std::to_string(i);
    one.owner = "Jürgen \"the builder\" M" + std::to_string(next() % 1000);
    one.attempts = static_cast<int>(next() % 10);
    one.load = static_cast<double>(next() % 1'000'000'007) / 1'000'003.0;
    one.active = next() % 2 == 0;
    one.tags = {"nightly"};
    one.history.push_back({static_cast<std::int64_t>(next() % 2'000'000'000),
                           static_cast<double>(next() % 100'000) / 1000.0, next() % 2 == 0});
    out.records.push_back(std::move(one));
  }
  return out;
}

}  // namespace perdure::bench
