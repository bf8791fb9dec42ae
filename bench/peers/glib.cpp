// SPDX-License-Identifier: BSL-1.0
#include <glib.h>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class Glib final : public Saver {
 public:
  explicit Glib(std::string directory) : directory_(std::move(directory)) {}

  bool save(const std::string& name, const std::string& content) override {
    const std::string path = directory_ + "/" + name;
    constexpr auto flags = static_cast<GFileSetContentsFlags>(G_FILE_SET_CONTENTS_CONSISTENT |
                                                              G_FILE_SET_CONTENTS_DURABLE);
    return g_file_set_contents_full(path.c_str(), content.data(),
                                    static_cast<gssize>(content.size()), flags, 0644, nullptr) != 0;
  }

 private:
  std::string directory_;
};

}  // namespace

void add_glib(Ways& ways) {
  ways.push_back({.name = "glib",
                  .reached = std::string(Reached::durable),
                  .note = "g_file_set_contents_full, CONSISTENT | DURABLE",
                  .together = "each",
                  .open = opener<Glib>()});
}

}  // namespace perdure::bench
