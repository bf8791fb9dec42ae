// SPDX-License-Identifier: BSL-1.0
// Runs scripts on a real file system.
#include "calls/player.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

#include "calls/script.hpp"
#include "calls/tree.hpp"
#include "disk/acks.hpp"
#include "host/posix.hpp"

namespace crashlab::calls {

std::string tree_of(const std::string& mount, std::size_t number) {
  return mount + "/" + std::to_string(number);
}

void prepare_trees(const std::string& mount, std::size_t count) {
  for (std::size_t number = 0; number < count; ++number) {
    const std::string root = tree_of(mount, number) + "/";
    std::filesystem::create_directory(root);
    for (const auto& [path, content] : prepared()) {
      if (path.ends_with('/')) {
        std::filesystem::create_directory(root + path);
      } else {
        write_file(root + path, content);
        std::filesystem::permissions(root + path, std::filesystem::perms{file_mode});
      }
    }
  }
}

void play(const std::string& mount, const std::string& ack_socket,
          const std::vector<std::string>& names) {
  perdure::FileSystem& files = perdure::native_file_system();
  for (std::size_t number = 0; number < names.size(); ++number) {
    const Script script = script_named(names[number]);
    const std::string word = std::to_string(number);
    const perdure::OwnedHandle root(
        files,
        value_of(files.open_directory(perdure::Handle::working_directory, tree_of(mount, number))));
    value_of(files.sync_file_system(root.get()));
    int notes = 0;
    const auto note = [&] { send_ack(ack_socket, word + " " + std::to_string(notes++)); };
    note();
    try {
      script.run(files, root.get(), note);
    } catch (const std::system_error& error) {
      send_ack(ack_socket, word + " refused: " + error.code().message());
    }
    // The last script is synced like the others, so that it leaves the same when it runs alone.
    if (number + 1 == names.size()) value_of(files.sync_file_system(root.get()));
  }
}

}  // namespace crashlab::calls
