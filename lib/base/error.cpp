// SPDX-License-Identifier: BSL-1.0
// Makes errors, and has the words for fates and kinds.
#include <ostream>
#include <utility>

#include <perdure/error.hpp>

namespace perdure {

Error Error::serializer(std::string detail) {
  return {.kind = ErrorKind::serializer, .step = "write the value", .detail = std::move(detail)};
}

Error Error::corrupt(std::string detail) {
  return {.kind = ErrorKind::corrupt,
          .step = "read the value",
          .detail = std::move(detail),
          .reading = true};
}

Error Error::system(std::error_code cause, std::string step) {
  return {.cause = cause, .step = std::move(step)};
}

std::ostream& operator<<(std::ostream& stream, const Error& error) {
  return stream << error.message();
}

std::string_view to_string(Fate fate) noexcept {
  switch (fate) {
    case Fate::unchanged:
      return "unchanged";
    case Fate::visible:
      return "visible";
    case Fate::durable:
      return "durable";
    case Fate::committed:
      return "committed";
    case Fate::unknown:
      return "unknown";
  }
  return "";
}

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::system:
      return "system";
    case ErrorKind::invalid_argument:
      return "invalid_argument";
    case ErrorKind::exists:
      return "exists";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::symlink_refused:
      return "symlink_refused";
    case ErrorKind::untrusted:
      return "untrusted";
    case ErrorKind::not_regular:
      return "not_regular";
    case ErrorKind::read_only:
      return "read_only";
    case ErrorKind::mount_point:
      return "mount_point";
    case ErrorKind::metadata:
      return "metadata";
    case ErrorKind::lock_timeout:
      return "lock_timeout";
    case ErrorKind::stopped:
      return "stopped";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::serializer:
      return "serializer";
    case ErrorKind::verify:
      return "verify";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::too_new:
      return "too_new";
    case ErrorKind::recovery_required:
      return "recovery_required";
    case ErrorKind::unsupported:
      return "unsupported";
  }
  return "";
}

}  // namespace perdure
