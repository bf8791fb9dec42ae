// SPDX-License-Identifier: BSL-1.0
// A user's program: commits the file that it is told to, and reads it back.
#include <cstdio>

#include <perdure/perdure.hpp>
#include <perdure/unchecked_error.hpp>

// An exception of the library is what the header says, on this side of it, too.
bool is_caught(const char* missing) {
  try {
    (void)perdure::read_file(missing).value();
  } catch (const perdure::UncheckedError& thrown) {
    return thrown.error().kind == perdure::ErrorKind::system;
  }
  return false;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (!is_caught("/nowhere/at/all")) return 3;
  const auto receipt = perdure::write_file(argv[1], "threads = 8\n");
  if (!receipt) {
    std::fprintf(stderr, "%s\n", receipt.error().message().c_str());
    return 1;
  }
  const auto content = perdure::read_file(argv[1]);
  const bool same = content && perdure::as_text(content.value().bytes) == "threads = 8\n";
  return same && receipt.value().durability == perdure::Durability::durable ? 0 : 1;
}
