# shellcheck shell=bash disable=SC2034,SC2154  # sourced by scripts/crash-jobs
# fsync, rename, fsync of the parent, by hand: what every commit is measured against.
setup="$bin/crashlab_protocol setup"
workload="$bin/crashlab_protocol write good $count"
server="$bin/crashlab_protocol serve"
