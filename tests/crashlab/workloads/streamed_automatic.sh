# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicFile with write_at and append_from, by `fast` where it is allowed; durable.
setup="$bin/perdure_commits setup automatic_streamed"
workload="$bin/perdure_commits write automatic_streamed $count"
server="$bin/perdure_commits serve automatic_streamed"
