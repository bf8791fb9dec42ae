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

/// Until the second look at an empty temp: far more than a committer can be stuck in the middle of
/// open(2), also when its processor is taken away there.
constexpr std::chrono::seconds second_look_after{1};

/// Whether anyone is still at work on this temp. A committer has its temp open for writing until
/// the publish, and a name is never used twice: a temp with content that nobody has open will never
/// be published. An empty one may be about to: open(2) makes the name first and counts the writer
/// afterwards (path_openat and do_dentry_open in the kernel's fs/), and others see what is between.
/// The size is asked for before the writers, so that a committer can't slip in with both.
TempState state_of(FileSystem& files, Handle directory, const std::string& name) {
  const auto opened = files.open_file(directory, name);
  if (!opened) {
    return is_missing(opened.error()) ? TempState::gone : TempState::not_ours;
  }
  const OwnedHandle file(files, opened.value());
  const auto status = files.stat(file.get());
  if (status && status.value().type == FileType::directory) {
    // A transaction tried whether a directory can be made; an empty one is of no use to anybody.
    const auto within = files.list(file.get());
    return within && within.value().empty() ? TempState::stale_directory : TempState::not_ours;
  }
  if (!status || status.value().type != FileType::regular) return TempState::not_ours;
  const auto live = files.open_for_writing(file.get());
  if (!live) return TempState::not_ours;
  if (live.value()) return TempState::live;
  return status.value().version.size == 0 ? TempState::stale_and_empty : TempState::stale;
}

/// Whether a lease counts every writer. The kernel counts those of one inode: through FUSE, an
/// overlay or a network file system others reach the same file by another inode, or from another
/// machine. A type that can't be read counts as one of these.
bool knows_all_writers(const FileSystemInfo& info) {
  constexpr std::array<std::string_view, 8> local{
      "ext2",  "ext3", "ext4",  "xfs",
      "btrfs", "f2fs", "tmpfs", "simulated"};  // the last: our own double
  return std::find(local.begin(), local.end(), info.type) != local.end();
}

Result<CleanReport> clean_directory(const Path& directory, bool dry_run, System system) {
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_directory(files, directory));
  const auto failure = [&](std::error_code cause, std::string detail) {
    return make_error("remove stale temps", directory.native(), cause, std::move(detail));
  };
  const auto entries = files.list(opened.get());
  if (!entries) return failure(entries.error(), {});
  CleanReport report;
  const bool temps = std::any_of(entries.value().begin(), entries.value().end(),
                                 [](const auto& e) { return names::is_temp(e.name); });
  bool trusted = false;
  if (temps) {
    const auto info = files.describe(opened.get());
    if (!info) return failure(info.error(), "what the directory lies on can't be told");
    trusted = knows_all_writers(info.value());
  }
  const auto remove = [&](const std::string& name, bool is_directory = false) -> Result<void> {
    if (!dry_run) {
      const auto removed = is_directory ? files.remove_directory(opened.get(), name)
                                        : files.unlink(opened.get(), name);
      if (!removed && is_missing(removed.error())) {
        return success();  // another cleaner was quicker, or its committer has published it since
      }
      if (!removed) return failure(removed.error(), name);
    }
    report.removed.push_back(name);
    return success();
  };
  std::vector<std::string> empty;
  const auto decide = [&](const std::string& name, bool second_look) -> Result<void> {
    TempState state = state_of(files, opened.get(), name);
    const bool stale = state == TempState::stale || state == TempState::stale_and_empty;
    if (stale && !trusted) state = TempState::not_ours;
    switch (state) {
      case TempState::gone:
        break;
      case TempState::live:
        report.live.push_back(name);
        break;
      case TempState::not_ours:
        report.skipped.push_back(name);
        break;
      case TempState::stale_and_empty:
        if (second_look) return remove(name);
        empty.push_back(name);
        break;
      case TempState::stale:
        return remove(name);
      case TempState::stale_directory:
        return remove(name, true);
    }
    return success();
  };
  for (const auto& entry : entries.value()) {
    if (names::is_apply_temp(entry.name)) report.skipped.push_back(entry.name);
    if (!names::is_temp(entry.name)) continue;
    BOOST_OUTCOME_TRY(decide(entry.name, false));
  }
  if (!empty.empty()) system.environment->sleep(second_look_after);
  for (const auto& name : empty) {
    BOOST_OUTCOME_TRY(decide(name, true));
  }
  return report;
}

}  // namespace

Result<CleanReport> clean(const Path& directory, bool dry_run, System system) {
  return reading(clean_directory(directory, dry_run, system));
}

}  // namespace perdure
