# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# The same by the protocol `fast` where it is allowed.
setup="$bin/perdure_commits setup automatic_batch"
workload="$bin/perdure_commits write automatic_batch $count"
server="$bin/perdure_commits serve automatic_batch"
