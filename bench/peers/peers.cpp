// SPDX-License-Identifier: BSL-1.0
// From CMake: PEERS, as PEER(name) for each library that was found, and PEERS_MISSING, the names of
// the others.
#include "peers.hpp"

#include <sstream>

namespace perdure::bench {

void add_peers(Ways& ways, std::vector<std::string>& missing) {
#define PEER(name) add_##name(ways);
  PEERS
#undef PEER
  std::istringstream words(PEERS_MISSING);
  for (std::string name; words >> name;) missing.push_back(name);
}

}  // namespace perdure::bench
