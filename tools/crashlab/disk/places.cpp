// SPDX-License-Identifier: BSL-1.0
// Looks for a file's pages among all that were ever written.
#include "disk/places.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "host/posix.hpp"

namespace crashlab {

std::vector<Range> places_of(const Pages& pages, std::string_view content) {
  const std::string zeros(page_size, '\0');
  std::map<std::string, bool> wanted;  // a file's page, and whether it was found
  for (std::size_t at = 0; at < content.size(); at += page_size) {
    std::string page(content.substr(at, page_size));
    page.resize(page_size);
    if (page != zeros) wanted.emplace(std::move(page), false);
  }
  std::vector<Range> places;
  for (const std::uint32_t number : pages.marks()) {
    const auto bytes = pages.page(number);
    const std::string page(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto found = wanted.find(page);
    if (found == wanted.end()) continue;
    found->second = true;
    const std::uint64_t from = std::uint64_t{number} * page_size;
    if (!places.empty() && places.back().to == from) {
      places.back().to += page_size;
    } else {
      places.push_back({from, from + page_size});
    }
  }
  if (wanted.empty() ||
      !std::all_of(wanted.begin(), wanted.end(), [](const auto& page) { return page.second; })) {
    throw Failure(
        "a fault's file was not found on the disk: --setup makes it, and it is larger "
        "than what a file system keeps in an inode");
  }
  return places;
}

}  // namespace crashlab
