// SPDX-License-Identifier: BSL-1.0
// Makes temps under fresh names, and writes to them.
#include "engine/temp.hpp"

#include <algorithm>
#include <limits>

#include "engine/fresh_file.hpp"
#include "engine/lost_content.hpp"
#include "engine/names.hpp"
#include "engine/unlink.hpp"
#include "linux/fork.hpp"

namespace perdure {

bool is_temp_ours(const Commit& commit) {
  return commit.made_by == 0 || commit.made_by == process_mark();
}

Error not_ours(const Commit& commit, std::string_view step) {
  return commit.failure(step, ErrorKind::invalid_argument,
                        "another process made this temp: a forked child can't go on with it; "
                        "begin the commit after the fork");
}

Result<void> create_temp(Commit& commit, std::uint32_t mode) {
  auto made =
      make_fresh_file(commit.files, commit.directory, commit.leaf, commit.environment, mode);
  if (!made) return commit.failure("create a temp", made.error());
  commit.made_by = process_mark();
  commit.temp = std::move(made.value().handle);
  commit.temp_name = std::move(made.value().name);
  commit.written = 0;
  return success();
}

namespace {

bool is_named_temp(const Commit& commit) {
  if (!commit.temp) return false;
  const auto temp = commit.files.stat(commit.temp.get());
  const auto named = commit.files.stat_at(commit.directory, commit.temp_name);
  return temp && named && temp.value().version.same_file(named.value().version);
}

}  // namespace

bool is_made_by_stage(const Commit& commit) {
  return commit.made_by == 0 && !commit.adopted && !commit.temp_name.empty();
}

Result<void> write_to_temp(Commit& commit, std::uint64_t offset, Bytes bytes) {
  constexpr std::string_view step = "write the new content";
  constexpr auto size_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!is_temp_ours(commit)) return not_ours(commit, step);
  if (bytes.size() > size_max || offset > size_max - bytes.size()) {
    return commit.failure(step, std::make_error_code(std::errc::file_too_large));
  }
  while (!bytes.empty()) {
    const auto put = commit.files.write_at(commit.temp.get(), offset, bytes);
    if (!put) return commit.failure(step, put.error());
    if (put.value() == 0) {
      return commit.failure(step, std::make_error_code(std::errc::io_error));
    }
    bytes = bytes.subspan(put.value());
    offset += put.value();
    commit.written = std::max(commit.written, offset);
  }
  return success();
}

Result<void> append_to_temp(Commit& commit, Bytes bytes) {
  return write_to_temp(commit, commit.written, bytes);
}

Result<void> GatheringSink::write(Bytes bytes) {
  constexpr std::size_t gather_size = std::size_t{64} << 10U;
  if (gathered_.size() + bytes.size() < gather_size) {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    return success();
  }
  BOOST_OUTCOME_TRY(flush());
  return put_(bytes);
}

Result<void> GatheringSink::flush() {
  BOOST_OUTCOME_TRY(put_(gathered_));
  gathered_.clear();
  return success();
}

namespace {

/// Whether a call that only prepares a later one was not made: it can't be made there, or a signal
/// came first. The later call does it all.
bool is_left_to_later(const SysResult<void>& prepared) {
  return !prepared && (prepared.error() == std::errc::operation_not_supported ||
                       prepared.error() == std::errc::function_not_supported ||
                       prepared.error() == std::errc::interrupted ||
                       prepared.error() == std::errc::invalid_argument);
}

}  // namespace

Result<void> preallocate_temp(Commit& commit, std::uint64_t size) {
  const auto reserved = commit.files.preallocate(commit.temp.get(), size);
  if (reserved || is_left_to_later(reserved)) return success();
  return commit.failure("reserve space for the new content", reserved.error());
}

SysResult<void> start_writeback(FileSystem& files, Handle file) {
  const auto started = files.start_writeback(file);
  return is_left_to_later(started) ? success() : started;
}

Result<void> start_temp(Commit& commit) {
  const auto started = start_writeback(commit.files, commit.temp.get());
  if (!started) return commit.failure("begin to write to the disk", started.error());
  return success();
}

namespace {

Result<void> content_on_disk(Commit& commit, std::string_view step, const SysResult<void>& done) {
  if (done) return success();
  if (commit.adopted) note_lost_content(commit.files, commit.adopted->version);
  return commit.failure(step, done.error());
}

}  // namespace

Result<void> await_temp(Commit& commit) {
  return content_on_disk(commit, "await the new content's way to the disk",
                         commit.files.await_writeback(commit.temp.get()));
}

Result<void> sync_temp(Commit& commit) {
  return content_on_disk(commit, "sync the new content", commit.files.sync_file(commit.temp.get()));
}

Error differs(const Commit& commit) {
  return commit.failure("verify the new content", ErrorKind::verify,
                        "what the disk gives back is not what was written; do not trust this disk");
}

Result<void> read_back(Commit& commit, const std::function<bool(Bytes)>& accept) {
  constexpr std::string_view step = "verify the new content";
  constexpr std::size_t block_size = std::size_t{1} << 18U;
  const auto evicted = commit.files.evict(commit.temp.get());
  if (!evicted) return commit.failure(step, evicted.error());
  Buffer block(block_size);
  for (std::uint64_t offset = 0;;) {
    const auto got = commit.files.read_at(commit.temp.get(), offset, block);
    if (!got) return commit.failure(step, got.error());
    if (got.value() == 0) return success();
    if (!accept(Bytes(block).first(got.value()))) return differs(commit);
    offset += got.value();
  }
}

Result<void> remove_temp(Commit& commit) {
  return commit.adopted ? success() : unlink_temp(commit);
}

Result<void> unlink_temp(Commit& commit) {
  if (commit.temp_name.empty()) return success();
  if (!is_temp_ours(commit)) return not_ours(commit, "remove the temp");
  const bool is_temp = !is_made_by_stage(commit) || is_named_temp(commit);
  const std::string name = std::exchange(commit.temp_name, {});
  if (!is_temp) return success();  // a stage that is wrong may have named the target
  const auto removed = unlink_if_there(commit.files, commit.directory, name);
  if (removed) return success();
  Error error = commit.failure("remove the temp", removed.error());
  error.detail = "'" + name + "' is left beside the target; `perdure clean` removes it";
  return error;
}

}  // namespace perdure
