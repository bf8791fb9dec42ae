# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# Two keys are set, and the server is ended; then it starts again and both are printed.
#
# package: redis-server
# modes: always everysec save
# run always: redis: two SETs, appendonly yes, appendfsync always
# run everysec: redis: two SETs, appendonly yes, appendfsync everysec (the default)
# run save: redis: two SETs and SAVE, appendonly no
# promise always: "fsync after every write to the append only log. Slow, Safest"
# promise everysec: up to a second may be lost
# promise save: all since the last save may be lost
# recovers: yes
# source: /etc/redis/redis.conf, appendfsync; https://redis.io/docs, persistence
# states: 60
socket=$(mktemp -u /tmp/judged-XXXXXXXX)
start() {
  redis-server --port 0 --unixsocket "$socket" --dir "$PWD" --save '' --logfile /dev/null "$@" &
  for i in $(seq 200); do
    [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ] && return
    kill -0 $! 2>/dev/null || { echo 'the server does not start'; exit 1; }
    sleep 0.02
  done
}
stop() {
  redis-cli -s "$socket" shutdown nosave
  wait
}
case $2 in
  save) set -- "$1" --appendonly no ;;
  *) set -- "$1" --appendonly yes --appendfsync "$2" ;;
esac
what=$1
shift
start "$@"
ask() { redis-cli -s "$socket" "$@" >/dev/null; }
case $what in
  setup) ask set a "$(seq 500)" ;;
  run) ask set a "$(seq 1000)" && ask set b "$(seq 800)" ;;
  recover) for key in a b; do redis-cli -s "$socket" get $key | cksum; done ;;
esac
[ "$*" = '--appendonly no' ] && [ "$what" != recover ] && ask save
stop
