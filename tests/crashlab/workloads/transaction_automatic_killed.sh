# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# The same, killed at each of its barriers and recovered.
setup="$bin/perdure_commits setup automatic_recovered"
workload="$bin/perdure_commits write automatic_recovered $count"
server="$bin/perdure_commits serve automatic_recovered"
