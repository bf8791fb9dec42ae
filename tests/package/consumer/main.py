# SPDX-License-Identifier: BSL-1.0
"""The user's program: commits a file, and reads it back."""

import sys

import perdure

perdure.write(sys.argv[1], "threads = 8\n")
print(perdure.read(sys.argv[1]).version)
