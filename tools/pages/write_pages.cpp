// SPDX-License-Identifier: BSL-1.0
// Prints all pages and completions of a program.
#include "pages/write_pages.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

#include "pages/printers.hpp"

namespace tools {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  if (!out) throw std::runtime_error(file.string() + " can't be written");
}

/// Removes older pages: else those of removed subcommands would still be installed.
void remove_pages(const std::string& program, const fs::path& folder) {
  fs::create_directories(folder);
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    if (name == program || name.starts_with(program + "-")) old.push_back(entry.path());
  }
  for (const fs::path& page : old) fs::remove(page);
}

void put_pages(const Command& command, const Command* parent, const std::string& package,
               const fs::path& folder) {
  put(folder / (command.name("-") + ".1"), man_page(command, parent, package));
  for (const Command& sub : command.commands) put_pages(sub, &command, package, folder);
}

}  // namespace

void write_pages(const CLI::App& app, const std::string& package, const std::string& folder) {
  const Command program = command_tree(app);
  const std::string name = program.words.back();
  const fs::path top = folder;
  remove_pages(name, top / "man1");
  put_pages(program, nullptr, package, top / "man1");
  put(top / "zsh" / ("_" + name), zsh_completion(program));
  put(top / "fish" / (name + ".fish"), fish_completion(program));
  put(top / "bash" / name, bash_completion(program));
}

int write_pages_main(const CLI::App& app, const std::string& package, int argc, char** argv) {
  if (argc != 2) {
    std::cerr << argv[0] << ": give it the folder to write to\n";
    return 2;
  }
  try {
    write_pages(app, package, argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace tools
