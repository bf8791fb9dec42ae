# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicFile with write_at and append_from; durable.
setup="$bin/perdure_commits setup streamed"
workload="$bin/perdure_commits write streamed $count"
server="$bin/perdure_commits serve streamed"
