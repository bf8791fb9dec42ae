# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicWriter, ordered: always intact, maybe older than acknowledged.
setup="$bin/perdure_commits setup ordered"
workload="$bin/perdure_commits write ordered $count"
server="$bin/perdure_commits serve ordered"
