// SPDX-License-Identifier: BSL-1.0
// Writes the manual pages and completions of `perdure`; it runs when the programs are built.
#include <perdure/version.hpp>

#include "commands.hpp"
#include "pages/write_pages.hpp"

int main(int argc, char** argv) {
  auto status = perdure::cli::ExitStatus::success;
  CLI::App app;
  perdure::cli::add_all(app, status);
  return tools::write_pages_main(app, "perdure " PERDURE_VERSION, argc, argv);
}
