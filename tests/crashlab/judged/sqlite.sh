# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two transactions; then the database is checked and its rows printed.
#
# package: sqlite3
# modes: delete-full delete-extra delete-normal truncate-full persist-full wal-full wal-normal
#   delete-off
# run delete-full: sqlite3: two inserts, journal_mode=delete, synchronous=full (the default)
# run delete-extra: sqlite3: two inserts, journal_mode=delete, synchronous=extra
# run delete-normal: sqlite3: two inserts, journal_mode=delete, synchronous=normal
# run truncate-full: sqlite3: two inserts, journal_mode=truncate, synchronous=full
# run persist-full: sqlite3: two inserts, journal_mode=persist, synchronous=full
# run wal-full: sqlite3: two inserts, journal_mode=wal, synchronous=full
# run wal-normal: sqlite3: two inserts, journal_mode=wal, synchronous=normal
# run delete-off: sqlite3: two inserts, journal_mode=delete, synchronous=off
# promise delete-full: no corruption by a power failure; durability by EXTRA
# promise delete-extra: no corruption, and durability if a power loss follows closely
# promise delete-normal: a very small chance of corruption, on older file systems
# promise truncate-full: no corruption by a power failure
# promise persist-full: no corruption by a power failure
# promise wal-full: no corruption, and durability
# promise wal-normal: no corruption; "might roll back following a power loss"
# promise delete-off: none: "the database might become corrupted"
# recovers: yes
# source: https://www.sqlite.org/pragma.html, synchronous
journal=${2%-*}
case $1 in
  setup)
    sqlite3 db "pragma journal_mode=$journal; create table t(n, x);
      insert into t values(0, printf('%.9000c', 'a'))" >/dev/null
    ;;
  run)
    exec sqlite3 db "pragma journal_mode=$journal; pragma synchronous=${2#*-};
      insert into t values(1, printf('%.9000c', 'b'));
      update t set x = printf('%.12000c', 'c') where n = 0; insert into t values(2, 'd');"
    ;;
  recover) exec sqlite3 db "pragma integrity_check; select n, substr(x, 1, 1), length(x) from t" ;;
esac
