# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A file is edited in place.
#
# package: sed
# modes: default
# run default: sed -i s/1/new/ file
# promise default: none for power cuts: "edit files in place"
# source: sed(1), --in-place
case $1 in
  setup) seq 3000 >file ;;
  run) exec sed -i s/1/new/ file ;;
esac
