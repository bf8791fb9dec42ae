# SPDX-License-Identifier: BSL-1.0
"""Files from Python: write, read, remove, open_atomic."""

import csv
import gc
import math
import os
import pathlib
import stat
import threading
import unittest
import zipfile

import perdure
from perdure.library import lib
from perdure.options import c_options
from support import InDirectory


class Files(InDirectory):
    def test_write_and_read(self):
        receipt = perdure.write(pathlib.Path("a"), "über", report_version=True)
        self.assert_holds("a", "über".encode())
        self.assertEqual((receipt.bytes, receipt.durability), (5, perdure.Durability.DURABLE))
        content = perdure.read(b"a")
        self.assertEqual((content.data, content.text()), ("über".encode(), "über"))
        self.assertEqual(content.version, receipt.version)
        for data in (b"", bytearray(b"12"), memoryview(b"1234")[::1]):
            perdure.write("a", data)
            self.assertEqual(perdure.read("a", size_max=4).data, bytes(data))
        with self.assertRaises(perdure.InvalidArgument):
            perdure.read("a", size_max=3)

    def test_a_version_that_was_read_is_expected(self):
        perdure.write("a", "1", expected=perdure.ABSENT)
        seen = perdure.read("a").version
        perdure.write("a", "2", expected=seen)
        with self.assertRaises(perdure.Conflict):
            perdure.write("a", "3", expected=seen)
        with self.assertRaises(perdure.Conflict):
            perdure.remove("a", expected=seen)
        self.assert_holds("a", b"2")
        perdure.remove("a", expected=perdure.read("a").version)
        self.assert_names()

    def test_names_need_not_be_text(self):
        name = b"\xff.bin"
        perdure.write(name, b"x")
        self.assertEqual(perdure.read(os.fsdecode(name)).data, b"x")
        with self.assertRaises(FileNotFoundError) as raised:
            perdure.read(b"\xfe")
        self.assertEqual(os.fsencode(raised.exception.path), b"\xfe")

    def test_options(self):
        perdure.write("x/y/a", "1", make_parents=True, permissions=0o600,
                      metadata=perdure.Metadata.FIXED, durability=perdure.Durability.ORDERED)
        self.assertEqual(stat.S_IMODE(os.stat("x/y/a").st_mode), 0o600)
        perdure.write("x/y/a", "2", existing=perdure.Existing.BACKUP, backup_suffix=".old")
        self.assert_holds("x/y/a.old", b"1")
        os.symlink("a", "x/y/link")
        perdure.write("x/y/link", "3")
        self.assert_holds("x/y/a", b"3")
        with self.assertRaises(perdure.Error) as raised:
            perdure.write("x/y/link", "4", symlink=perdure.Symlink.REFUSE)
        self.assertEqual(raised.exception.kind, perdure.Kind.SYMLINK_REFUSED)

    # The library takes a mode of 0 for its default: a file that was to be nobody's was everybody's.
    def test_no_permission_at_all_is_not_the_default(self):
        with self.assertRaises(ValueError):
            perdure.write("a", "1", permissions=0, metadata="fixed")
        self.assert_names()

    # They were taken and ignored.
    def test_options_of_no_use_are_refused(self):
        perdure.write("a", "1")
        for options in ({"existing": "keep"}, {"verify": True}, {"symlink": "refuse"},
                        {"refuse_read_only": True}, {"backup_suffix": ".old"},
                        {"permissions": 0o600}, {"protocol": "fast"}):
            with self.assertRaises(perdure.InvalidArgument):
                perdure.remove("a", **options)
        with self.assertRaises(perdure.InvalidArgument):
            perdure.write("a", "2", backup_suffix=".old")
        self.assert_holds("a", b"1")
        self.assert_names("a")

    # It was "invalid literal for int() with base 10".
    def test_values_have_names(self):
        receipt = perdure.write("a", "1", durability="ordered", existing="Replace")
        self.assertEqual(receipt.durability, perdure.Durability.ORDERED)
        with self.assertRaisesRegex(ValueError, "'safe': it is one of durable, ordered, none"):
            perdure.write("a", "2", durability="safe")
        self.assert_holds("a", b"1")

    def test_other_threads_run_while_a_call_waits(self):
        state = perdure.State("state", exclusive=True)
        begun = threading.Event()
        opened = []

        def wait():
            begun.set()
            opened.append(perdure.State("state", lock_timeout=30))

        waiting = threading.Thread(target=wait)
        waiting.start()
        begun.wait()
        state.close()  # too late, were the interpreter's lock held for the wait
        waiting.join()
        self.assertEqual(len(opened), 1)


class Options(unittest.TestCase):
    def test_seconds_become_what_the_library_waits(self):
        for seconds, expected in ((0, lib.PERDURE_TRY_ONCE), (math.inf, lib.PERDURE_WAIT_FOREVER),
                                  (0.0001, 1), (2, 2000), (None, 0)):
            options, _ = c_options("perdure_write_options", {"lock_timeout": seconds})
            self.assertEqual(options.lock_timeout_ms, expected)

    def test_no_previous_generation_is_not_the_default(self):
        for previous, expected in ((0, -1), (3, 3), (None, 0)):
            options, _ = c_options("perdure_state_options", {"previous": previous})
            self.assertEqual(options.previous, expected)


class OpenAtomic(InDirectory):
    def test_text_appears_when_the_block_ends(self):
        perdure.write("a.csv", "old")
        with perdure.open_atomic("a.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(["ü", 1])
            self.assert_holds("a.csv", b"old")
        self.assert_holds("a.csv", "ü,1\r\n".encode())
        self.assert_names("a.csv")

    def test_an_exception_discards(self):
        perdure.write("a", "old")
        for size in (1, 1 << 20):
            with self.assertRaises(KeyError):
                with perdure.open_atomic("a", "wb") as file:
                    file.write(b"x" * size)
                    raise KeyError
        gc.collect()
        self.assert_holds("a", b"old")
        self.assert_names("a")

    def test_a_file_that_the_block_closes_is_committed(self):
        with perdure.open_atomic("a") as file:
            file.write("text")
            file.close()
        self.assert_holds("a", b"text")

    def test_x_takes_a_new_name_alone(self):
        with perdure.open_atomic("a", "x") as file:
            file.write("1")
        with self.assertRaises(FileExistsError):
            with perdure.open_atomic("a", "xb"):
                self.fail("it exists")
        with self.assertRaises(FileExistsError):
            with perdure.open_atomic("b", "x") as file:
                pathlib.Path("b").write_bytes(b"another's")
        self.assert_holds("b", b"another's")
        self.assert_names("a", "b")

    def test_other_modes_are_refused(self):
        for mode in ("r", "a", "w+", "wtb", "", "wbb"):
            with self.assertRaises(ValueError):
                with perdure.open_atomic("a", mode):
                    self.fail("opened")
        self.assert_names()

    # They were taken and ignored.
    def test_options_that_contradict_the_mode_are_refused(self):
        for mode, options in (("wb", {"encoding": "utf-8"}), ("wb", {"errors": "strict"}),
                              ("xb", {"newline": ""}), ("x", {"existing": "replace"})):
            with self.assertRaises(ValueError):
                with perdure.open_atomic("a", mode, **options):
                    self.fail("opened")
        self.assert_names()

    def test_it_serves_others_libraries(self):
        with perdure.open_atomic("a.zip", "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("one", "1" * 100000)
        with zipfile.ZipFile("a.zip") as archive:
            self.assertEqual(archive.read("one"), b"1" * 100000)

    def test_the_file_itself(self):
        with perdure.AtomicFile("a") as file:
            self.assertEqual(file.write(b"1234"), 4)
            self.assertFalse(file.readable() or file.seekable())
        self.assertEqual(file.receipt.bytes, 4)
        with self.assertRaises(ValueError):
            file.write(b"more")
        with self.assertRaises(perdure.InvalidArgument) as raised:
            file.commit()
        self.assertEqual(raised.exception.fate, perdure.Fate.DURABLE)
        file = perdure.AtomicFile("a")
        file.write(b"other")
        file.discard()
        file = perdure.AtomicFile("a")
        file.write(b"dropped")
        del file
        gc.collect()
        self.assert_holds("a", b"1234")
        self.assert_names("a")


if __name__ == "__main__":
    unittest.main()
