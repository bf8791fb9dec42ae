// SPDX-License-Identifier: BSL-1.0
// Reads a file again until it did not change in between.
#include "engine/read.hpp"

#include <exception>

#include "engine/target.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "read the file";

/// A file as it is before a pass, and whether its stamps will show every later change.
struct Before {
  Status status;
  bool settled = false;
};

Result<Before> look_before(const Target& target, Handle file) {
  for (int waits = 0;; ++waits) {
    const auto status = target.files.stat(file);
    if (!status) return target.failure(step, status.error());
    if (wait_out_tick(target.files, target.environment, file, status.value(), waits)) continue;
    return Before{status.value(), is_settled(target.files, file, status.value())};
  }
}

/// The version of the content that was read since `before`; empty when the file changed in the
/// meantime. All stamps count: a program that writes in place can set the size and the time of
/// modification back, but not the ctime. Where a change may not show in the stamps, the content is
/// read twice.
Result<std::optional<Version>> version_since(const Target& target, Handle file,
                                             const Before& before, std::uint64_t hash) {
  Version version = before.status.version;
  if (!before.settled) {
    const auto again = content_hash(target.files, file);
    if (!again) return target.failure(step, again.error());
    if (again.value() != hash) return std::optional<Version>();
    version.content = hash;
  }
  const auto after = target.files.stat(file);
  if (!after) return target.failure(step, after.error());
  if (!has_stamps_of(after.value(), version)) return std::optional<Version>();
  return std::optional(version);
}

Result<void> check_regular(const Target& target, const Status& status) {
  if (status.type == FileType::regular) return success();
  return target.failure(step, ErrorKind::not_regular, "it is not a regular file");
}

/// One pass over the file; false when it changed in the meantime.
Result<bool> read_once(const Target& target, Handle file, std::uint64_t size_max,
                       FileContent& content) {
  BOOST_OUTCOME_TRY(const Before before, look_before(target, file));
  BOOST_OUTCOME_TRY(check_regular(target, before.status));
  const std::uint64_t size = before.status.version.size;
  if (size > size_max) {
    return target.failure(step, ErrorKind::invalid_argument,
                          "it has " + std::to_string(size) + " bytes, and " +
                              std::to_string(size_max) + " are the most allowed");
  }
  // Anybody can make a sparse file of any size. On a 32-bit machine a size cut to its 32 bits would
  // give the beginning of the file for the whole.
  if (size > content.bytes.max_size()) {
    return target.failure(step, std::make_error_code(std::errc::not_enough_memory));
  }
  try {
    content.bytes.resize(static_cast<std::size_t>(size));
  } catch (const std::exception&) {
    return target.failure(step, std::make_error_code(std::errc::not_enough_memory));
  }
  std::size_t done = 0;
  while (done < content.bytes.size()) {
    const auto got = target.files.read_at(file, done, std::span(content.bytes).subspan(done));
    if (!got) return target.failure(step, got.error());
    if (got.value() == 0) return false;
    done += got.value();
  }
  const std::uint64_t hash = before.settled ? 0 : content_hash(content.bytes);
  BOOST_OUTCOME_TRY(const auto version, version_since(target, file, before, hash));
  if (version) content.version = *version;
  return version.has_value();
}

constexpr int attempts_max = 10;

Error never_steady(const Target& target) {
  return target.failure(step, ErrorKind::conflict,
                        "somebody rewrites it in place all the time; ask them to stop");
}

}  // namespace

Result<FileContent> read_steady(const Target& target, const std::string& leaf,
                                std::uint64_t size_max,
                                const std::function<Result<void>(Handle)>& opened) {
  // One descriptor serves all passes. A commit takes the file's name away, which changes its ctime,
  // but only once. A reader that opened a large file by its name again and again would meet commit
  // after commit.
  BOOST_OUTCOME_TRY(const OwnedHandle file, open_named(target, leaf));
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (opened) {
      BOOST_OUTCOME_TRY(opened(file.get()));
    }
    FileContent content;
    BOOST_OUTCOME_TRY(const bool steady, read_once(target, file.get(), size_max, content));
    if (steady) return content;
  }
  return never_steady(target);
}

Result<void> copy_steady(const Target& target, Handle file, Sink& sink) {
  constexpr std::size_t block_size = std::size_t{256} << 10U;
  BOOST_OUTCOME_TRY(const Before before, look_before(target, file));
  BOOST_OUTCOME_TRY(check_regular(target, before.status));
  Buffer block(block_size);
  Checksum checksum;
  for (std::uint64_t offset = 0;;) {
    const auto got = target.files.read_at(file, offset, block);
    if (!got) return target.failure(step, got.error());
    if (got.value() == 0) break;
    const Bytes bytes = Bytes(block).first(got.value());
    if (!before.settled) checksum.update(bytes);
    BOOST_OUTCOME_TRY(sink.write(bytes));
    offset += got.value();
  }
  const std::uint64_t hash = before.settled ? 0 : content_hash(checksum);
  BOOST_OUTCOME_TRY(const auto version, version_since(target, file, before, hash));
  if (version) return success();
  return target.failure(step, ErrorKind::conflict, "somebody changes it; try again");
}

Result<Version> settled_version(const Target& target) {
  std::optional<Status> now = target.existing;
  for (int waits = 0;
       now && wait_out_tick(target.files, target.environment, target.directory, *now, waits);
       ++waits) {
    BOOST_OUTCOME_TRY(now, current_status(target));
  }
  return now ? version_at(target, target.leaf, *now) : Version::absent();
}

Result<Version> hash_steady(const Target& target, const std::string& leaf) {
  BOOST_OUTCOME_TRY(const OwnedHandle file, open_named(target, leaf));
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    BOOST_OUTCOME_TRY(const Before before, look_before(target, file.get()));
    BOOST_OUTCOME_TRY(check_regular(target, before.status));
    const auto hash = content_hash(target.files, file.get());
    if (!hash) return target.failure(step, hash.error());
    BOOST_OUTCOME_TRY(const auto version, version_since(target, file.get(), before, hash.value()));
    if (version) return Version{.size = version->size, .content = hash.value()};
  }
  return never_steady(target);
}

}  // namespace perdure
