# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# Transaction::copy, with put_symlink and remove_all: after recovery all of it or none.
setup="$bin/perdure_commits setup copies"
workload="$bin/perdure_commits write copies $count"
server="$bin/perdure_commits serve copies"
