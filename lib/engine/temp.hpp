// SPDX-License-Identifier: BSL-1.0
// Makes, fills, awaits and discards a temp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/pipeline/stage.hpp>

namespace perdure {

/// Whether this process may write, publish or remove the temp: it made it, and is not a forked
/// child of the maker.
[[nodiscard]] bool is_temp_ours(const Commit& commit);
/// The error of one that may not.
[[nodiscard]] Error not_ours(const Commit& commit, std::string_view step);

/// Whether a stage of somebody's own made it, with whatever mode.
[[nodiscard]] bool is_made_by_stage(const Commit& commit);

/// Makes the temp, or fails with the target unchanged. For the mode see temp_mode.
Result<void> create_temp(Commit& commit, std::uint32_t mode);

/// Writes into the temp, over its content or behind it. Goes on after a short write; a write of
/// nothing is an error.
Result<void> write_to_temp(Commit& commit, std::uint64_t offset, Bytes bytes);
/// Appends to the temp's content.
Result<void> append_to_temp(Commit& commit, Bytes bytes);

/// Gathers small writes on their way to a temp, so that a byte costs no system call. Hands them on
/// to `put`, in order; large ones at once. `flush` hands on the rest, which is lost without it.
class GatheringSink final : public Sink {
 public:
  using Put = std::function<Result<void>(Bytes)>;

  explicit GatheringSink(Put put) : put_(std::move(put)) {}
  Result<void> write(Bytes bytes) override;
  Result<void> flush();

 private:
  Put put_;
  Buffer gathered_;
};

/// Reserves space for `size` bytes in all. Where that can't be done, or a signal interrupts it, the
/// write will find out whether there is space.
Result<void> preallocate_temp(Commit& commit, std::uint64_t size);

/// Begins to write a file's content to the disk, ahead of the sync that awaits it. It is a hint,
/// but its failure counts: where ext4 finds no space it drops the content, and tells this call
/// alone (mpage_map_and_submit_extent in fs/ext4/inode.c). Where it can't be done, the sync does it
/// all.
SysResult<void> start_writeback(FileSystem& files, Handle file);
/// The same for the temp.
Result<void> start_temp(Commit& commit);

/// Waits until the disk has the temp's content. A failure is as final as that of a sync: a temp
/// that somebody else wrote is not adopted again.
Result<void> await_temp(Commit& commit);
/// Waits until the temp's content is durable (fsync(2)); the same holds for a failure.
Result<void> sync_temp(Commit& commit);

/// Reads the whole temp from the disk, past the cache, in blocks. `accept` says whether a block is
/// right; the first that is not ends it with ErrorKind::verify.
Result<void> read_back(Commit& commit, const std::function<bool(Bytes)>& accept);
/// The error for content that came back different.
[[nodiscard]] Error differs(const Commit& commit);

/// Gives the temp up: unlinks its name, unless somebody else gave the file that name. An error
/// names it.
Result<void> remove_temp(Commit& commit);
/// Unlinks the temp's name, whoever gave it, also once the file has the target's name, too.
Result<void> unlink_temp(Commit& commit);

}  // namespace perdure
