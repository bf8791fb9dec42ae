# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Transaction by the protocol `fast` where it is allowed.
setup="$bin/perdure_commits setup automatic_transaction"
workload="$bin/perdure_commits write automatic_transaction $count"
server="$bin/perdure_commits serve automatic_transaction"
