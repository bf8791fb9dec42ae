// SPDX-License-Identifier: BSL-1.0
#include <array>
#include <cerrno>
#include <set>

#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

TEST_CASE("operations have names that can be read back, and errors") {
  std::set<std::string_view> words;
  for (const Operation operation : all_operations()) {
    words.insert(to_string(operation));
    CHECK(parse_operation(to_string(operation)) == operation);
    CHECK(errors_of(operation).size() >= 3);
    for (const int error : errors_of(operation)) CHECK(errno_name(error) != "E?");
  }
  CHECK(words.size() == operation_count);
  CHECK_FALSE(parse_operation("fsync"));
}

TEST_CASE("a fault strikes the call it names, once or from then on") {
  SimulatedFileSystem disk;
  FaultyFileSystem faulty(disk);
  const Handle root = faulty.open_directory(Handle::working_directory, "/").value();
  faulty.fail({.operation = Operation::create, .call = 2, .error = ENOSPC});
  CHECK(faulty.create(root, "a", 0600));
  CHECK(faulty.create(root, "b", 0600).error().value() == ENOSPC);
  CHECK_FALSE(disk.content("b"));
  CHECK(faulty.create(root, "b", 0600));
  faulty.heal();
  faulty.restart();
  faulty.fail({.call = 2, .error = EIO, .from_then_on = true});
  CHECK(faulty.stat(root));
  CHECK_FALSE(faulty.stat(root));
  CHECK_FALSE(faulty.list(root));
  CHECK(faulty.fired() == 2);
  CHECK(faulty.calls() == 3);
  CHECK(faulty.log().back().operation == Operation::list);
  CHECK(faulty.log().back().injected);
}

TEST_CASE("a script moves so many bytes and then fails") {
  SimulatedFileSystem disk;
  FaultyFileSystem faulty(disk);
  const Handle root = faulty.open_directory(Handle::working_directory, "/").value();
  const Handle file = faulty.create(root, "a", 0600).value();
  faulty.script(Operation::write_at, {61, -1});
  const std::string text(100, 'x');
  CHECK(faulty.write_at(file, 0, as_bytes(text)).value() == 61);
  CHECK(faulty.write_at(file, 61, as_bytes(text)).error().value() == EIO);
  CHECK(faulty.write_at(file, 61, as_bytes(text)).value() == 100);
}

TEST_CASE("a close that fails closes all the same, and a lost answer leaves no handle") {
  SimulatedFileSystem disk;
  FaultyFileSystem faulty(disk);
  const Handle root = faulty.open_directory(Handle::working_directory, "/").value();
  faulty.fail({.operation = Operation::create, .error = EIO, .after_effect = true});
  CHECK_FALSE(faulty.create(root, "a", 0600));
  CHECK(disk.content("a") == "");
  faulty.fail({.operation = Operation::close, .error = EIO});
  CHECK_FALSE(faulty.close(root));
  CHECK(disk.handles_open() == 0);
  CHECK(faulty.handles_open() == 0);
}

TEST_CASE("time and randomness do what the test says") {
  ManualEnvironment one(7);
  ManualEnvironment same(7);
  std::array<std::byte, 32> a{};
  std::array<std::byte, 32> b{};
  CHECK(one.random(a));
  CHECK(same.random(b));
  CHECK(a == b);
  const auto before = one.monotonic();
  one.sleep(std::chrono::seconds(3));
  CHECK(one.monotonic() - before == std::chrono::seconds(3));
  CHECK(one.sleeps() == 1);
  one.fail_random(EIO);
  CHECK_FALSE(one.random(a));
}

}  // namespace perdure::test
