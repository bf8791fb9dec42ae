// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>

#include <perdure/system/forwarding_file_system.hpp>

namespace perdure::test {

/// Knows at every moment whether all that was published is durable, by the order of calls.
class Watch final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  /// True when no content was published unsynced, and no name waits for its directory's sync.
  [[nodiscard]] bool all_durable() const { return ordered_ && !name_pending_; }
  [[nodiscard]] unsigned publishes() const { return publishes_; }

  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    content_pending_ = true;
    return base().write_at(file, offset, bytes);
  }
  SysResult<void> sync_file(Handle file) override {
    auto done = base().sync_file(file);
    if (done) content_pending_ = false;
    return done;
  }
  SysResult<void> sync_directory(Handle directory) override {
    auto done = base().sync_directory(directory);
    if (done) name_pending_ = false;
    return done;
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (content_pending_) ordered_ = false;
    name_pending_ = true;
    ++publishes_;
    return base().rename(from_directory, from, to_directory, to, mode);
  }

 private:
  std::atomic<bool> content_pending_ = false;
  std::atomic<bool> name_pending_ = false;
  std::atomic<bool> ordered_ = true;
  std::atomic<unsigned> publishes_ = 0;
};

}  // namespace perdure::test
