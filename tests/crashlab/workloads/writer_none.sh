# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicWriter without durability: a power cut may leave anything of what was put; what it leaves
# can be cleaned and committed to. The sync is there since nothing else may write to the disk.
setup="$bin/perdure_commits setup none"
workload="$bin/perdure_commits write none $count && sync -f \$CRASHLAB_MOUNT"
server="$bin/perdure_commits serve none"
