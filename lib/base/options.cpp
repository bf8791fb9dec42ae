// SPDX-License-Identifier: BSL-1.0
// The words of options.
#include <perdure/options.hpp>

namespace perdure {

std::string_view to_string(Durability durability) noexcept {
  switch (durability) {
    case Durability::none:
      return "none";
    case Durability::ordered:
      return "ordered";
    case Durability::durable:
      return "durable";
  }
  return "";
}

std::string_view to_string(Protocol protocol) noexcept {
  switch (protocol) {
    case Protocol::portable:
      return "portable";
    case Protocol::fast:
      return "fast";
    case Protocol::whole:
      return "whole";
    case Protocol::logged:
      return "logged";
  }
  return "";
}

}  // namespace perdure
