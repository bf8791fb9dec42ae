# SPDX-License-Identifier: BSL-1.0
"""Exceptions, and the numbers that they are made of."""

import errno
import os
import pickle
import unittest

import perdure
from perdure.library import lib
from support import InDirectory


class Errors(InDirectory):
    def test_every_number_of_the_header_has_its_name(self):
        named = {
            "FATE": perdure.Fate, "KIND": perdure.Kind, "DURABILITY": perdure.Durability,
            "PROTOCOL": perdure.Protocol, "SYMLINK": perdure.Symlink,
            "EXISTING": perdure.Existing, "METADATA": perdure.Metadata,
            "ORIGIN": perdure.Origin, "STEP": perdure.Step,
        }
        found = {prefix: {} for prefix in named}
        for name in dir(lib):
            prefix, _, rest = name.replace("PERDURE_", "", 1).partition("_")
            if prefix in named and rest != "NONE" or name == "PERDURE_DURABILITY_NONE":
                found[prefix][rest] = getattr(lib, name)
        for prefix, enum in named.items():
            self.assertEqual({one.name: one.value for one in enum}, found[prefix])

    def test_numbers_of_a_newer_library_have_a_name(self):
        for enum, name in ((perdure.Kind, "SYSTEM"), (perdure.Fate, "UNKNOWN"),
                           (perdure.Protocol, "PORTABLE"), (perdure.Origin, "REPLACED"),
                           (perdure.Step, "UNCLEAR")):
            self.assertEqual(enum(99).name, name)

    def test_an_error_is_an_oserror_with_a_fate(self):
        with self.assertRaises(FileNotFoundError) as raised:
            perdure.write("none/a", "x")
        error = raised.exception
        self.assertIsInstance(error, perdure.SystemFailure)
        self.assertEqual((error.errno, error.kind), (errno.ENOENT, perdure.Kind.SYSTEM))
        self.assertEqual((error.fate, error.step), (perdure.Fate.UNCHANGED, "open the directory"))
        self.assertEqual((error.path, error.filename), ("none", "none"))
        self.assertIn("the target is unchanged", str(error))

    def test_an_error_without_a_system_call_has_no_errno(self):
        perdure.write("a", "x")
        with self.assertRaises(perdure.Conflict) as raised:
            perdure.write("a", "y", expected=perdure.ABSENT)
        self.assertIsInstance(raised.exception, OSError)
        self.assertIsNone(raised.exception.errno)

    def test_an_error_can_be_pickled(self):
        for wrong in (lambda: perdure.read("none"), lambda: perdure.read("a" * 300),
                      lambda: perdure.write("a", "x", permissions=0o10000)):
            with self.assertRaises(perdure.Error) as raised:
                wrong()
            again = pickle.loads(pickle.dumps(raised.exception))
            self.assertIs(type(again), type(raised.exception))
            self.assertEqual((again.fate, again.errno, str(again)),
                             (raised.exception.fate, raised.exception.errno,
                              str(raised.exception)))

    def test_codes_have_the_exceptions_of_python(self):
        os.mkdir("directory")
        perdure.write("file", "x")
        cases = [
            (NotADirectoryError, lambda: perdure.write("file/a", "x")),
            (FileNotFoundError, lambda: perdure.remove("none")),
            (FileExistsError, lambda: perdure.write("file", "y", existing=perdure.Existing.KEEP)),
            (ValueError, lambda: perdure.write("file", "y", permissions=0o10000)),
            (TimeoutError, self.wait_for_a_lock),
            (perdure.Error, lambda: perdure.write("directory", "x")),
        ]
        for expected, wrong in cases:
            with self.assertRaises(expected) as raised:
                wrong()
            self.assertIsInstance(raised.exception, perdure.Error)
            self.assertEqual(raised.exception.fate, perdure.Fate.UNCHANGED)

    def wait_for_a_lock(self):
        with perdure.State("state", exclusive=True):
            perdure.State("state", lock_timeout=0)

    def test_wrong_arguments_are_python_s_own_errors(self):
        with self.assertRaises(TypeError):
            perdure.write("a", "x", durabilty=1)
        with self.assertRaises(TypeError):
            perdure.write("a", 7)
        with self.assertRaises(TypeError):
            perdure.write(None, "x")
        with self.assertRaises(ValueError):
            perdure.write("a\0b", "x")
        with self.assertRaises(ValueError):
            perdure.write("a", "x", lock_timeout=-1)
        self.assert_names()


if __name__ == "__main__":
    unittest.main()
