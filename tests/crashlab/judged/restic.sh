# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# The second backup of a directory into a repository on the disk.
#
# package: restic
# modes: default
# run default: restic backup
# promise default: files are written once, and "writing should occur atomically"
# source: https://restic.readthedocs.io, References, Design
# options: --ignore repo/locks/*
# states: 300
export RESTIC_PASSWORD=a RESTIC_REPOSITORY=$PWD/repo
export GOMAXPROCS=1
case $1 in
  setup)
    mkdir data && seq 5000 >data/a && restic --no-cache -q init >/dev/null
    restic --no-cache -q backup data && seq 9000 >data/b
    ;;
  run) exec restic --no-cache -q backup data ;;
esac
