# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Transaction: after recovery all of it or none, and no older than acknowledged.
setup="$bin/perdure_commits setup transaction"
workload="$bin/perdure_commits write transaction $count"
server="$bin/perdure_commits serve transaction"
