// SPDX-License-Identifier: BSL-1.0
// Writes what the targets begin with: files that the library made, each behind the byte that its
// target reads first, command lines, and programs beside a neighbour. `fuzz_seeds DIR`, a folder
// for each target; after a change of a format or of an option.
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/json.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/transaction.hpp>

#include "proof/transaction_workloads.hpp"

namespace {

using namespace perdure;  // NOLINT: a program

class Seeds {
 public:
  explicit Seeds(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// A content behind this byte.
  void add_behind(char first, const std::string& target, const std::string& name,
                  std::string_view content) {
    add_file(target, name, first + std::string(content));
  }

  /// One with its checksum as it is, one with a mended one.
  void add(const std::string& target, const std::string& name, std::string_view content) {
    for (const char first : {'\0', '\x03'}) {
      const char* ending = first == '\0' ? "" : "_mended";
      add_behind(first, target, name + ending, content);
    }
  }

  /// An argument a line, in the place of the spaces.
  void add_command_line(std::string arguments) {
    std::string name = arguments;
    std::ranges::replace_if(
        name, [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
    std::ranges::replace(arguments, ' ', '\n');
    add_file("command_line", name, arguments);
  }

  /// One step of fuzz/neighbour.cpp in a directory of that kind, by root or another user. Before
  /// its first rename the neighbour plants a file under the name of a temp.
  void add_beside_neighbour(char kind, bool root, char step, const std::string& name) {
    constexpr std::size_t program_size = 40;
    const char user = root ? '\0' : '\1';
    std::string input{kind, user, '\0', '\0', '\1', '\0', step};
    input.resize(input.size() - 1 + program_size);
    constexpr char before_rename = 96;
    input += {before_rename, '\0', '\0', '\0', '\0', '\0'};
    add_file("neighbour", name, input);
  }

 private:
  void add_file(const std::string& target, const std::string& name, std::string_view content) {
    std::filesystem::create_directories(directory_ / target);
    std::ofstream(directory_ / target / name, std::ios::binary) << content;
  }

  std::filesystem::path directory_;
};

struct DeadRoot {
  std::string journal;
  std::string marker;
};

/// Of a transaction that died, and of its recovery that died too where `recovered`.
DeadRoot root(bool recovered) {
  testing::SimulatedFileSystem disk(testing::presets::ext4);
  testing::ManualEnvironment environment(7);
  testing::Session session({&disk, &environment}, disk);
  test::prepare_root(session);
  test::leave_committed(session, testing::Operation::link, 1);
  if (recovered) {
    testing::FaultyFileSystem dying(disk);
    dying.fail(
        {.operation = testing::Operation::link, .call = 1, .error = EIO, .from_then_on = true});
    TransactionOptions options;
    options.system = {&dying, &environment};
    if (recover("/r", options)) std::abort();
  }
  return {disk.content(recovered ? "r/.perdure/j.copy" : "r/.perdure/j").value(),
          disk.content("r/.perdure-root").value()};
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
  stamp.lineage = {.id = 0x9c0f3b5a77e1d204, .from = 0x51ab9c3e0f7d2268, .from_generation = 4};
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

/// Every subcommand, with what it finds on the target's disk.
constexpr auto command_lines =
    std::to_array<std::string_view>({"write file --from source",
                                     "write --json --verbose --verify file",
                                     "write --keep --mode 0600 other",
                                     "write --keep file",
                                     "write --backup=.old file",
                                     "write --expect absent file",
                                     "write --expect 1-2-3-4-5 file",
                                     "write --parents a/b/c",
                                     "write --symlink refuse --durability ordered file",
                                     "write -q --protocol fast file",
                                     "write none/file",
                                     "write r",
                                     "version-of file",
                                     "version-of --json none",
                                     "remove file",
                                     "remove --expect absent --json none",
                                     "help write",
                                     "backup r copy",
                                     "backup --json --no-check r copy",
                                     "probe .",
                                     "probe --json r",
                                     "probe none",
                                     "clean .",
                                     "clean --json --dry-run r",
                                     "clean none",
                                     "clean --recursive --locks .",
                                     "apply r --from new",
                                     "apply fresh --json --put d/a=source --remove d/b",
                                     "apply r --put a=-",
                                     "apply r --from new --delete",
                                     "apply r --put-symlink a=b --remove-all d --lock-timeout 0",
                                     "apply r --private-directory .other --put a=source",
                                     "apply r --put none=none --remove a",
                                     "apply none --remove a/b",
                                     "recover r",
                                     "recover --json r",
                                     "recover --abandon r",
                                     "recover none",
                                     "inspect r",
                                     "inspect --json r",
                                     "state show state",
                                     "state show --json state",
                                     "state get state /list/0",
                                     "state get --json state /limit",
                                     "state get state /none",
                                     "state set state /limit 9",
                                     "state set --json state /list/- {\"a\":null}",
                                     "state set state /limit {",
                                     "state set new-state /a 1",
                                     "state verify state",
                                     "state verify --json file",
                                     "state verify file",
                                     "state accept state",
                                     "state get --raw state /limit",
                                     "state unset state /limit",
                                     "state set --expect 1 state /limit 9",
                                     "state copy state copied",
                                     "state accept --json file",
                                     "state history state",
                                     "state history --json state",
                                     "state restore state 1",
                                     "state restore --json state 7",
                                     "state show none",
                                     "state show damaged",
                                     "state history --json damaged",
                                     "state verify --json damaged",
                                     "state accept damaged",
                                     "state restore damaged 1",
                                     "state show boxed",
                                     "state get boxed /count",
                                     "state set boxed /count 3",
                                     "state accept boxed",
                                     "state restore boxed 1",
                                     "state history boxed",
                                     "state get state ~",
                                     "state get state /~",
                                     "state set state  {}",
                                     "state set state  7",
                                     "bench . --seconds 0",
                                     "bench none",
                                     "--version"});

/// The steps and the kinds of directory of fuzz/neighbour.cpp, by the bytes that choose them.
constexpr std::array<std::pair<char, std::string_view>, 9> steps{{
    {0, "write"},
    {2, "stream"},
    {3, "batch"},
    {4, "update"},
    {5, "remove"},
    {6, "track"},
    {8, "recover"},
    {9, "below_made"},
    {10, "transact"},
}};
constexpr std::array<std::pair<char, std::string_view>, 6> places{{
    {0, "own"},
    {1, "sticky"},
    {3, "his"},
    {4, "his_sticky"},
    {5, "group"},
    {6, "world"},
}};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIR\n");
    return 2;
  }
  Seeds seeds(argv[1]);
  constexpr char as_copy = 1U << 2U;  // what fuzz/journal.cpp makes of the first byte
  constexpr char as_marker = 1U << 6U;
  const DeadRoot died = root(false);
  seeds.add("journal", "real", died.journal);
  seeds.add_behind(as_copy, "journal", "copy", root(true).journal);
  seeds.add_behind(as_marker, "journal", "marker", died.marker);
  seeds.add_behind(as_marker, "journal", "marker_elsewhere", "perdure root 1\n/private\n");
  const Json<boost::json::object> json;
  for (const bool stamped : {false, true}) {
    const std::string name = stamped ? "stamped" : "plain";
    seeds.add("json", name, written(json, state(), stamped));
    const boost::json::object small{{"count", 7}, {"names", {{"a", "b"}}}};
    seeds.add("envelope", name, written(Envelope<Json<boost::json::object>>{}, small, stamped));
  }
  for (const auto& [kind, place] : places) {
    for (const auto& [step, name] : steps) {
      const bool root = kind != 0 && kind != 5;
      seeds.add_beside_neighbour(kind, root, step, std::string(name) + "_" + std::string(place));
    }
  }
  for (const auto command_line : command_lines) seeds.add_command_line(std::string(command_line));
  return 0;
}
