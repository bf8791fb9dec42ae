# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A file is changed and written.
#
# package: vim
# modes: default nofsync
# run default: vim -u NONE, :%s/1/new/ and :wq
# run nofsync: vim -u NONE, :set nofsync, :%s/1/new/ and :wq
# promise default: fsync after writing, "ensuring that it is safely written"
# promise nofsync: "increases the chances of data loss after a crash"
# source: vim, :help 'fsync'
case $1 in
  setup) seq 3000 >file ;;
  run)
    option=fsync
    [ "$2" = nofsync ] && option=nofsync
    exec vim -es -u NONE -c "set $option" -c '%s/1/new/' -c wq file </dev/null
    ;;
esac
