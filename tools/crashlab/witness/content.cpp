// SPDX-License-Identifier: BSL-1.0
// Interns pages by their hash.
#include "witness/content.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include <xxhash.h>

#include "host/posix.hpp"

namespace crashlab {

bool Content::is_zeros() const {
  return size > 0 && std::all_of(pages.begin(), pages.end(), [](const ContentPage* page) {
           return std::all_of(page->begin(), page->end(),
                              [](std::byte byte) { return byte == std::byte{0}; });
         });
}

Content ContentStore::take(std::span<const std::byte> bytes) {
  Content content;
  content.size = bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += content_page_size) {
    content.pages.push_back(
        intern(bytes.subspan(at, std::min(content_page_size, bytes.size() - at))));
  }
  return content;
}

Content ContentStore::read(int fd) {
  Content content;
  ContentPage page;
  for (std::size_t filled = 0;;) {
    const ssize_t count = ::pread(fd, page.data() + filled, page.size() - filled,
                                  static_cast<off_t>(content.size + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno("read a file of the workload");
    filled += static_cast<std::size_t>(count);
    if (count > 0 && filled < page.size()) continue;
    if (filled > 0) content.pages.push_back(intern(std::span(page).first(filled)));
    content.size += filled;
    if (count == 0) return content;
    filled = 0;
  }
}

const ContentPage* ContentStore::intern(std::span<const std::byte> bytes) {
  ContentPage page{};
  std::copy(bytes.begin(), bytes.end(), page.begin());
  const XXH128_hash_t hash = XXH3_128bits(page.data(), page.size());
  std::unique_ptr<ContentPage>& kept = pages_[{hash.high64, hash.low64}];
  if (!kept) {
    if (pages_.size() * content_page_size > bytes_max_) {
      throw Failure("the workload's files hold too much to be kept at each moment: judge less");
    }
    kept = std::make_unique<ContentPage>(page);
  }
  return kept.get();
}

}  // namespace crashlab
