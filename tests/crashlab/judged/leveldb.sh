# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two batches; then the database is opened anew and all pairs are printed.
#
# package: python3-plyvel
# modes: sync default
# run sync: LevelDB: two batches by plyvel, sync=True
# run default: LevelDB: two batches by plyvel
# promise sync: like write() and fsync(): a batch that returned is there
# promise default: "if the machine crashes, some recent writes may be lost"
# recovers: yes
# source: leveldb/options.h, WriteOptions::sync
# options: --ignore db/LOG* --ignore db/LOCK
program='
import plyvel, sys
db = plyvel.DB("db", create_if_missing=True)
def put(*pairs):
    with db.write_batch(sync=sys.argv[2] == "sync") as batch:
        for key, value in pairs:
            batch.put(key, value)
if sys.argv[1] == "setup":
    put((b"a", b"0" * 3000))
elif sys.argv[1] == "run":
    put((b"a", b"1" * 3000), (b"b", b"1"))
    put((b"b", b"2" * 6000))
else:
    for key, value in db:
        print(key, value[:1], len(value))
db.close()
'
exec /usr/bin/python3 -c "$program" "$1" "$2"
