# SPDX-License-Identifier: BSL-1.0
"""A test in an empty directory, which is the working directory until it ends."""

import os
import pathlib
import tempfile
import unittest


class InDirectory(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="perdure-test-",
                                            dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(place.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(place.name)

    def assert_holds(self, path, content):
        self.assertEqual(pathlib.Path(path).read_bytes(), content)

    def assert_names(self, *names):
        """Nothing else is in the directory; lock files stay by design."""
        found = {name for name in os.listdir() if not name.endswith(".perdure-lock")}
        self.assertEqual(found, set(names))
