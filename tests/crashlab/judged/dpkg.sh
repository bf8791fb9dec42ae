# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# The upgrade of a package of three files, beneath a root of its own.
#
# package: dpkg
# modes: default unsafe-io
# run default: dpkg --refuse-unsafe-io -i new.deb
# run unsafe-io: dpkg --force-unsafe-io -i new.deb
# promise default: safe I/O when unpacking: a sync of each file before its rename
# promise unsafe-io: none: "causing zero-length files on abrupt system crashes"
# source: dpkg(1), --force-things, unsafe-io
# options: --ignore root/var/lib/dpkg/lock*
deb() {
  mkdir -p "build/DEBIAN" build/opt
  printf 'Package: judged\nVersion: %s\nArchitecture: all\nMaintainer: a <a@example.org>\n%s\n' \
    "$1" 'Description: three files' >build/DEBIAN/control
  for i in 1 2 3; do seq "$1" 3000 >build/opt/judged-$i; done
  dpkg-deb -Znone -b build "$2" >/dev/null && rm -r build
}
install() {
  dpkg --root="$PWD/root" --log=/dev/null "$@" >/dev/null
}
case $1 in
  setup)
    mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates root/var/lib/dpkg/triggers
    : >root/var/lib/dpkg/status
    : >root/var/lib/dpkg/available
    deb 1 old.deb && deb 2 new.deb && install -i old.deb
    ;;
  run)
    # Images of containers set unsafe-io for all.
    safety=--refuse-unsafe-io
    [ "$2" = unsafe-io ] && safety=--force-unsafe-io
    install "$safety" -i new.deb
    ;;
esac
