# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Transaction::mirror: after recovery the root is what one source was, as a whole.
setup="$bin/perdure_commits setup mirror"
workload="$bin/perdure_commits write mirror $count"
server="$bin/perdure_commits serve mirror"
