# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# One commit of a changed file; then the repository is checked and its log printed.
#
# package: git
# modes: default all
# run default: git commit -am two
# run all: git -c core.fsync=all commit -am two
# promise default: "good performance, but risks losing recent work in the event of an unclean
#   system shutdown"
# promise all: all components are hardened; others "may be lost"
# recovers: yes
# source: git-config(1), core.fsync
# options: --ignore .git/COMMIT_EDITMSG
export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
case $1 in
  setup)
    git init -q -b main . && git config user.name a && git config user.email a@example.org
    git config gc.auto 0
    seq 2000 >file && git add file && git commit -qm one && seq 3000 >file
    ;;
  run)
    [ "$2" = all ] && exec git -c core.fsync=all commit -qam two
    exec git commit -qam two
    ;;
  recover)
    git fsck --no-dangling --no-progress >/dev/null || exit 1
    git log --format=%s && git status --porcelain
    ;;
esac
