// SPDX-License-Identifier: BSL-1.0
#include "saver.hpp"

namespace perdure::bench {

bool Saver::save_all(const Batch& batch) {
  for (unsigned i = 0; i < batch.count; ++i) {
    if (!save(batch.name(i), *batch.content)) return false;
  }
  return true;
}

std::string_view to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::floor:
      return "floor";
    case Kind::limit:
      return "limit";
    case Kind::perdure:
      return "perdure";
    case Kind::file:
      return "file";
    case Kind::database:
      return "database";
  }
  return "";
}

}  // namespace perdure::bench
