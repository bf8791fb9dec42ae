// SPDX-License-Identifier: BSL-1.0
// Changes one line of a configuration that other programs change, too: nobody's change is lost.
#include <algorithm>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <perdure/perdure.hpp>

namespace pd = perdure;

namespace {

/// `text` with the line "NAME = VALUE" in the place of the one that has the name.
std::string with_setting(const std::string& text, const std::string& name,
                         const std::string& value) {
  std::string out;
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const bool is_it = line.rfind(name + " = ", 0) == 0;
    out += (is_it ? name + " = " + value : line) + "\n";
    found = found || is_it;
    at = end + 1;
  }
  return found ? out : out + name + " = " + value + "\n";
}

/// Reads, edits, and writes if the file is still what was read; otherwise does it again.
pd::Result<void> set(const pd::Path& file, const std::string& name, const std::string& value) {
  while (true) {
    auto content = pd::read_file(file);
    const bool missing = !content && content.error().cause == std::errc::no_such_file_or_directory;
    if (!content && !missing) return content.error();
    const std::string old = missing ? "" : std::string(pd::as_text(content.value().bytes));
    pd::WriteOptions options;
    options.expected = missing ? pd::Version::absent() : content.value().version;
    const auto written = pd::write_file(file, with_setting(old, name, value), options);
    if (written) return pd::success();
    if (written.error().kind != pd::ErrorKind::conflict) return written.error();
  }
}

}  // namespace

int main() {
  // Eight editors at once, each with a setting of its own.
  std::vector<std::thread> editors;
  for (int i = 0; i < 8; ++i) {
    editors.emplace_back([i] {
      for (int n = 0; n <= 20; ++n) {
        if (auto done = set("app.conf", "setting" + std::to_string(i), std::to_string(n)); !done) {
          std::cerr << done.error() << '\n';
        }
      }
    });
  }
  for (auto& editor : editors) editor.join();
  const auto content = pd::read_file("app.conf");
  if (!content) {
    std::cerr << content.error() << '\n';
    return 1;
  }
  int complete = 0;
  const std::string text(pd::as_text(content.value().bytes));
  for (int i = 0; i < 8; ++i) {
    if (text.find("setting" + std::to_string(i) + " = 20\n") != std::string::npos) ++complete;
  }
  std::cout << complete << " of 8 settings have their last value\n";
  return complete == 8 ? 0 : 1;
}
