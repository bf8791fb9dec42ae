# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# The same by `fast`, and by `whole` on btrfs, where they are allowed.
setup="$bin/perdure_commits setup automatic_mirror"
workload="$bin/perdure_commits write automatic_mirror $count"
server="$bin/perdure_commits serve automatic_mirror"
