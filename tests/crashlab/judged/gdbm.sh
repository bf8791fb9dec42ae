# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two keys are stored; then the database is recovered, and its pairs are summed up.
#
# package: gdbmtool
# modes: default synchronize
# run default: gdbmtool db store
# run synchronize: gdbmtool --synchronize db store
# promise default: none
# promise synchronize: "synchronize to disk after each write"; crash tolerance has calls of its own
# recovers: yes
# source: gdbmtool(1); the GDBM manual, Crash Tolerance
option=--no-mmap
[ "$2" = synchronize ] && option=--synchronize
case $1 in
  setup) gdbmtool --newdb db store a "$(seq -s , 500)" ;;
  run)
    gdbmtool "$option" db store a "$(seq -s , 1000)"
    exec gdbmtool "$option" db store b "$(seq -s , 800)"
    ;;
  recover)
    gdbmtool --no-mmap db recover >/dev/null
    gdbmtool --read-only db list >"$CRASHLAB_MOUNT.list" || exit 1
    echo "$(wc -l <"$CRASHLAB_MOUNT.list") pairs, sum $(sort "$CRASHLAB_MOUNT.list" | cksum)"
    ;;
esac
