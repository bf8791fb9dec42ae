// SPDX-License-Identifier: BSL-1.0
// Chooses the protocol by the facts about a file system; docs/protocols.md argues why.
#include "engine/protocol.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/make_error.hpp"

namespace perdure {
namespace {

bool has_option(const std::vector<std::string>& options, std::string_view wanted) {
  return std::find(options.begin(), options.end(), wanted) != options.end();
}

/// The first option that bears one of these names, alone or with a value, or asks for DAX.
std::string find_doubtful(const std::vector<std::string>& options,
                          std::initializer_list<std::string_view> names) {
  for (const auto& option : options) {
    const std::string_view name = std::string_view(option).substr(0, option.find('='));
    if (std::find(names.begin(), names.end(), name) != names.end()) return option;
    if (name == "dax" && option != "dax=never" && option != "dax=inode") return option;
  }
  return {};
}

ProtocolCheck refused(std::string reason) {
  return {.allowed = false, .reason = std::move(reason)};
}

/// With DAX, content does not go through the page cache, so an await of writeback waits for
/// nothing.
std::optional<ProtocolCheck> refused_by_dax(const FileSystemInfo& info) {
  if (!info.dax)
    return refused(
        "whether files in this directory bypass the page cache (DAX) can't "
        "be told");
  if (*info.dax) return refused("files in this directory are to bypass the page cache (DAX)");
  return std::nullopt;
}

/// ext4_rename dirties the moved inode (the kernel's fs/ext4/namei.c), so that an fsync of it
/// commits the transaction with its new name. That transaction's commit block is written after a
/// flush, and the awaited data before that flush. Backed by docs/crash-proof-automatic.md.
ProtocolCheck check_ext4(const FileSystemInfo& info) {
  if (info.kernel_options.empty()) {
    return refused("/proc/fs/ext4 does not say with which options it runs");
  }
  if (info.journal != JournalPlace::internal) {
    return refused("it has no journal on its own device, as far as /proc/fs/jbd2 tells");
  }
  if (!has_option(info.kernel_options, "barrier")) {
    return refused("without barriers the disk may keep the rename and lose the data");
  }
  if (!info.fast_commit) return refused("whether it makes fast commits can't be told");
  if (*info.fast_commit) return refused("it makes fast commits, which were never tried with it");
  if (auto check = refused_by_dax(info)) return std::move(*check);
  for (const auto* options : {&info.kernel_options, &info.mount_options}) {
    const auto doubtful = find_doubtful(
        *options, {"nobarrier", "journal_async_commit", "journal_path", "journal_dev"});
    if (doubtful.empty()) continue;
    return refused("the option '" + doubtful + "' breaks the order that it rests on");
  }
  return {.allowed = true, .reason = "ext4 with a journal of its own and barriers"};
}

/// xfs_rename logs the moved inode, and an fsync of it forces the log up to there (the kernel's
/// fs/xfs/xfs_inode.c and xfs_file.c). Backed by docs/crash-proof-automatic.md.
ProtocolCheck check_xfs(const FileSystemInfo& info) {
  if (info.journal != JournalPlace::internal) return refused("its log lies on a device of its own");
  const auto doubtful = find_doubtful(info.mount_options, {"nobarrier", "rtdev", "logdev"});
  if (!doubtful.empty()) return refused("the option '" + doubtful + "' was never tried with it");
  if (!info.realtime) return refused("whether its files are realtime files can't be told");
  if (*info.realtime) return refused("files in this directory lie on the realtime device");
  if (auto check = refused_by_dax(info)) return std::move(*check);
  return {.allowed = true, .reason = "xfs with its log and data on one device"};
}

Result<FileSystemInfo> describe(FileSystem& files, Handle directory, const std::string& path) {
  auto info = files.describe(directory);
  if (info) return std::move(info.value());
  return make_error("find out what the directory lies on", path, info.error());
}

}  // namespace

ProtocolCheck allows_fast(const FileSystemInfo& info) {
  const bool known = info.type == "ext4" || info.type == "xfs";
  if (known && !info.writeback_awaited) {
    return refused(
        "before Linux 5.2 sync_file_range(2) passes over pages that are busy, so that content "
        "can't be awaited");
  }
  if (info.type == "ext4") return check_ext4(info);
  if (info.type == "xfs") return check_xfs(info);
  if (info.type == "btrfs") return refused("it loses acknowledged commits on btrfs");
  if (info.type.empty()) return refused("what the directory lies on can't be told");
  return refused("it is known to hold on ext4 and xfs alone, and this is " + info.type);
}

/// On btrfs a sync of each of many files is a log commit of its own. Each rename turns the next
/// sync into a commit of everything anyway (btrfs_log_inode_parent in the kernel's
/// fs/btrfs/tree-log.c). Backed by scripts/crash-ci, the runs with `automatic` on btrfs.
ProtocolCheck allows_whole(const FileSystemInfo& info) {
  if (info.type != "btrfs") return refused("it is tried on btrfs alone");
  if (!info.sync_reports) return refused("before Linux 5.8 syncfs(2) does not tell of errors");
  return {.allowed = true, .reason = "btrfs, and many files at once"};
}

/// Recovery tells files apart by their time of birth, and by stamps. To settle a log, one sync must
/// make all published files durable. With `in_order` any sync of the file system's journal does.
/// Otherwise syncfs(2) does, and it must report errors.
LogCheck allows_log(const Status& made, Stamps stamps, const FileSystemInfo& info, bool in_order) {
  const auto none = [](std::string reason) {
    return LogCheck{.protocol = std::nullopt, .reason = std::move(reason)};
  };
  if (made.version.birth_ns == 0) {
    return none("a log needs to know when a file was made, and this file system does not say");
  }
  if (stamps == Stamps::foreign) {
    return none(
        "a log needs stamps of this machine, and somebody else stamps the files of this file "
        "system");
  }
  ProtocolCheck fast = allows_fast(info);
  if (in_order && fast.allowed) {
    return {.protocol = Protocol::fast, .reason = std::move(fast.reason)};
  }
  if (info.sync_reports) return {.protocol = Protocol::whole, .reason = std::move(fast.reason)};
  return none("a log settles by syncfs(2), which tells of errors since Linux 5.8");
}

/// A log's blocks exist before they are written, so ext4 and xfs send the data and one flush. btrfs
/// writes new blocks, and then its superblock. Backed by tests/log, which counts at the block
/// device.
std::optional<unsigned> flushes_of_log(const FileSystemInfo& info) {
  if (!reason_without_flush(info).empty()) return 0;
  if (info.type == "ext4" || info.type == "xfs") return 1;
  if (info.type == "btrfs") return 2;
  return std::nullopt;
}

/// ext4 and xfs write in place, by FUA where the disk has it, else with a flush behind the write
/// (iomap_dio_complete in fs/iomap/direct-io.c). The laboratory's disk has no FUA: that part rests
/// on the kernel's source and the simulator. btrfs writes new blocks, so that there is nothing to
/// gain.
std::string reason_without_direct_writes(const FileSystemInfo& info) {
  if (info.type == "ext4" || info.type == "xfs") return reason_without_flush(info);
  return "they are tried on ext4 and xfs, not on '" + info.type + "'";
}

/// jfs_fsync writes its log and sends no flush (fs/jfs/file.c; counted at the block device).
std::string reason_without_flush(const FileSystemInfo& info) {
  if (info.type == "jfs") return "fsync sends no flush on jfs";
  for (const auto& option : info.mount_options) {
    if (option == "nobarrier" || option == "barrier=0") return "it is mounted with " + option;
  }
  return {};
}

/// A journal, or a copy-on-write tree, has both ends of a rename in one transaction.
bool renames_at_once(const FileSystemInfo& info) {
  if (info.type == "xfs" || info.type == "btrfs") return info.journal != JournalPlace::none;
  return info.type == "ext4" &&
         (info.journal == JournalPlace::internal || info.journal == JournalPlace::external);
}

Result<void> check_protocol(FileSystem& files, Handle directory, Protocol protocol,
                            const std::string& path) {
  if (protocol == Protocol::portable) return success();
  BOOST_OUTCOME_TRY(const FileSystemInfo info, describe(files, directory, path));
  const ProtocolCheck check = protocol == Protocol::fast ? allows_fast(info) : allows_whole(info);
  if (check.allowed) return success();
  return make_error(
      "choose the protocol", path, ErrorKind::unsupported,
      "the protocol '" + std::string(to_string(protocol)) + "' is refused here: " + check.reason);
}

Result<Protocol> choose_protocol(FileSystem& files, Handle directory, const WriteOptions& options,
                                 const std::string& path, bool many) {
  if (options.durability == Durability::none || options.protocol == ProtocolChoice::portable) {
    return Protocol::portable;
  }
  if (options.protocol == ProtocolChoice::fast) {
    BOOST_OUTCOME_TRY(check_protocol(files, directory, Protocol::fast, path));
    return Protocol::fast;
  }
  BOOST_OUTCOME_TRY(const FileSystemInfo info, describe(files, directory, path));
  if (allows_fast(info).allowed) return Protocol::fast;
  return many && allows_whole(info).allowed ? Protocol::whole : Protocol::portable;
}

}  // namespace perdure
