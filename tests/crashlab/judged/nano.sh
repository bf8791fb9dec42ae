# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A file is changed and saved, at a terminal.
#
# package: nano
# modes: default
# run default: nano file: a word is typed, and saved
# promise default: none for power cuts
# source: nano(1)
case $1 in
  setup) seq 3000 >file ;;
  run)
    (sleep 0.3; printf 'new'; sleep 0.1; printf '\017'; sleep 0.1; printf '\r'; sleep 0.2
      printf '\030'; sleep 0.2) |
      TERM=linux script -qec 'nano -I file' /dev/null >/dev/null
    ;;
esac
