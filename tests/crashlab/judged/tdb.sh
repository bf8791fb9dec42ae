# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two keys are stored; then all keys are printed.
#
# package: tdb-tools
# modes: default
# run default: tdbtool db.tdb insert, twice
# promise default: none outside of a transaction
# recovers: yes
# source: tdb.h, tdb_transaction_commit
case $1 in
  setup) tdbtool db.tdb create db.tdb >/dev/null && tdbtool db.tdb insert a one >/dev/null ;;
  run)
    tdbtool db.tdb insert b "$(seq -s , 500)" >/dev/null
    exec tdbtool db.tdb insert c "$(seq -s , 700)" >/dev/null
    ;;
  recover) tdbtool db.tdb check >/dev/null && tdbtool db.tdb keys | sort ;;
esac
