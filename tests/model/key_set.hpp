// SPDX-License-Identifier: BSL-1.0
// A set of keys that takes little more memory than they do.
#pragma once

#include <cstddef>
#include <vector>

#include "model/state.hpp"

namespace perdure::model {

class KeySet {
 public:
  /// Whether it is new.
  bool insert(const Key& key) {
    if (count_ * 3 >= places_.size() * 2) grow();
    Key& place = find(places_, key);
    if (place == key) return false;
    place = key;
    ++count_;
    return true;
  }

 private:
  /// The key's place, or the free one for it. A key of zeros counts as free: no state has it.
  static Key& find(std::vector<Key>& places, const Key& key) {
    auto at = static_cast<std::size_t>(key.low & (places.size() - 1));
    while (places[at] != key && places[at] != Key{}) at = (at + 1) & (places.size() - 1);
    return places[at];
  }
  void grow() {
    std::vector<Key> larger(places_.size() * 2);
    for (const Key& key : places_) {
      if (key != Key{}) find(larger, key) = key;
    }
    places_.swap(larger);
  }

  std::vector<Key> places_ = std::vector<Key>(1024);
  std::size_t count_ = 0;
};

}  // namespace perdure::model
