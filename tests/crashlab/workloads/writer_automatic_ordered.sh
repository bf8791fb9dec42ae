# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicWriter, ordered, by the protocol `fast` where it is allowed: no flush at all.
setup="$bin/perdure_commits setup automatic_ordered"
workload="$bin/perdure_commits write automatic_ordered $count"
server="$bin/perdure_commits serve automatic_ordered"
