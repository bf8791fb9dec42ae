# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# AtomicWriter, durable: what was acknowledged is there, or what came later; always intact.
setup="$bin/perdure_commits setup durable"
workload="$bin/perdure_commits write durable $count"
server="$bin/perdure_commits serve durable"
