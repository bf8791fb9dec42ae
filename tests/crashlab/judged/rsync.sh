# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two changed files are copied to a directory that has older ones.
#
# package: rsync
# modes: default fsync inplace
# run default: rsync -a new/ old/
# run fsync: rsync -a --fsync new/ old/
# run inplace: rsync -a --inplace new/ old/
# promise default: none for power cuts
# promise fsync: "fsync each finished file"
# promise inplace: an interrupted transfer "will leave behind a partial file"
# source: rsync(1), --fsync, --inplace
case $1 in
  setup)
    mkdir old new && seq 2000 >old/a && seq 100 >old/b && seq 3000 >new/a && seq 4000 >new/b
    touch -d 2020-01-01 old/a old/b
    ;;
  run)
    [ "$2" = default ] && exec rsync -a new/ old/
    exec rsync -a "--$2" new/ old/
    ;;
esac
