# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Four threads through one GroupCommit, by the protocol `fast` where it is allowed.
setup="$bin/perdure_commits setup automatic_group"
workload="$bin/perdure_commits write automatic_group $count"
server="$bin/perdure_commits serve automatic_group"
