# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# As logged, and files get their content when the log settles.
setup="$bin/perdure_commits setup logged_later"
workload="$bin/perdure_commits write logged_later $count"
server="$bin/perdure_commits serve logged_later"
