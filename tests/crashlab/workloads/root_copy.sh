# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# copy_root after each commit: the copy is there as a whole, or not at all.
setup="$bin/perdure_commits setup root_copy"
workload="$bin/perdure_commits write root_copy $count"
server="$bin/perdure_commits serve root_copy"
