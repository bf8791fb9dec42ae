# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# A Root with a log: after recovery all of it or none, and no older than acknowledged.
setup="$bin/perdure_commits setup logged"
workload="$bin/perdure_commits write logged $count"
server="$bin/perdure_commits serve logged"
