# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A file is replaced by perdure's own command.
#
# package: perdure
# modes: portable automatic
# run portable: perdure write file
# run automatic: perdure write --protocol automatic file
# promise portable: durable (P3)
# promise automatic: durable (P3)
# source: docs/promises.md
case $1 in
  setup) seq 3000 >file ;;
  run) seq 4000 | perdure write --protocol "$2" file ;;
esac
