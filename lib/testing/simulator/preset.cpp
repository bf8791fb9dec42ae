// SPDX-License-Identifier: BSL-1.0
// The presets, each rule with its source.
#include <array>

#include <perdure/testing/preset.hpp>

namespace perdure::testing {

namespace {

constexpr std::string_view alice =
    "Pillai et al., All File Systems Are Not Created Equal (OSDI 2014)";
constexpr std::string_view fsync_page = "fsync(2)";
constexpr Preset::Rule direct_rule{
    "write_through: these bytes are durable, and nothing else is; they may be torn before that",
    "RWF_DSYNC, pwritev2(2); fs/iomap/direct-io.c, iomap_dio_complete; measured, Linux 6.18"};
constexpr std::string_view measured = "measured: block-level crash exploration, Linux 6.18";

constexpr auto worst_rules = std::to_array<Preset::Rule>({
    {"sync_file: content and metadata of that file are durable; its names are not", fsync_page},
    {"sync_directory: all earlier entry operations in that directory are durable", fsync_page},
    {"operations that no returned sync covers survive in any combination", alice},
    direct_rule,
    {"a rename survives intact or not at all", "rename(2); kept by all journals"},
    {"unsynced content: any block old, zero, garbage or new, and any size", alice},
    {"unsynced content: any block unreadable until it is written anew",
     "a sector whose write the power cut off fails its checksum; the harsher reading"},
    {"a directory is gone only when what was taken out of it is", "no local file system differs"},
});

constexpr auto split_rules = std::to_array<Preset::Rule>({
    {"as worst, but: the old file loses the new name, the moved file gains it, the moved file "
     "loses the old name: three operations, each in its own directory",
     alice},
});

constexpr auto ext4_rules = std::to_array<Preset::Rule>({
    {"entries and metadata: a prefix in the order of the calls", "fs/jbd2/commit.c"},
    {"sync_file and sync_directory: everything up to the last change of that inode",
     "fs/ext4/fsync.c, i_sync_tid"},
    {"a rename is a change of the moved inode, so sync_file reaches it", "fs/ext4/namei.c"},
    {"unsynced content: any size, and right size with blocks of zeros",
     "delayed allocation into unwritten extents, fs/ext4/inode.c; measured, Linux 6.18"},
    {"content whose writeback was awaited is there when any later entry is; before that it may be "
     "torn like any other",
     measured},
    {"a sync that covers an unrelated file is not relied on", "the harsher reading"},
    direct_rule,
    {"a commit of the journal that failed is told once; later syncs succeed and write nothing; "
     "later changes are refused",
     "fs/ext4/fsync.c, ext4_fsync_journal; measured, Linux 6.1, 6.12, 6.18"},
});

constexpr auto ext4_journal_rules = std::to_array<Preset::Rule>({
    {"everything, content in blocks included: a prefix in the order of the calls",
     "Documentation/filesystems/ext4, data=journal; fs/ext4/inode.c, ext4_journalled_write_end"},
    {"sync_file and sync_directory: everything up to the last change of that inode",
     "fs/ext4/fsync.c"},
    {"a commit of the journal that failed is told once, as above",
     "fs/ext4/fsync.c, ext4_fsync_journal"},
});

constexpr auto xfs_rules = std::to_array<Preset::Rule>({
    {"entries and metadata: a prefix in the order of the calls", "fs/xfs/xfs_log_cil.c"},
    {"sync_file and sync_directory: the log is forced up to the last change of that inode",
     "fs/xfs/xfs_file.c, xfs_fsync_flush_log"},
    {"a rename logs the moved inode, so sync_file reaches it", "fs/xfs/xfs_inode.c, xfs_rename"},
    {"content whose writeback was awaited is there when any later entry is; before that it may be "
     "torn like any other",
     measured},
    {"unsynced content: empty, short, or with holes; the size grows when a block is written",
     "fs/xfs/xfs_aops.c, xfs_setfilesize; measured, Linux 6.18"},
    direct_rule,
    {"sync_file_system forces the log, which flushes the disk only where something is to be "
     "logged: "
     "content that was written over may be lost",
     "fs/xfs/xfs_super.c, xfs_fs_sync_fs; measured, Linux 6.18"},
    {"a log that failed is told once; later syncs succeed and write nothing; later changes are "
     "refused",
     "fs/xfs/xfs_file.c, xfs_dir_fsync does not ask; the harsher reading for files"},
});

constexpr auto btrfs_rules = std::to_array<Preset::Rule>({
    {"a commit of the transaction: a prefix in the order of the calls", "fs/btrfs/transaction.c"},
    {"a log: the synced file's content and metadata, or the synced directory's entries, ahead of "
     "what was issued before",
     "fs/btrfs/tree-log.c"},
    {"sync_file may or may not reach the file's names: not after an unrelated log commit",
     measured},
    {"a rename to another directory: two operations, the new name first", measured},
    {"unsynced content: new up to a block, then as it was, or not there",
     "extents enter the tree when written, fs/btrfs/inode.c; measured, Linux 6.18"},
});

constexpr auto split_exempt = std::to_array<std::string_view>({"old_or_new", "metadata_kept"});

constexpr std::array<const Preset*, 6> every_preset{&presets::worst, &presets::split_rename,
                                                    &presets::ext4,  &presets::ext4_journal,
                                                    &presets::xfs,   &presets::btrfs};

}  // namespace

namespace presets {

constinit const Preset worst{.name = "worst",
                             .file_system = "simulated",
                             .mount_option = "",
                             .unreadable = true,
                             .rules = worst_rules,
                             .exempt = {}};

constinit const Preset split_rename{.name = "split_rename",
                                    .file_system = "simulated",
                                    .mount_option = "",
                                    .split_rename = true,
                                    .unreadable = true,
                                    .rules = split_rules,
                                    .exempt = split_exempt};

constinit const Preset ext4{.name = "ext4",
                            .file_system = "ext4",
                            .mount_option = "data=ordered",
                            .ordered = true,
                            .sync_reaches_names = true,
                            .awaited_ordered = true,
                            .dead_journal_is_silent = true,
                            .garbage = false,
                            .rules = ext4_rules,
                            .exempt = {}};

constinit const Preset ext4_journal{.name = "ext4_journal",
                                    .file_system = "ext4",
                                    .mount_option = "data=journal",
                                    .ordered = true,
                                    .content_ordered = true,
                                    .sync_reaches_names = true,
                                    .dead_journal_is_silent = true,
                                    .sizes = Preset::Sizes::prefix,
                                    .zeros = false,
                                    .garbage = false,
                                    .rules = ext4_journal_rules,
                                    .exempt = {}};

constinit const Preset xfs{.name = "xfs",
                           .file_system = "xfs",
                           .mount_option = "",
                           .ordered = true,
                           .sync_reaches_names = true,
                           .awaited_ordered = true,
                           .sync_of_all_leaves_overwritten = true,
                           .dead_journal_is_silent = true,
                           .sizes = Preset::Sizes::blocks,
                           .garbage = false,
                           .rules = xfs_rules,
                           .exempt = {}};

constinit const Preset btrfs{.name = "btrfs",
                             .file_system = "btrfs",
                             .mount_option = "",
                             .ordered = true,
                             .sync_overtakes = true,
                             .sizes = Preset::Sizes::prefix,
                             .zeros = false,
                             .garbage = false,
                             .rules = btrfs_rules,
                             .exempt = {}};

}  // namespace presets

std::span<const Preset* const> all_presets() noexcept {
  return every_preset;
}

const Preset* find_preset(std::string_view name) noexcept {
  for (const Preset* preset : every_preset) {
    if (preset->name == name) return preset;
  }
  return nullptr;
}

}  // namespace perdure::testing
