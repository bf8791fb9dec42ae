// SPDX-License-Identifier: BSL-1.0
// The state of the tests: a queue of jobs, and how it is written and read.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/json.hpp>

#include "support/catch.hpp"

namespace perdure::test {

enum class Phase { waiting, running, done };
BOOST_DESCRIBE_ENUM(Phase, waiting, running, done)

struct Job {
  std::string name;
  int attempts = 3;
  Phase phase = Phase::waiting;
  std::optional<double> load;
  friend bool operator==(const Job&, const Job&) = default;
};
BOOST_DESCRIBE_STRUCT(Job, (), (name, attempts, phase, load))

struct Queue {
  std::uint64_t next_id = 0;
  std::map<std::string, Job> active;
  std::vector<Job> finished;
  friend bool operator==(const Queue&, const Queue&) = default;
};
BOOST_DESCRIBE_STRUCT(Queue, (), (next_id, active, finished))

template <class T>
std::string write(const T& value, const Json<T>& json = {}) {
  Buffer bytes;
  BufferSink sink(bytes);
  const Result<void> done = json.serialize(value, sink);
  if (!done) FAIL(done.error().detail);
  return std::string(as_text(bytes));
}

template <class T>
std::string write_stamped(const T& value, const Stamp& stamp, const Json<T>& json = {}) {
  Buffer bytes;
  BufferSink sink(bytes);
  const Result<void> done = json.serialize_stamped(value, stamp, sink);
  if (!done) FAIL(done.error().detail);
  return std::string(as_text(bytes));
}

template <class T>
T read(std::string_view text, const Json<T>& json = {}) {
  Result<T> value = json.deserialize(as_bytes(text));
  if (!value) FAIL(value.error().detail);
  return std::move(value).value();
}

template <class T>
Stamped<T> read_stamped(std::string_view text, const Json<T>& json = {}) {
  Result<Stamped<T>> value = json.deserialize_stamped(as_bytes(text));
  if (!value) FAIL(value.error().detail);
  return std::move(value).value();
}

/// The words of the error; "(none)" if there was none.
template <class T>
std::string trouble(const Result<T>& result) {
  return result ? std::string("(none)") : result.error().detail;
}

template <class T>
std::string read_trouble(std::string_view text, const Json<T>& json = {}) {
  return trouble(json.deserialize(as_bytes(text)));
}

template <class T>
std::string write_trouble(const T& value, const Json<T>& json = {}) {
  Buffer bytes;
  BufferSink sink(bytes);
  return trouble(json.serialize(value, sink));
}

inline Stamp sample_stamp() {
  using namespace std::chrono;
  Stamp out;
  out.generation = 41;
  out.last_updated = sys_days{2026y / January / 31} + 12h + 34min + 56s + 123456789ns;
  return out;
}

/// A queue whose stamped text has about `bytes` bytes, strings that need care among them.
inline Queue sample_queue(std::size_t bytes) {
  Queue out;
  out.next_id = 18'446'744'073'709'551'615U;
  const auto size = [&] { return write_stamped(out, sample_stamp()).size(); };
  for (int i = 0; size() + 160 < bytes; ++i) {
    Job job{"job \"" + std::to_string(i) + "\" \\ \u00e9\u20ac\U0001f600\t", i, Phase::running, {}};
    if (i % 2 == 0) job.load = 0.1 * i;
    if (i % 3 == 0) {
      out.finished.push_back(job);
    } else {
      out.active["key/" + std::to_string(i)] = job;
    }
  }
  return out;
}

}  // namespace perdure::test
