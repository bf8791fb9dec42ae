// SPDX-License-Identifier: BSL-1.0
// Cases of tracked state: one member is changed and all of it saved; all of it is loaded.
#include "cases.hpp"

namespace perdure::bench {
namespace {

bool tracks(const Way& way) {
  return way.tracks;
}

}  // namespace

void add_state_cases(std::vector<Case>& cases, const Ways& ways, const Settings& settings) {
  std::vector<unsigned> sizes{10};
  if (!settings.quick) sizes = {10, 1000, 100'000};
  for (const unsigned records : sizes) {
    cases.push_back({.name = "save/" + std::to_string(records),
                     .make = [&ways, records](const Scratch& scratch) {
                       return make_field(ways, scratch, tracks, [records](Saver& saver) {
                         return saver.save_state(records);
                       });
                     }});
  }
  for (const unsigned records : sizes) {
    cases.push_back({.name = "load/" + std::to_string(records),
                     .make = [&ways, records](const Scratch& scratch) {
                       return make_field(ways, scratch, tracks, [records](Saver& saver) {
                         return saver.load_state(records);
                       });
                     }});
  }
}

}  // namespace perdure::bench
