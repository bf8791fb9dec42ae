// SPDX-License-Identifier: BSL-1.0
// Removes the temps of committers that died.
#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <perdure/clean.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/directory.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

enum class TempState { stale, stale_and_empty, stale_directory, live, not_ours, gone };

/// The time until the second look at an empty temp. It is far longer than a committer can be inside
/// open(2), even if the system stops it there for a while.
constexpr std::chrono::seconds second_look_after{1};

/// A transaction made the link to try whether links can be made there. Nobody needs it any more.
TempState state_of_link(FileSystem& files, Handle directory, const std::string& name) {
  const auto status = files.stat_at(directory, name);
  if (!status && is_missing(status.error())) return TempState::gone;
  const bool link = status && status.value().type == FileType::symlink;
  const bool ours = link && (status.value().owner == files.user() || files.user() == 0);
  return ours ? TempState::stale : TempState::not_ours;
}

/// Whether a committer still works on this temp. A committer has its temp open for writing until
/// the publish, and a name is never used twice. So a temp with content that nobody has open will
/// never be published. An empty temp may just be made. open(2) makes the name first and counts the
/// writer afterwards (path_openat and do_dentry_open in the kernel's fs/), and we may look in
/// between. We read the size before we ask for writers, so that a committer can't open and fill the
/// temp between the two.
TempState state_of(FileSystem& files, Handle directory, const std::string& name) {
  const auto opened = files.open_file(directory, name);
  if (!opened && opened.error() == std::errc::too_many_symbolic_link_levels) {
    return state_of_link(files, directory, name);
  }
  if (!opened) {
    return is_missing(opened.error()) ? TempState::gone : TempState::not_ours;
  }
  const OwnedHandle file(files, opened.value());
  const auto status = files.stat(file.get());
  if (status && status.value().type == FileType::directory) {
    // A transaction made the directory to try whether one can be made. Nobody needs an empty one.
    const auto within = files.list(file.get());
    return within && within.value().empty() ? TempState::stale_directory : TempState::not_ours;
  }
  if (!status || status.value().type != FileType::regular) return TempState::not_ours;
  const auto live = files.open_for_writing(file.get());
  if (!live) return TempState::not_ours;
  if (live.value()) return TempState::live;
  return status.value().version.size == 0 ? TempState::stale_and_empty : TempState::stale;
}

/// Whether a lease counts every writer. The kernel counts the writers of one inode. Through FUSE,
/// an overlay or a network file system others reach the same file by another inode, or from another
/// machine. A type that can't be read counts as one of these.
bool knows_all_writers(const FileSystemInfo& info) {
  constexpr std::array<std::string_view, 9> local{
      "ext2, ext3 or ext4",  // where no mount tells which
      "ext2",
      "ext3",
      "ext4",
      "xfs",
      "btrfs",
      "f2fs",
      "tmpfs",
      "simulated"};  // the last: our own double
  return std::find(local.begin(), local.end(), info.type) != local.end();
}

class Cleaner {
 public:
  Cleaner(const Path& directory, const CleanOptions& options, System system)
      : path_(directory.native()), options_(options), system_(system), files_(*system.files) {}

  Result<CleanReport> run(const OwnedHandle& directory) {
    if (options_.recursive) {
      const auto status = files_.stat(directory.get());
      if (!status) return failure(status.error(), {});
      device_ = status.value().version.device;
    }
    BOOST_OUTCOME_TRY(look_into(directory.get(), directory.get(), ""));
    if (!empty_.empty()) system_.environment->sleep(second_look_after);
    for (const Found& found : empty_) {
      if (found.directory.empty()) {
        BOOST_OUTCOME_TRY(decide(directory.get(), found, true));
        continue;
      }
      BOOST_OUTCOME_TRY(const OwnedHandle at, directory_of(directory.get(), found.directory));
      if (at) {
        BOOST_OUTCOME_TRY(decide(at.get(), found, true));
      }
    }
    for (auto* names : {&report_.removed, &report_.live, &report_.skipped}) {
      std::ranges::sort(*names);  // directories list theirs in any order
    }
    return std::move(report_);
  }

 private:
  /// A name in a directory, which is "" or a path below the one to clean, with a slash behind it.
  struct Found {
    std::string directory;
    std::string name;
    bool trusted;  ///< A lease counts every writer there.
    [[nodiscard]] std::string path() const { return directory + name; }
  };

  [[nodiscard]] Error failure(std::error_code cause, std::string detail) const {
    return make_error("remove stale temps", path_, cause, std::move(detail));
  }

  /// Empty if it is gone, or is not a directory any more.
  Result<OwnedHandle> directory_of(Handle top, const std::string& below) {
    auto opened = files_.open_beneath(top, below);
    if (opened) return OwnedHandle(files_, opened.value());
    if (is_missing(opened.error()) || opened.error() == std::errc::not_a_directory ||
        opened.error() == std::errc::too_many_symbolic_link_levels ||
        opened.error() == std::errc::cross_device_link) {
      return OwnedHandle();
    }
    if (opened.error() == std::errc::permission_denied) {
      report_.skipped.push_back(below);
      return OwnedHandle();
    }
    return failure(opened.error(), below);
  }

  /// `directory` is the one at `below`.
  Result<void> look_into(Handle top, Handle directory, const std::string& below) {
    const auto entries = files_.list(directory);
    if (!entries) return failure(entries.error(), below);
    const bool temps = std::ranges::any_of(
        entries.value(), [](const auto& entry) { return names::is_temp(entry.name); });
    bool trusted = false;
    if (temps) {
      const auto info = files_.describe(directory);
      if (!info) return failure(info.error(), "what the directory lies on can't be told");
      trusted = knows_all_writers(info.value());
    }
    std::vector<std::string> directories;
    for (const auto& entry : entries.value()) {
      const Found found{below, entry.name, trusted};
      if (names::is_apply_temp(entry.name)) report_.skipped.push_back(found.path());
      if (names::is_temp(entry.name)) {
        BOOST_OUTCOME_TRY(decide(directory, found, false));
      } else if (options_.locks && names::is_lock(entry.name)) {
        BOOST_OUTCOME_TRY(remove_lock(directory, found));
      } else if (options_.recursive && entry.name != names::usual_private_directory) {
        directories.push_back(entry.name);
      }
    }
    for (const std::string& name : directories) {
      BOOST_OUTCOME_TRY(look_below(top, directory, below, name));
    }
    return success();
  }

  /// Looks into directories on the same file system.
  Result<void> look_below(Handle top, Handle directory, const std::string& below,
                          const std::string& name) {
    const auto kind = files_.stat_at(directory, name);
    if (!kind && is_missing(kind.error())) return success();
    if (!kind) return failure(kind.error(), below + name);
    if (kind.value().type != FileType::directory) return success();
    if (kind.value().version.device != device_) return success();
    const std::string path = below + name + "/";
    BOOST_OUTCOME_TRY(const OwnedHandle at, directory_of(top, path));
    return at ? look_into(top, at.get(), path) : success();
  }

  Result<void> remove(Handle directory, const Found& found, bool is_directory) {
    if (!options_.dry_run) {
      const auto removed = is_directory ? files_.remove_directory(directory, found.name)
                                        : files_.unlink(directory, found.name);
      if (!removed && is_missing(removed.error())) {
        return success();  // another cleaner was quicker, or its committer has published it since
      }
      if (!removed) return failure(removed.error(), found.path());
    }
    report_.removed.push_back(found.path());
    return success();
  }

  /// A committer that waits for the lock finds that the file has lost its name, and makes another
  /// one (lock.cpp).
  Result<void> remove_lock(Handle directory, const Found& found) {
    const auto opened = files_.open_lock(directory, found.name);
    if (!opened && is_missing(opened.error())) return success();
    const OwnedHandle lock = opened ? OwnedHandle(files_, opened.value()) : OwnedHandle();
    const auto status = lock ? files_.stat(lock.get()) : SysResult<Status>(opened.error());
    if (!status || status.value().type != FileType::regular) {
      report_.skipped.push_back(found.path());
      return success();
    }
    const auto taken = files_.try_lock(lock.get(), LockMode::exclusive);
    if (!taken) {
      const bool held = taken.error() == std::errc::operation_would_block;
      (held ? report_.live : report_.skipped).push_back(found.path());
      return success();
    }
    const auto named = files_.stat_at(directory, found.name);
    if (!named || !named.value().version.same_file(status.value().version)) return success();
    return remove(directory, found, false);
  }

  Result<void> decide(Handle directory, const Found& found, bool second_look) {
    TempState state = state_of(files_, directory, found.name);
    const bool stale = state == TempState::stale || state == TempState::stale_and_empty;
    if (stale && !found.trusted) state = TempState::not_ours;
    switch (state) {
      case TempState::gone:
        break;
      case TempState::live:
        report_.live.push_back(found.path());
        break;
      case TempState::not_ours:
        report_.skipped.push_back(found.path());
        break;
      case TempState::stale_and_empty:
        if (second_look) return remove(directory, found, false);
        empty_.push_back(found);
        break;
      case TempState::stale:
        return remove(directory, found, false);
      case TempState::stale_directory:
        return remove(directory, found, true);
    }
    return success();
  }

  const std::string& path_;
  const CleanOptions& options_;
  System system_;
  FileSystem& files_;
  std::uint64_t device_ = 0;
  CleanReport report_;
  std::vector<Found> empty_;
};

Result<CleanReport> clean_directory(const Path& directory, const CleanOptions& options,
                                    System system) {
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_named_directory(*system.files, directory));
  return Cleaner(directory, options, system).run(opened);
}

}  // namespace

Result<CleanReport> clean(const Path& directory, const CleanOptions& options, System system) {
  return reading(clean_directory(directory, options, system));
}

}  // namespace perdure
