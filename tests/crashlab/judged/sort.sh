# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A file is sorted into itself.
#
# package: coreutils
# modes: default
# run default: sort -o file file
# promise default: "data may be lost if the system crashes"
# source: the manual of coreutils, sort invocation, --output
case $1 in
  setup) seq 3000 >file ;;
  run) exec sort -o file file ;;
esac
