// SPDX-License-Identifier: BSL-1.0
// A user's test: what does my program do when the disk says no?
#include <perdure/files.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  perdure::testing::FaultyFileSystem files(perdure::native_file_system());
  perdure::testing::ManualEnvironment environment;
  files.fail({.operation = perdure::testing::Operation::sync_file});
  const auto receipt = perdure::write_file(argv[1], "threads = 9\n", {}, {&files, &environment});
  return !receipt && receipt.error().fate == perdure::Fate::unchanged ? 0 : 1;
}
