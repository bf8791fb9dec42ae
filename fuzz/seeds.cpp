// SPDX-License-Identifier: BSL-1.0
// Writes what the targets begin with: files that the library made, each behind the byte that its
// target reads first. `fuzz_seeds DIR`, a folder for each target; after a change of a format.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/json.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "simulator/transaction_workloads.hpp"

namespace {

using namespace perdure;  // NOLINT: a program

class Seeds {
 public:
  explicit Seeds(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// One with its checksum as it is, one with a mended one.
  void add(const std::string& target, const std::string& name, std::string_view content) {
    std::filesystem::create_directories(directory_ / target);
    for (const char first : {'\0', '\x03'}) {
      const char* ending = first == '\0' ? "" : "_mended";
      std::ofstream(directory_ / target / (name + ending), std::ios::binary) << first << content;
    }
  }

 private:
  std::filesystem::path directory_;
};

std::string journal() {
  testing::SimulatedFileSystem disk(testing::presets::ext4);
  testing::ManualEnvironment environment(7);
  testing::Session session({&disk, &environment}, disk);
  test::prepare_root(session);
  test::leave_committed(session, testing::Operation::link, 1);
  return disk.content("r/.perdure/j").value();
}

boost::json::object state() {
  return boost::json::parse(R"({
    "on": false, "small": -8, "byte": 200, "number": -9223372036854775808,
    "natural": 18446744073709551615, "real": 1.5e-7, "single": 0.25,
    "text": "x\u00e9\n\ud83d\ude00", "phase": "running", "maybe": null,
    "owned": {"on": true, "small": 1}, "list": [{}, {"on": true}],
    "words": ["a", ""], "two": [1, 2], "set": [3, 1], "pair": [1, "one"], "tuple": [true, 0.5],
    "by_name": {"a": 1}, "by_number": {"-1": 2}, "by_phase": {"done": 3},
    "at": "2026-01-31T12:34:56.789Z", "wait": 60, "any": [1], "value": {"x": [null, 1.0]},
    "object": {"y": 1}, "unknown": {"z": [true]}})")
      .as_object();
}

Stamp stamp() {
  Stamp stamp;
  stamp.generation = 41;
  stamp.last_updated = StampTime(std::chrono::nanoseconds(1'769'862'896'123'456'789));
  stamp.schema_version = 2;
  return stamp;
}

template <class S, class T>
std::string written(const S& serializer, const T& value, bool stamped) {
  Buffer bytes;
  BufferSink sink(bytes);
  if (stamped) {
    serializer.serialize_stamped(value, stamp(), sink).value();
  } else {
    serializer.serialize(value, sink).value();
  }
  return std::string(as_text(bytes));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIR\n");
    return 2;
  }
  Seeds seeds(argv[1]);
  seeds.add("journal", "real", journal());
  const Json<boost::json::object> json;
  for (const bool stamped : {false, true}) {
    const std::string name = stamped ? "stamped" : "plain";
    seeds.add("json", name, written(json, state(), stamped));
    const boost::json::object small{{"count", 7}, {"names", {{"a", "b"}}}};
    seeds.add("envelope", name, written(Envelope<Json<boost::json::object>>{}, small, stamped));
  }
  return 0;
}
