// SPDX-License-Identifier: BSL-1.0
// The scripts as a workload, and a checker that condemns nothing and writes down what it saw.
//
//   crashlab_scripted setup          a directory for each script
//   crashlab_scripted write          all scripts; before each, everything else is made durable
//   crashlab_scripted serve FILE     a check server; adds a line to FILE for each outcome:
//                                    SCRIPT, how often it had called note(), what was left
#include <fcntl.h>
#include <filesystem>
#include <set>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

#include "../scripts.hpp"
#include "../versions.hpp"

namespace {

namespace fs = std::filesystem;

std::string root(std::string_view script) {
  return versions::environment("CRASHLAB_MOUNT") + "/" + std::string(script);
}

int setup() {
  for (const scripts::Script& script : scripts::all()) {
    fs::create_directory(root(script.name));
    for (const auto& [path, content] : scripts::prepared()) {
      const std::string at = root(script.name) + "/" + path;
      if (path.ends_with('/')) {
        fs::create_directory(at);
      } else {
        std::ofstream(at) << content;
      }
    }
  }
  return 0;
}

int write() {
  perdure::FileSystem& files = perdure::native_file_system();
  for (const scripts::Script& script : scripts::all()) {
    const auto directory =
        files.open_directory(perdure::Handle::working_directory, root(script.name)).value();
    versions::must(::syncfs(static_cast<int>(directory)), "syncfs");
    int notes = 0;
    const auto note = [&] {
      versions::acknowledge(std::string(script.name) + " " + std::to_string(notes++));
    };
    note();
    script.run(files, directory, note);
    (void)files.close(directory);
  }
  return 0;
}

std::string look(const std::string& directory) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string path = entry.path().string().substr(directory.size() + 1);
    if (entry.is_directory()) {
      tree[path + "/"];
      continue;
    }
    std::ifstream file(entry.path(), std::ios::binary);
    tree[path] = std::string((std::istreambuf_iterator<char>(file)), {});
  }
  return scripts::describe(tree);
}

int serve(const char* file) {
  std::ofstream out(file);
  std::set<std::string> seen;
  return versions::serve([&]() -> std::string {
    const std::string acked = versions::last_line();
    if (acked.empty()) return "";
    const std::string line = acked + " " + look(root(acked.substr(0, acked.find(' '))));
    if (seen.insert(line).second) out << line << std::endl;
    return "";
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  try {
    if (command == "setup") return setup();
    if (command == "write") return write();
    if (command == "serve" && argc > 2) return serve(argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 3;
}
