# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicFile::adopt by the protocol `fast` where it is allowed; durable.
setup="$bin/perdure_commits setup automatic_adopted"
workload="$bin/perdure_commits write automatic_adopted $count"
server="$bin/perdure_commits serve automatic_adopted"
