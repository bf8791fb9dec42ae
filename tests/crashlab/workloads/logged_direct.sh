# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# A Root whose log writes past the page cache: after recovery all of it or none, and no older than
# acknowledged.
setup="$bin/perdure_commits setup logged_direct"
workload="$bin/perdure_commits write logged_direct $count"
server="$bin/perdure_commits serve logged_direct"
