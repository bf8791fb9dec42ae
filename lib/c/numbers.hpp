// SPDX-License-Identifier: BSL-1.0
// The numbers of the C interface, there and back. Each switch names every enumerator, so that the
// compiler refuses a new enumerator without a number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/perdure.h>
#include <perdure/recovery_report.hpp>
#include <perdure/tracker_options.hpp>

namespace perdure::c {

constexpr int number_of(Fate fate) noexcept {
  switch (fate) {
    case Fate::unchanged:
      return PERDURE_FATE_UNCHANGED;
    case Fate::visible:
      return PERDURE_FATE_VISIBLE;
    case Fate::durable:
      return PERDURE_FATE_DURABLE;
    case Fate::committed:
      return PERDURE_FATE_COMMITTED;
    case Fate::unknown:
      break;
  }
  return PERDURE_FATE_UNKNOWN;
}

constexpr int number_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::system:
      break;
    case ErrorKind::invalid_argument:
      return PERDURE_KIND_INVALID_ARGUMENT;
    case ErrorKind::exists:
      return PERDURE_KIND_EXISTS;
    case ErrorKind::conflict:
      return PERDURE_KIND_CONFLICT;
    case ErrorKind::symlink_refused:
      return PERDURE_KIND_SYMLINK_REFUSED;
    case ErrorKind::untrusted:
      return PERDURE_KIND_UNTRUSTED;
    case ErrorKind::not_regular:
      return PERDURE_KIND_NOT_REGULAR;
    case ErrorKind::read_only:
      return PERDURE_KIND_READ_ONLY;
    case ErrorKind::mount_point:
      return PERDURE_KIND_MOUNT_POINT;
    case ErrorKind::metadata:
      return PERDURE_KIND_METADATA;
    case ErrorKind::lock_timeout:
      return PERDURE_KIND_LOCK_TIMEOUT;
    case ErrorKind::stopped:
      return PERDURE_KIND_STOPPED;
    case ErrorKind::busy:
      return PERDURE_KIND_BUSY;
    case ErrorKind::serializer:
      return PERDURE_KIND_SERIALIZER;
    case ErrorKind::verify:
      return PERDURE_KIND_VERIFY;
    case ErrorKind::corrupt:
      return PERDURE_KIND_CORRUPT;
    case ErrorKind::too_new:
      return PERDURE_KIND_TOO_NEW;
    case ErrorKind::recovery_required:
      return PERDURE_KIND_RECOVERY_REQUIRED;
    case ErrorKind::unsupported:
      return PERDURE_KIND_UNSUPPORTED;
  }
  return PERDURE_KIND_SYSTEM;
}

constexpr int number_of(Durability durability) noexcept {
  switch (durability) {
    case Durability::none:
      return PERDURE_DURABILITY_NONE;
    case Durability::ordered:
      return PERDURE_DURABILITY_ORDERED;
    case Durability::durable:
      break;
  }
  return PERDURE_DURABILITY_DURABLE;
}

constexpr int number_of(Protocol protocol) noexcept {
  switch (protocol) {
    case Protocol::portable:
      break;
    case Protocol::fast:
      return PERDURE_PROTOCOL_FAST;
    case Protocol::whole:
      return PERDURE_PROTOCOL_WHOLE;
    case Protocol::logged:
      return PERDURE_PROTOCOL_LOGGED;
  }
  return PERDURE_PROTOCOL_PORTABLE;
}

constexpr int number_of(ProtocolChoice choice) noexcept {
  switch (choice) {
    case ProtocolChoice::automatic:
      return PERDURE_PROTOCOL_AUTOMATIC;
    case ProtocolChoice::portable:
      break;
    case ProtocolChoice::fast:
      return PERDURE_PROTOCOL_FAST;
  }
  return PERDURE_PROTOCOL_PORTABLE;
}

constexpr int number_of(SymlinkPolicy policy) noexcept {
  switch (policy) {
    case SymlinkPolicy::follow:
      break;
    case SymlinkPolicy::replace:
      return PERDURE_SYMLINK_REPLACE;
    case SymlinkPolicy::refuse:
      return PERDURE_SYMLINK_REFUSE;
  }
  return PERDURE_SYMLINK_FOLLOW;
}

constexpr int number_of(ExistingPolicy policy) noexcept {
  switch (policy) {
    case ExistingPolicy::replace:
      break;
    case ExistingPolicy::keep:
      return PERDURE_EXISTING_KEEP;
    case ExistingPolicy::backup:
      return PERDURE_EXISTING_BACKUP;
  }
  return PERDURE_EXISTING_REPLACE;
}

constexpr int number_of(Origin origin) noexcept {
  switch (origin) {
    case Origin::current:
      return PERDURE_ORIGIN_CURRENT;
    case Origin::previous:
      return PERDURE_ORIGIN_PREVIOUS;
    case Origin::replaced:
      return PERDURE_ORIGIN_REPLACED;
    case Origin::defaults:
      break;
  }
  return PERDURE_ORIGIN_NOTHING;
}

constexpr int number_of(RecoveryStep step) noexcept {
  switch (step) {
    case RecoveryStep::done:
      return PERDURE_STEP_DONE;
    case RecoveryStep::redo:
      return PERDURE_STEP_REDO;
    case RecoveryStep::foreign:
      return PERDURE_STEP_FOREIGN;
    case RecoveryStep::lost:
      return PERDURE_STEP_LOST;
    case RecoveryStep::unclear:
      break;
  }
  return PERDURE_STEP_UNCLEAR;
}

inline constexpr std::array fates{Fate::unchanged, Fate::visible, Fate::durable, Fate::committed,
                                  Fate::unknown};
inline constexpr std::array kinds{
    ErrorKind::system,      ErrorKind::invalid_argument, ErrorKind::exists,
    ErrorKind::conflict,    ErrorKind::symlink_refused,  ErrorKind::untrusted,
    ErrorKind::not_regular, ErrorKind::read_only,        ErrorKind::mount_point,
    ErrorKind::metadata,    ErrorKind::lock_timeout,     ErrorKind::stopped,
    ErrorKind::busy,        ErrorKind::serializer,       ErrorKind::verify,
    ErrorKind::corrupt,     ErrorKind::too_new,          ErrorKind::recovery_required,
    ErrorKind::unsupported};
inline constexpr std::array durabilities{Durability::durable, Durability::ordered,
                                         Durability::none};
inline constexpr std::array choices{ProtocolChoice::portable, ProtocolChoice::automatic,
                                    ProtocolChoice::fast};
inline constexpr std::array symlink_policies{SymlinkPolicy::follow, SymlinkPolicy::replace,
                                             SymlinkPolicy::refuse};
inline constexpr std::array existing_policies{ExistingPolicy::replace, ExistingPolicy::keep,
                                              ExistingPolicy::backup};

/// Whether the numbers of these go up by one from `first`, so that none is given twice.
template <class Values>
constexpr bool is_counted(const Values& values, int first) noexcept {
  for (const auto value : values) {
    if (number_of(value) != first++) return false;
  }
  return true;
}
static_assert(is_counted(fates, 1) && fates.size() == PERDURE_FATE_UNKNOWN);
static_assert(is_counted(kinds, 1) && kinds.size() == PERDURE_KIND_UNSUPPORTED);
static_assert(is_counted(durabilities, 0) && is_counted(choices, 0));
static_assert(is_counted(symlink_policies, 0) && is_counted(existing_policies, 0));

/// The one of these values that has the number; empty for any other number.
template <class Value, std::size_t count>
constexpr std::optional<Value> value_of(const std::array<Value, count>& values,
                                        std::int64_t number) noexcept {
  for (const Value value : values) {
    if (number_of(value) == number) return value;
  }
  return std::nullopt;
}

}  // namespace perdure::c
