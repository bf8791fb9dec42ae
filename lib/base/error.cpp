// SPDX-License-Identifier: BSL-1.0
// Turns errors into sentences and words.
#include <cerrno>

#include <perdure/error.hpp>

namespace perdure {
namespace {

std::string_view sentence(Fate fate) {
  switch (fate) {
    case Fate::unchanged:
      return "the target is unchanged";
    case Fate::visible:
      return "the new state is in place, but a power cut may still undo it";
    case Fate::committed:
      return "the transaction is durable but not all of it is in place: recovery finishes it";
    case Fate::unknown:
      return "whether the target is old or new is not known: read it again";
  }
  return "";
}

/// Advice about the codes that people meet.
std::string_view advice(const std::error_code& cause) {
  if (cause.category() != std::generic_category()) return "";
  if (cause.value() == EDQUOT) return "free some space, or have the quota raised";  // no std::errc
  switch (static_cast<std::errc>(cause.value())) {
    case std::errc::no_space_on_device:
      return "free some space on that file system";
    case std::errc::read_only_file_system:
      return "remount it for writing or choose another place";
    case std::errc::permission_denied:
      return "check the permissions of the file and its directory";
    case std::errc::operation_not_permitted:
      return "check owner and attributes (lsattr shows immutable ones)";
    case std::errc::no_such_file_or_directory:
      return "check the path; its directory must exist";
    case std::errc::filename_too_long:
      return "choose a shorter name";
    case std::errc::io_error:
      return "check the disk and the kernel's log";
    case std::errc::too_many_files_open:
      return "raise the limit of open files (ulimit -n)";
    case std::errc::file_too_large:
      return "raise the limit of file size (ulimit -f)";
    default:
      return "";
  }
}

}  // namespace

std::string Error::message() const {
  std::string text = "could not " + (step.empty() ? std::string("do it") : step);
  if (!path.empty()) text += " for '" + path + "'";
  text += ": ";
  if (cause) text += cause.message();
  if (cause && !detail.empty()) text += " (" + detail + ")";
  if (!cause) text += detail.empty() ? std::string(to_string(kind)) : detail;
  text.append("; ").append(sentence(fate));
  if (const auto hint = advice(cause); kind == ErrorKind::system && !hint.empty()) {
    text.append("; ").append(hint);
  }
  return text;
}

std::string_view to_string(Fate fate) noexcept {
  switch (fate) {
    case Fate::unchanged:
      return "unchanged";
    case Fate::visible:
      return "visible";
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
    case ErrorKind::not_regular:
      return "not_regular";
    case ErrorKind::mount_point:
      return "mount_point";
    case ErrorKind::metadata:
      return "metadata";
    case ErrorKind::lock_timeout:
      return "lock_timeout";
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
