// SPDX-License-Identifier: BSL-1.0
// A first commit, built by Meson.
#include <iostream>

#include <perdure/perdure.hpp>

int main(int argc, char** argv) {
  const auto done = perdure::write_file(argc > 1 ? argv[1] : "app.conf", "threads = 8\n");
  if (done) return 0;
  std::cerr << done.error() << '\n';
  return 1;
}
