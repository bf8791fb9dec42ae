# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Transaction, killed at each of its barriers and recovered: the power may go during both.
setup="$bin/perdure_commits setup recovered"
workload="$bin/perdure_commits write recovered $count"
server="$bin/perdure_commits serve recovered"
