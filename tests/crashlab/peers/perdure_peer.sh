# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# perdure as a script calls it: perdure_peer.sh BIN COUNT. It goes on after an error.
work=$(mktemp -d)
for version in $(seq "$2"); do
  "$1/crashlab_protocol" content "$version" >"$work/content"
  if "$1/perdure" write "$CRASHLAB_MOUNT/file" <"$work/content" >/dev/null 2>"$work/said"; then
    "$1/crashlab" ack "$version"
  else
    echo "version $version: $(tail -1 "$work/said")"
  fi
done
rm -r "$work"
