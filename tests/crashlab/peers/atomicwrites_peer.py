# SPDX-License-Identifier: BSL-1.0
"""Python atomicwrites as its users call it: atomicwrites_peer.py COUNT."""
import os
import subprocess
import sys

from atomicwrites import atomic_write

path = os.path.join(os.environ["CRASHLAB_MOUNT"], "file")
for version in range(1, int(sys.argv[1]) + 1):
    text = subprocess.check_output([os.environ["PEER_CONTENT"], "content", str(version)])
    try:
        with atomic_write(path, mode="wb", overwrite=True) as file:
            file.write(text)
    except OSError as error:
        if "PEER_GOES_ON" not in os.environ:
            raise
        print(f"version {version}: {error}")
        continue
    subprocess.check_call([os.environ["PEER_CRASHLAB"], "ack", str(version)])
