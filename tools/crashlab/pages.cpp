// SPDX-License-Identifier: BSL-1.0
// Writes the manual pages and completions of `crashlab`; it runs when the programs are built.
#include <perdure/version.hpp>

#include "command_line.hpp"
#include "pages/write_pages.hpp"

int main(int argc, char** argv) {
  CLI::App app;
  crashlab::Options options;
  crashlab::add_all(app, options);
  return tools::write_pages_main(app, "perdure " PERDURE_VERSION, argc, argv);
}
