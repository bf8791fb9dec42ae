// SPDX-License-Identifier: BSL-1.0
// A line of progress for calls that write many files.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>

#include <perdure/system/forwarding_file_system.hpp>

#include "common/progress.hpp"

namespace perdure::cli {

/// Shows how many bytes a call has written through `files`, and counts the seconds of the sync that
/// follows. One thread at a time.
class ByteProgress {
 public:
  /// `base` and `out` must outlive it. Unless `shown`, nothing is watched: `files` is the base
  /// itself.
  ByteProgress(FileSystem& base, std::ostream& out, bool shown);

  [[nodiscard]] FileSystem& files() noexcept { return files_ ? *files_ : base_; }
  /// Call it when all is written and is being synced. Bytes that are written later begin a new
  /// line.
  void syncing();
  /// Ends the line, before another one or the report.
  void end();

 private:
  /// Tells of each byte that is written.
  class Watched final : public ForwardingFileSystem {
   public:
    Watched(FileSystem& base, std::function<void(std::uint64_t)> written)
        : ForwardingFileSystem(base), written_(std::move(written)) {}
    SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override;
    SysResult<std::uint64_t> copy_range(Handle from, std::uint64_t from_offset, Handle to,
                                        std::uint64_t to_offset, std::uint64_t size) override;

   private:
    std::function<void(std::uint64_t)> written_;
  };

  void advance(std::uint64_t bytes);

  FileSystem& base_;
  std::ostream& out_;
  std::optional<Watched> files_{};
  std::optional<Progress> progress_{};
  bool syncing_ = false;
};

}  // namespace perdure::cli
