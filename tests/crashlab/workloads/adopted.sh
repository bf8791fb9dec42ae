# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicFile::adopt of a file that was written by plain calls; durable.
setup="$bin/perdure_commits setup adopted"
workload="$bin/perdure_commits write adopted $count"
server="$bin/perdure_commits serve adopted"
