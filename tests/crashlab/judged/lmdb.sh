# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two transactions; then all pairs are printed.
#
# package: python3-lmdb
# modes: default writemap
# run default: LMDB: two transactions by py-lmdb
# run writemap: LMDB: two transactions by py-lmdb, MDB_WRITEMAP
# promise default: no "special recovery procedures after a system crash"
# promise writemap: the same
# recovers: yes
# source: lmdb.h, introduction
# options: --ignore db/lock.mdb
program='
import lmdb, sys
env = lmdb.open("db", map_size=1 << 20, writemap=sys.argv[2] == "writemap")
def put(*pairs):
    with env.begin(write=True) as transaction:
        for key, value in pairs:
            transaction.put(key, value)
if sys.argv[1] == "setup":
    put((b"a", b"0" * 3000))
elif sys.argv[1] == "run":
    put((b"a", b"1" * 3000), (b"b", b"1"))
    put((b"b", b"2" * 6000))
else:
    with env.begin() as transaction:
        for key, value in transaction.cursor():
            print(key, value[:1], len(value))
'
exec /usr/bin/python3 -c "$program" "$1" "$2"
