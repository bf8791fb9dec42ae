// SPDX-License-Identifier: BSL-1.0
// A state as most programs keep it: nlohmann-json, and a stream over the old file.
#include "../nlohmann.hpp"

#include <fstream>
#include <map>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class Naive final : public Saver {
 public:
  explicit Naive(std::string directory) : directory_(std::move(directory)) {}

  bool save(const std::string& name, const std::string& content) override {
    std::ofstream file(directory_ + "/" + name, std::ios::binary | std::ios::trunc);
    file << content << std::flush;
    return file.good();
  }
  bool save_state(unsigned records) override {
    const auto [place, made] = states_.try_emplace(records);
    if (made) place->second = make_state(records);
    ++place->second.next_id;
    return save(name_of(records), nlohmann::json(place->second).dump(2));
  }
  bool load_state(unsigned records) override {
    if (!states_.contains(records) && !save_state(records)) return false;
    std::ifstream file(directory_ + "/" + name_of(records), std::ios::binary);
    return nlohmann::json::parse(file).get<State>().records.size() == records;
  }

 private:
  static std::string name_of(unsigned records) { return "state-" + std::to_string(records); }

  std::string directory_;
  std::map<unsigned, State> states_;
};

}  // namespace

void add_nlohmann(Ways& ways) {
  ways.push_back({.name = "ofstream",
                  .reached = "torn",
                  .note = "std::ofstream over the old file; states by nlohmann-json",
                  .tracks = true,
                  .open = opener<Naive>()});
}

}  // namespace perdure::bench
