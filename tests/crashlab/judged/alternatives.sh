# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# An alternative gets another link.
#
# package: dpkg
# modes: default
# run default: update-alternatives --set
# promise default: none for power cuts
# source: update-alternatives(1)
run() { update-alternatives --altdir "$PWD/alt" --admindir "$PWD/admin" --log /dev/null "$@"; }
case $1 in
  setup)
    mkdir alt admin bin && : >bin/one && : >bin/two
    for i in one two; do run --install "$PWD/bin/it" it "$PWD/bin/$i" 1; done
    ;;
  run) run --set it "$PWD/bin/one" ;;
esac
