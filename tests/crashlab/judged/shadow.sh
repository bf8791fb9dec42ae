# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# A group is added to etc/group and etc/gshadow.
#
# package: passwd
# modes: default
# run default: groupadd judged
# promise default: none for power cuts
# source: groupadd(8)
case $1 in
  setup)
    mkdir -p root/etc
    seq -f 'g%.0f:x:%.0f:' 400 | sed 's/^g\([0-9]*\):x:.*/g\1:x:\1:/' >root/etc/group
    sed 's/:x:.*/:!::/' root/etc/group >root/etc/gshadow
    cp /etc/login.defs root/etc/
    ;;
  run) exec groupadd -P "$PWD/root" judged ;;
esac
