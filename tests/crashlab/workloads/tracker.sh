# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# StateTracker: it opens, with a state no older than acknowledged, and saves again.
setup="$bin/perdure_commits setup tracker"
workload="$bin/perdure_commits write tracker $count"
server="$bin/perdure_commits serve tracker"
