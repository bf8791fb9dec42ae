// SPDX-License-Identifier: BSL-1.0
// The structs of the C interface, of this version and of others, as options of C++.
#include "c/options.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "c/border.hpp"
#include "c/numbers.hpp"

namespace perdure::c {
namespace {

using std::chrono::milliseconds;

/// More bytes than the struct of any version will have: a larger size means that nobody filled the
/// struct in.
constexpr std::size_t struct_size_max = 4096;

Error wrong_member(std::string_view step, std::string_view member, std::int64_t number) {
  return wrong_call(step, "the options have " + std::to_string(number) + " as " +
                              std::string(member) + ": take a value of perdure.h");
}

/// A struct of the caller's version, whose size is its first member, as one of ours.
template <class Struct>
Result<Struct> read_struct(const Struct* given, std::string_view step) {
  Struct out{};
  out.size = sizeof out;
  if (given == nullptr) return out;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  std::size_t size = 0;
  std::memcpy(&size, bytes, sizeof size);
  if (size < sizeof size || size > struct_size_max) {
    return wrong_call(step, "`size` of the options is not the size of the struct: set it first");
  }
  std::memcpy(&out, bytes, std::min(size, sizeof out));
  out.size = sizeof out;
  for (std::size_t at = sizeof out; at < size; ++at) {
    if (bytes[at] != 0) {
      return wrong_call(step,
                        "the options have a member that this libperdure_c does not know: "
                        "leave it zero, or install a newer one");
    }
  }
  return out;
}

/// Fails for a member that the call does not use, unless it is zero.
Result<void> check_unused(std::initializer_list<std::pair<std::string_view, std::int64_t>> members,
                          std::string_view step) {
  for (const auto& [member, number] : members) {
    if (number == 0) continue;
    return wrong_call(step, "the options have " + std::to_string(number) + " as " +
                                std::string(member) +
                                ", and this call does not use that: leave it zero");
  }
  return success();
}

/// Puts the value of that number into `out`.
template <class Values, class Value>
Result<void> take(const Values& values, std::int64_t number, std::string_view member,
                  std::string_view step, Value& out) {
  const auto value = value_of(values, number);
  if (!value) return wrong_member(step, member, number);
  out = *value;
  return success();
}

Result<void> take_timeout(std::int64_t number, std::string_view step, milliseconds& out) {
  if (number < PERDURE_TRY_ONCE) return wrong_member(step, "lock_timeout_ms", number);
  if (number == PERDURE_WAIT_FOREVER) {
    out = milliseconds::max();
  } else if (number == PERDURE_TRY_ONCE) {
    out = milliseconds(0);
  } else if (number != 0) {
    out = milliseconds(number);
  }
  return success();
}

Result<void> take_metadata(std::int64_t number, std::uint32_t mode, std::string_view step,
                           Metadata& out) {
  constexpr std::uint32_t permissions_max = 07777;
  constexpr std::uint32_t usual = 0666;
  if (mode > permissions_max) return wrong_member(step, "mode", mode);
  const std::uint32_t asked = mode == 0 ? usual : mode;
  switch (number) {
    case PERDURE_METADATA_PRESERVE:
      out = Metadata::preserve(asked);
      return success();
    case PERDURE_METADATA_PRESERVE_MODE:
      out = Metadata::preserve_with_mode(asked);
      return success();
    case PERDURE_METADATA_FIXED:
      out = Metadata::fixed(asked);
      return success();
    default:
      return wrong_member(step, "metadata", number);
  }
}

/// The members that have one name and one meaning in all structs.
template <class Struct, class Options>
Result<void> take_common(const Struct& given, std::uint32_t flags, std::string_view step,
                         Options& out) {
  if ((given.flags & ~flags) != 0) return wrong_member(step, "flags", given.flags & ~flags);
  if (given.reserved != 0) return wrong_member(step, "reserved", given.reserved);
  return take_timeout(given.lock_timeout_ms, step, out.lock_timeout_ms);
}

/// How a commit is made, for all structs.
template <class Struct, class Options>
Result<void> take_commit(const Struct& given, std::string_view step, Options& out) {
  BOOST_OUTCOME_TRY(take(durabilities, given.durability, "durability", step, out.durability));
  BOOST_OUTCOME_TRY(take(choices, given.protocol, "protocol", step, out.protocol));
  return take_metadata(given.metadata, given.mode, step, out.metadata);
}

}  // namespace

Result<Path> path_of(const char* path, std::string_view step) {
  if (path == nullptr) return wrong_call(step, "the path is NULL");
  return Path(path);
}

Result<Bytes> bytes_of(const void* bytes, std::size_t size, std::string_view step) {
  if (bytes == nullptr && size != 0) return wrong_call(step, "the bytes are NULL");
  return Bytes(static_cast<const std::byte*>(bytes), size);
}

Result<Version> version_of(const char* version, std::string_view step) {
  if (version == nullptr) return wrong_call(step, "the version is NULL");
  return parse_version(version);
}

Result<WriteOptions> options_of(const perdure_write_options* options, std::string_view step) {
  BOOST_OUTCOME_TRY(const perdure_write_options given, read_struct(options, step));
  WriteOptions out;
  BOOST_OUTCOME_TRY(take_common(given,
                                PERDURE_MAKE_PARENTS | PERDURE_VERIFY | PERDURE_COORDINATE |
                                    PERDURE_REFUSE_READ_ONLY | PERDURE_REPORT_VERSION,
                                step, out));
  BOOST_OUTCOME_TRY(take_commit(given, step, out));
  BOOST_OUTCOME_TRY(take(symlink_policies, given.symlink, "symlink", step, out.symlink));
  BOOST_OUTCOME_TRY(take(existing_policies, given.existing, "existing", step, out.existing));
  out.make_parents = (given.flags & PERDURE_MAKE_PARENTS) != 0;
  out.verify = (given.flags & PERDURE_VERIFY) != 0;
  out.coordinate = (given.flags & PERDURE_COORDINATE) != 0;
  out.refuse_read_only = (given.flags & PERDURE_REFUSE_READ_ONLY) != 0;
  out.report_version = (given.flags & PERDURE_REPORT_VERSION) != 0;
  if (given.expected != nullptr) {
    BOOST_OUTCOME_TRY(out.expected, version_of(given.expected, step));
  }
  if (given.backup_suffix != nullptr) {
    if (out.existing != ExistingPolicy::backup) {
      return wrong_call(step,
                        "`backup_suffix` is for PERDURE_EXISTING_BACKUP alone: leave it NULL");
    }
    out.backup_suffix = given.backup_suffix;
  }
  return out;
}

Result<WriteOptions> remove_options_of(const perdure_write_options* options,
                                       std::string_view step) {
  BOOST_OUTCOME_TRY(const perdure_write_options given, read_struct(options, step));
  BOOST_OUTCOME_TRY(check_unused({{"flags", given.flags & ~std::uint32_t{PERDURE_COORDINATE}},
                                  {"protocol", given.protocol},
                                  {"symlink", given.symlink},
                                  {"existing", given.existing},
                                  {"metadata", given.metadata},
                                  {"mode", given.mode}},
                                 step));
  return options_of(&given, step);
}

Result<TransactionOptions> options_of(const perdure_root_options* options, std::string_view step) {
  BOOST_OUTCOME_TRY(const perdure_root_options given, read_struct(options, step));
  TransactionOptions out;
  BOOST_OUTCOME_TRY(take_common(given, PERDURE_REFUSE_READ_ONLY, step, out));
  BOOST_OUTCOME_TRY(take_commit(given, step, out));
  out.refuse_read_only = (given.flags & PERDURE_REFUSE_READ_ONLY) != 0;
  if (given.private_directory != nullptr) out.private_directory = given.private_directory;
  out.system = system_of_calls();
  return out;
}

Result<RootOptions> log_options_of(const perdure_root_options* options, std::string_view step) {
  BOOST_OUTCOME_TRY(const perdure_root_options given, read_struct(options, step));
  BOOST_OUTCOME_TRY(
      check_unused({{"durability", given.durability}, {"protocol", given.protocol}}, step));
  BOOST_OUTCOME_TRY(auto checked, options_of(&given, step));
  RootOptions out;
  out.private_directory = std::move(checked.private_directory);
  out.metadata = checked.metadata;
  out.refuse_read_only = checked.refuse_read_only;
  out.lock_timeout_ms = checked.lock_timeout_ms;
  out.system = checked.system;
  return out;
}

Result<StateSettings> options_of(const perdure_state_options* options, std::string_view step) {
  BOOST_OUTCOME_TRY(const perdure_state_options given, read_struct(options, step));
  StateSettings out;
  TrackerOptions& tracker = out.tracker;
  BOOST_OUTCOME_TRY(take_common(given, PERDURE_MAKE_PARENTS | PERDURE_EXCLUSIVE, step, tracker));
  BOOST_OUTCOME_TRY(take_commit(given, step, tracker.file));
  if (given.format != PERDURE_FORMAT_ENVELOPE && given.format != PERDURE_FORMAT_JSON) {
    return wrong_member(step, "format", given.format);
  }
  out.json = given.format == PERDURE_FORMAT_JSON;
  if (given.previous < -1) return wrong_member(step, "previous", given.previous);
  if (given.previous != 0) {
    tracker.previous_max = given.previous < 0 ? 0 : static_cast<std::uint32_t>(given.previous);
  }
  if ((given.flags & PERDURE_EXCLUSIVE) != 0) tracker.lock = TrackerLock::exclusive;
  tracker.file.make_parents = (given.flags & PERDURE_MAKE_PARENTS) != 0;
  tracker.system = system_of_calls();
  return out;
}

}  // namespace perdure::c
