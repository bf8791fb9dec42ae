// SPDX-License-Identifier: BSL-1.0
// Makes and compares versions, by stamps where these tell contents apart, else by the content too.
#include "engine/version.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/advice.hpp"
#include "base/little_endian.hpp"

namespace perdure {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds second = std::chrono::seconds(1);

/// ext2, ext3 and small inodes have stamps of whole seconds, and vfat of every second one. exfat
/// and vfat have stamps of whole hundredths.
constexpr nanoseconds hundredth = std::chrono::milliseconds(10);

/// How long a reader waits between two looks for the next tick; a tick has 1 to 10 ms.
constexpr nanoseconds pause = std::chrono::milliseconds(4);

/// How much older than the last tick before a look a stamp must be, so that no change after the
/// look can have it.
nanoseconds age_needed(std::int64_t ctime_ns) {
  if (ctime_ns % second.count() == 0) return 2 * second;
  return ctime_ns % hundredth.count() == 0 ? hundredth : nanoseconds(0);
}

std::uint64_t hash_of(const Checksum::Digest& digest) {
  const auto hash = from_little_endian<std::uint64_t>(digest);
  return hash != 0 ? hash : 1;
}

Result<std::uint64_t> hash_named(const Target& target, const std::string& name) {
  BOOST_OUTCOME_TRY(const OwnedHandle file, open_named(target, name));
  const auto hash = content_hash(target.files, file.get());
  if (!hash) return target.failure("compare the version", hash.error());
  return hash.value();
}

/// How long to wait until the stamps of this look are settled; empty where waiting does not help.
std::optional<nanoseconds> time_to_settle(FileSystem& files, Handle handle, const Status& status) {
  const std::int64_t ctime_ns = status.version.ctime_ns;
  const Stamps stamps = files.stamps(handle, status);
  // A small inode has no room for more than seconds, however finely the kernel counts.
  if (stamps == Stamps::fine && ctime_ns % second.count() != 0) return nanoseconds(0);
  if (stamps == Stamps::foreign) return std::nullopt;
  const nanoseconds age(status.tick_ns - ctime_ns);
  const nanoseconds needed = age_needed(ctime_ns);
  if (age > needed) return nanoseconds(0);
  return std::max(needed - age, pause);
}

constexpr std::string_view step = "read the version";

}  // namespace

bool is_settled(FileSystem& files, Handle handle, const Status& status) {
  return time_to_settle(files, handle, status) == nanoseconds(0);
}

bool wait_out_tick(FileSystem& files, Environment& environment, Handle handle, const Status& status,
                   int waits) {
  constexpr int waits_max = 10;
  constexpr std::chrono::milliseconds wait_max{50};
  const auto wait = time_to_settle(files, handle, status);
  if (!wait || *wait == nanoseconds(0) || *wait > wait_max || waits >= waits_max) return false;
  environment.sleep(*wait);
  return true;
}

std::uint64_t content_hash(const Checksum& checksum) {
  return hash_of(checksum.digest());
}

std::uint64_t content_hash(Bytes bytes) {
  return hash_of(Checksum::of(bytes));
}

SysResult<std::uint64_t> content_hash(FileSystem& files, Handle file) {
  constexpr std::size_t block_size = std::size_t{64} << 10U;
  Checksum checksum;
  Buffer block(block_size);
  for (std::uint64_t offset = 0;;) {
    BOOST_OUTCOME_TRY(const std::size_t got, files.read_at(file, offset, block));
    if (got == 0) return hash_of(checksum.digest());
    checksum.update(Bytes(block).first(got));
    offset += got;
  }
}

Result<OwnedHandle> open_named(const Target& target, const std::string& name) {
  const auto opened = target.files.open_file(target.directory, name);
  if (opened) return OwnedHandle(target.files, opened.value());
  Error error = target.failure("open the file", opened.error());
  if (opened.error() == std::errc::too_many_symbolic_link_levels) {  // O_NOFOLLOW
    error.detail = circumstance::is_link;
  }
  return error;
}

SysResult<Version> version_of(FileSystem& files, Handle file, const Status& status) {
  Version version = status.version;
  if (is_settled(files, file, status)) return version;
  BOOST_OUTCOME_TRY(version.content, content_hash(files, file));
  return version;
}

Result<Version> version_at(const Target& target, const std::string& name, const Status& status) {
  if (status.type != FileType::regular || is_settled(target.files, target.directory, status)) {
    return status.version;
  }
  BOOST_OUTCOME_TRY(const OwnedHandle file, open_named(target, name));
  // It may be another file by now: the status and the content are read as one.
  const auto opened = target.files.stat(file.get());
  if (!opened) return target.failure(step, opened.error());
  const auto version = version_of(target.files, file.get(), opened.value());
  if (!version) return target.failure(step, version.error());
  return version.value();
}

Result<bool> has_version(const Target& target, const std::string& name, const Status& status,
                         const Version& version) {
  if (!version.is_of_content() && !status.version.same_stamps(version)) return false;
  return has_content_of(target, name, status, version);
}

Result<bool> has_content_of(const Target& target, const std::string& name, const Status& status,
                            const Version& version) {
  if (version.content == 0) return true;
  if (status.type != FileType::regular || status.version.size != version.size) return false;
  BOOST_OUTCOME_TRY(const std::uint64_t hash, hash_named(target, name));
  return hash == version.content;
}

bool may_be_one_file(const Version& one, const Version& other) {
  return one.device == other.device && one.birth_ns != 0 && one.birth_ns == other.birth_ns &&
         one.size == other.size && one.mtime_ns == other.mtime_ns && one.ctime_ns == other.ctime_ns;
}

bool has_stamps_of(const Status& status, const Version& version) {
  return status.version.same_stamps(version);
}

bool KnownVersion::is_known(const Version& version, Bytes content) const {
  return version_.content != 0 && version.same_stamps(version_) &&
         content_hash(content) == version_.content;
}

void KnownVersion::know(const Version& version, Bytes content) {
  if (!is_known(version, content)) know(version);
}

Result<bool> KnownVersion::is_still(const Target& target, const Status& status) {
  if (settled_) return status.version.same_stamps(version_);
  BOOST_OUTCOME_TRY(const bool still, has_version(target, target.leaf, status, version_));
  if (still) settled_ = is_settled(target.files, target.directory, status);
  return still;
}

}  // namespace perdure
