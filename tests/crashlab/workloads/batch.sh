# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# write_files: each file intact, and no older than acknowledged.
setup="$bin/perdure_commits setup batch"
workload="$bin/perdure_commits write batch $count"
server="$bin/perdure_commits serve batch"
