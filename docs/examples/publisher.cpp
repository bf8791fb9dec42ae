// SPDX-License-Identifier: BSL-1.0
// Publishes a site: every page changes together, and pages that are gone go with it. A link leads
// to the newest one. Then a backup is made, which others may publish beside.
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <perdure/perdure.hpp>

namespace pd = perdure;
namespace fs = std::filesystem;

namespace {

pd::Result<pd::TransactionReceipt> publish(const std::string& from, const std::string& site,
                                           const std::string& newest) {
  BOOST_OUTCOME_TRY(auto transaction, pd::Transaction::begin(site));
  if (transaction.recovery().journal) std::cout << "finished what a crash had interrupted\n";
  BOOST_OUTCOME_TRY(const auto mirrored, transaction.mirror(from));
  std::cout << mirrored.put << " pages are new, " << mirrored.unchanged << " are as they were, "
            << mirrored.removed << " go\n";
  BOOST_OUTCOME_TRY(transaction.put_symlink("newest.html", newest));
  return transaction.commit();
}

/// Makes the draft, as another program would.
void write_page(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream out;
  out.exceptions(std::ios::failbit | std::ios::badbit);
  out.open(path);
  out << text << std::flush;
}

/// 0 if the site became what the draft is, twice.
int run() {
  fs::create_directory("site");
  write_page("draft/index.html", "<p>old</p>\n");
  write_page("draft/about.html", "<p>us</p>\n");
  write_page("draft/news/first.html", "<p>first</p>\n");
  const auto first = publish("draft", "site", "news/first.html");
  if (!first) return std::cerr << first.error() << '\n', 1;
  write_page("draft/index.html", "<p>new</p>\n");
  fs::remove_all("draft/news");
  const auto second = publish("draft", "site", "about.html");
  if (!second) return std::cerr << second.error() << '\n', 1;
  for (const std::string& path : second.value().left_alone) {
    std::cout << path << " was changed by somebody else, and left\n";
  }
  const auto copied = pd::copy_root("site", "backup");
  if (!copied) return std::cerr << copied.error() << '\n', 1;
  std::cout << "the backup has " << copied.value().files << " pages\n";
  const bool right = fs::read_symlink("backup/newest.html") == "about.html";
  return right && fs::exists("site/about.html") && !fs::exists("site/news") ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (
      const std::exception& error) {  // of the standard library; perdure throws nothing for I/O
    std::cerr << error.what() << '\n';
    return 1;
  }
}
