// SPDX-License-Identifier: BSL-1.0
// The words of a tracker's options and reports.
#include <perdure/tracker_options.hpp>

namespace perdure {

std::string_view to_string(Origin origin) noexcept {
  switch (origin) {
    case Origin::current:
      return "current";
    case Origin::previous:
      return "previous";
    case Origin::replaced:
      return "replaced";
    case Origin::defaults:
      return "defaults";
  }
  return "";
}

}  // namespace perdure
