// SPDX-License-Identifier: BSL-1.0
// Changes that are committed to the log of an open root, and are not in place yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include <perdure/error.hpp>

#include "transaction/journal_format.hpp"

namespace perdure {

struct FileImage;

/// The state that a path is to get.
struct LeftFile {
  bool removed = false;  ///< The path is to be removed.
  /// The file that waits in the private directory; empty: memory and the log have its content.
  std::string staged{};
  /// The metadata of the file. The content is in it only where there is no staged file.
  std::shared_ptr<const FileImage> image{};
};

/// The next commit to such a path has to look here. Thread-safe: the log's leader changes it, all
/// other threads only look.
class Unpublished {
 public:
  /// Whether there may be any, now or later. Set before anybody looks.
  bool expected = false;
  /// The largest content that memory keeps for one file. Set before anybody looks.
  std::uint64_t content_max = 0;

  /// While one of these is held nothing is put in place, and names in the private directory stay.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold() const {
    return expected ? std::shared_lock(mutex_) : std::shared_lock<std::shared_mutex>();
  }
  /// For putting in place: nobody else looks.
  [[nodiscard]] std::unique_lock<std::shared_mutex> change() { return std::unique_lock(mutex_); }

  /// Null: the file at the path counts. An error if some files could not be put in place: then
  /// nothing tells where the content is. Call it while `hold` is held; the answer is valid as long.
  [[nodiscard]] Result<const LeftFile*> find(const std::string& path) const;

  /// Notes a committed record, with the image of each file that is put, in the order of the
  /// journal. Returns the staged files that are not needed any more. Takes the lock.
  std::vector<std::string> note(const Journal& journal,
                                std::vector<std::shared_ptr<const FileImage>> images);
  /// Bytes of content in memory.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Forgets everything: all is in place. Call it under the lock of `change`.
  void clear() noexcept;
  /// Remembers that some files may be in place, and that no more will be. Call it under the lock of
  /// `change`.
  void stop(Error why) { stopped_ = std::move(why); }

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, LeftFile> left_;  ///< By path.
  std::uint64_t bytes_ = 0;
  std::optional<Error> stopped_;  ///< Why nothing will be put in place any more.
};

}  // namespace perdure
