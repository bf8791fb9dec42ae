# SPDX-License-Identifier: BSL-1.0
"""Roots from Python: transactions, a root that is held open, recovery."""

import os
import unittest

import perdure
from support import InDirectory


class Transactions(InDirectory):
    def test_all_at_the_end_of_the_block(self):
        perdure.write("draft", "old")
        with perdure.Transaction(".") as transaction:
            self.assertEqual(transaction.report, perdure.Report(False, False, False, ()))
            transaction.make_directory("site")
            transaction.put("site/index", "page")
            transaction.put("feed", b"xml")
            transaction.remove("draft")
            self.assertFalse(os.path.exists("feed"))
        self.assert_holds("site/index", b"page")
        self.assert_holds("feed", b"xml")
        self.assertFalse(os.path.exists("draft"))
        self.assertEqual((transaction.receipt.bytes, transaction.receipt.left_alone), (7, ()))
        with self.assertRaises(ValueError):
            transaction.put("more", "x")
        self.assertFalse(perdure.recover(".").recovered)

    def test_none_after_an_exception(self):
        with self.assertRaises(KeyError):
            with perdure.Transaction(".") as transaction:
                transaction.put("a", "1")
                raise KeyError
        with perdure.Transaction(".") as transaction:
            transaction.put("a", "1")
            transaction.abort()
        self.assertIsNone(transaction.receipt)
        self.assert_names()
        with perdure.Transaction(".", lock_timeout=0):
            pass  # neither kept the lock

    # The receipt of an ordered one said DURABLE.
    def test_the_receipt_says_no_more_than_was_asked_for(self):
        for durability in (perdure.Durability.ORDERED, perdure.Durability.DURABLE):
            with perdure.Transaction(".", durability=durability) as transaction:
                transaction.put("a", "1")
            self.assertEqual(transaction.receipt.durability, durability)

    def test_a_conflict_leaves_all(self):
        perdure.write("a", "1")
        seen = perdure.read("a").version
        perdure.write("a", "2")
        with self.assertRaises(perdure.Conflict) as raised:
            with perdure.Transaction(".") as transaction:
                transaction.expect("a", seen)
                transaction.expect("b", perdure.ABSENT)
                transaction.put("b", "1")
        self.assertEqual(raised.exception.fate, perdure.Fate.UNCHANGED)
        self.assert_names("a")

    def test_a_root_that_is_held_open(self):
        try:
            root = perdure.Root(".", private_directory=".private")
        except perdure.Unsupported as error:
            self.skipTest(str(error))
        with root:
            self.assertEqual(root.put("a", "1").protocol, perdure.Protocol.LOGGED)
            with root.transaction() as transaction:
                transaction.put("b", "2")
                transaction.remove("a")
            root.settle()
            with self.assertRaises(perdure.LockTimeout):
                perdure.Transaction(".", private_directory=".private", lock_timeout=0)
        self.assert_names("b", ".private", ".perdure-root")
        with self.assertRaises(perdure.InvalidArgument):
            root.put("c", "3")


if __name__ == "__main__":
    unittest.main()
