// SPDX-License-Identifier: BSL-1.0
// Publishes a site: every page changes together, and pages that are gone go with it.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

#include <perdure/perdure.hpp>

namespace pd = perdure;
namespace fs = std::filesystem;

namespace {

/// Paths of the files beneath a directory, relative to it; perdure's own are left out.
std::set<std::string> files_below(const fs::path& root) {
  std::set<std::string> files;
  if (!fs::exists(root)) return files;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
    if (pd::is_reserved_name(at->path().filename().native()) ||
        at->path().filename() == ".perdure") {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      files.insert(fs::relative(at->path(), root).native());
    }
  }
  return files;
}

pd::Result<pd::TransactionReceipt> publish(const fs::path& from, const std::string& site) {
  BOOST_OUTCOME_TRY(auto transaction, pd::Transaction::begin(site));
  const auto& recovery = transaction.recovery();
  if (recovery.journal) std::cout << "finished what a crash had interrupted\n";
  const auto wanted = files_below(from);
  for (const std::string& path : wanted) {
    const fs::path parent = fs::path(path).parent_path();
    if (!parent.empty()) {
      BOOST_OUTCOME_TRY(transaction.make_directory(parent.native()));
    }
    BOOST_OUTCOME_TRY(transaction.put_from(path, [&](pd::Sink& sink) -> pd::Result<void> {
      std::ifstream in(from / path, std::ios::binary);
      std::ostringstream content;
      content << in.rdbuf();
      if (!in) return pd::Error::serializer("can't read " + path);
      return sink.write(pd::as_bytes(content.str()));
    }));
  }
  for (const std::string& path : files_below(site)) {
    if (wanted.contains(path)) continue;
    BOOST_OUTCOME_TRY(transaction.remove(path));
  }
  return transaction.commit();
}

void write_page(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

}  // namespace

int main() {
  fs::create_directory("site");
  write_page("draft/index.html", "<p>old</p>\n");
  write_page("draft/news/first.html", "<p>first</p>\n");
  const auto first = publish("draft", "site");
  if (!first) return std::cerr << first.error() << '\n', 1;
  write_page("draft/index.html", "<p>new</p>\n");
  write_page("draft/news/second.html", "<p>second</p>\n");
  fs::remove("draft/news/first.html");
  const auto second = publish("draft", "site");
  if (!second) return std::cerr << second.error() << '\n', 1;
  for (const std::string& path : second.value().left_alone) {
    std::cout << path << " was changed by somebody else, and left\n";
  }
  const auto published = files_below("site");
  std::cout << second.value().files << " paths changed, " << published.size() << " are there\n";
  return published == files_below("draft") ? 0 : 1;
}
