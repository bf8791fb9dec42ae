# SPDX-License-Identifier: BSL-1.0
"""A state from Python: a dict that survives."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import traceback
import unittest
import warnings

import perdure
from support import InDirectory

COUNT = """
import sys, perdure
with perdure.State("state") as state:
    for _ in range(int(sys.argv[1])):
        state.apply(lambda draft: draft.update(n=draft.get("n", 0) + 1))
"""


class States(InDirectory):
    def test_a_dict_that_is_saved_with_each_change(self):
        with perdure.State("a.json") as state:
            self.assertEqual((len(state), state.generation), (0, 0))
            self.assertEqual(state.origin, perdure.Origin.NOTHING)
            state["b"] = [1, 2.5, None, "ü"]
            self.assertEqual((state.generation, state.origin), (1, perdure.Origin.CURRENT))
            state.update(c={"d": True}, e=1)
            self.assertEqual(state.generation, 2)
            self.assertEqual(state.setdefault("c"), {"d": True})
            del state["e"]
            self.assertEqual(state.pop("none", 7), 7)
            with self.assertRaises(KeyError):
                state.pop("none")
            with self.assertRaises(KeyError):
                del state["none"]
        with perdure.State("a.json") as again:
            self.assertEqual(dict(again), {"b": [1, 2.5, None, "ü"], "c": {"d": True}})
            self.assertIn("b", again)
            again.clear()
            self.assertEqual(dict(again), {})
            self.assertEqual(again.replace({"f": 1}).generation, again.generation)
        stored = json.loads(pathlib.Path("a.json").read_text())
        self.assertEqual((stored["f"], stored["generation"]), (1, again.generation))

    def test_an_edit_is_one_save_or_none(self):
        with perdure.State("a") as state:
            with state.edit() as draft:
                draft["jobs"] = ["a"]
                draft["next"] = 1
                self.assertEqual(dict(state), {})
            self.assertEqual(state.generation, 1)
            with self.assertRaises(RuntimeError):
                with state.edit() as draft:
                    draft["jobs"].append("b")
                    raise RuntimeError
            self.assertEqual((state["jobs"], state.generation), (["a"], 1))
            state["jobs"].append("lost")  # a copy
            self.assertEqual(state["jobs"], ["a"])

    def test_refused_values_leave_the_state(self):
        with perdure.State("a") as state:
            state["n"] = 1
            for wrong, error in ((float("nan"), ValueError), (object(), TypeError),
                                 ({1: "a", "1": "b"}, perdure.Error)):
                with self.assertRaises(error):
                    state["n"] = wrong
            for name in ("generation", "checksum"):
                with self.assertRaises(perdure.Error):
                    state[name] = 1
            with self.assertRaises(TypeError):
                state[1] = 1
            self.assertEqual((dict(state), state.load()), ({"n": 1}, 1))

    def test_an_edit_on_what_is_not_the_newest_is_a_conflict(self):
        with perdure.State("a") as state, perdure.State("a") as other:
            state["n"] = 1
            with self.assertRaises(perdure.Conflict):
                with state.edit() as draft:
                    other["n"] = 5
                    draft["n"] += 1
            self.assertEqual(state.load(), 2)
            self.assertEqual(state["n"], 5)

    # The save expected the generation that was loaded last, not the one of the draft: the other's
    # change was lost without a word.
    def test_a_load_within_an_edit_hides_no_other_save(self):
        with perdure.State("a") as state, perdure.State("a") as other:
            with self.assertRaises(perdure.Conflict):
                with state.edit() as draft:
                    other["m"] = 1
                    state.load()
                    draft["n"] = 2
            state.load()
            self.assertEqual(dict(state), {"m": 1})
            seen = []

            def change(draft):
                if not seen:
                    other["m"] = 2
                seen.append(state.load())
                draft["n"] = 3

            state.apply(change)
            self.assertEqual((dict(state), len(seen)), ({"m": 2, "n": 3}, 2))

    def test_a_save_within_an_edit_is_a_conflict_at_its_end(self):
        with perdure.State("a") as state:
            with self.assertRaises(perdure.Conflict):
                with state.edit() as draft:
                    draft["n"] = 2
                    state["m"] = 1
            self.assertEqual((dict(state), state.load()), ({"m": 1}, 1))
            with self.assertRaises(perdure.Conflict):
                state.apply(lambda draft: state.update(m=2))
            self.assertEqual((dict(state), state.load()), ({"m": 2}, 2))

    # The second run found an empty iterator, saved nothing of it, and returned.
    def test_an_update_that_runs_again_has_its_values_still(self):
        with perdure.State("a") as state, perdure.State("a") as other:
            def values():
                other["x"] = 1
                yield "a", 1

            state.update(values())
            self.assertEqual(dict(state), {"x": 1, "a": 1})

    def test_processes_that_count_lose_nothing(self):
        counting = [subprocess.Popen([sys.executable, "-B", "-c", COUNT, "10"])
                    for _ in range(3)]
        self.assertEqual([one.wait() for one in counting], [0, 0, 0])
        with perdure.State("state") as state:
            self.assertEqual((state["n"], state.generation), (30, 30))

    def test_threads_that_count_lose_nothing(self):
        with perdure.State("state", durability=perdure.Durability.ORDERED) as state:
            def count():
                for _ in range(10):
                    state.apply(lambda draft: draft.update(n=draft.get("n", 0) + 1))
            threads = [threading.Thread(target=count) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(state["n"], 40)

    # It waited forever for a lock that a thread of the parent held.
    def test_a_forked_child_is_refused_and_waits_for_nobody(self):
        with perdure.State("a") as state:
            state["n"] = 1
            begun, end = threading.Event(), threading.Event()

            def hold():
                with state.edit() as draft:
                    draft["n"] += 1
                    begun.set()
                    end.wait()

            holding = threading.Thread(target=hold)
            holding.start()
            begun.wait()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
                child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(self.found_refused(state))
            status = os.waitpid(child, 0)[1]
            end.set()
            holding.join()
            self.assertEqual((status, dict(state)), (0, {"n": 2}))

    def found_refused(self, state):
        """0 if every call of a forked child is as it should be."""
        try:
            for wrong in (state.load, state.clear, lambda: state.replace({}),
                          lambda: state.edit().__enter__()):
                with self.assertRaises(perdure.InvalidArgument) as raised:
                    wrong()
                self.assertEqual(raised.exception.fate, perdure.Fate.UNCHANGED)
            self.assertEqual((state["n"], state.as_dict()), (1, {"n": 1}))
            state.close()
            return 0
        except BaseException:
            traceback.print_exc()
            return 1

    def test_a_damaged_file_gives_way_to_the_generation_before(self):
        with perdure.State("a") as state:
            state["n"] = 1
            state["n"] = 2
        text = pathlib.Path("a").read_text().replace('"n": 2', '"n": 3')
        pathlib.Path("a").write_text(text)
        with perdure.State("a") as state:
            self.assertEqual((state["n"], state.origin), (1, perdure.Origin.PREVIOUS))
        self.assertEqual([name for name in os.listdir() if ".damaged-" in name][0][:2], "a.")

    def test_a_json_file_of_before_becomes_a_state(self):
        pathlib.Path("a").write_text('{"n": 1}')
        with perdure.State("a") as state:
            self.assertEqual(dict(state), {"n": 1})
            state["n"] += 1
        with perdure.State("a") as state:
            self.assertEqual(dict(state), {"n": 2})

    def test_a_state_that_was_removed_is_not_made_again_in_silence(self):
        with perdure.State("a") as state:
            state["n"] = 1
            os.remove("a")
            with self.assertRaises(perdure.Conflict):
                state["n"] = 2
        self.assertFalse(os.path.exists("a"))

    def test_a_closed_state_is_refused(self):
        state = perdure.State("a", exclusive=True)
        state.close()
        with self.assertRaises(ValueError):
            state["n"] = 1
        perdure.State("a", exclusive=True, lock_timeout=0).close()


if __name__ == "__main__":
    unittest.main()
