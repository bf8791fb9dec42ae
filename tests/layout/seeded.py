#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Seeds one fault after the other into a small tree and asks the checks to find it."""

import pathlib
import sys
import tempfile
import unittest

import floors
import promises
import tidy

SPDX = "// SPDX-License-Identifier: BSL-1.0\n"
HEAD = SPDX + "// A part of the tree.\n"
FLOORS = [("include/perdure/low.hpp", 0), ("include/perdure/other.hpp", 0), ("lib/os.cpp", 2),
          ("include/perdure/high.hpp", 3), ("lib/engine/*", 3), ("lib/private.hpp", 3),
          ("lib/formats/json.cpp", 5), ("lib/state.cpp", 5),
          ("tools/*", 6)]
SOUND = {
    "include/perdure/low.hpp": HEAD + "#pragma once\n#include <vector>\n",
    "include/perdure/other.hpp": HEAD + "#pragma once\n#include <perdure/low.hpp>\n",
    "include/perdure/high.hpp": HEAD + "#pragma once\n#include <perdure/low.hpp>\n",
    "lib/os.cpp": HEAD + "#include <unistd.h>\n#include <sys/stat.h>\n#include <perdure/low.hpp>\n",
    "lib/private.hpp": HEAD + "#pragma once\n#include <perdure/high.hpp>\n",
    "lib/engine/part.hpp": HEAD + "#pragma once\n#include <vector>\n",
    "lib/engine/high.cpp": HEAD + '#include <perdure/high.hpp>\n#include "engine/part.hpp"\n',
    "lib/formats/json.cpp": HEAD + "#include <simdjson.h>\n#include <boost/json.hpp>\n",
    "lib/state.cpp": HEAD + '#include "private.hpp"\n',
    "tools/tool/main.cpp": HEAD + "#include <fcntl.h>\n#include <perdure/high.hpp>\n",
    "scripts/run": "#!/usr/bin/env bash\necho \"$1\"\n",
}
LONG_FUNCTION = HEAD + "int f(int x) {\n" + "  ++x;\n" * 69 + "  return x;\n}\n"
LONG_MEMBER = (HEAD + "class A final\n    : public B {\n public:\n  int f(int x) const override {\n"
               + "    ++x;\n" * 70 + "  }\n};\n")

# rule -> (file, its content, words of the finding)
FLOOR_FAULTS = {
    "a higher floor": ("include/perdure/low.hpp", "#include <perdure/high.hpp>\n", "of floor 3"),
    "a circle": ("include/perdure/low.hpp", "#include <perdure/other.hpp>\n", "a circle"),
    "a circle of modules": ("lib/engine/part.cpp", "#include <perdure/high.hpp>\n", "a circle"),
    "the system": ("lib/state.cpp", "#include <fcntl.h>\n", "operating system"),
    "the system's own": ("lib/private.hpp", "#include <sys/file.h>\n", "operating system"),
    "linux": ("include/perdure/high.hpp", "#  include <linux/fs.h>\n", "operating system"),
    "simdjson": ("lib/private.hpp", "#include <simdjson.h>\n", "reads JSON"),
    "simdjson in state": ("lib/state.cpp", "#include <simdjson.h>\n", "reads JSON"),
    "Boost.JSON": ("include/perdure/high.hpp", "#include <boost/json/fwd.hpp>\n", "Boost.JSON"),
    "xxHash in public": ("include/perdure/low.hpp", "#include <xxhash.h>\n", "hash"),
    "simdjson in a tool": ("tools/tool/main.cpp", "#include <simdjson.h>\n", "reads JSON"),
    "a private header": ("tools/tool/main.cpp", '#include "private.hpp"\n', "private"),
    "no floor": ("lib/new.cpp", "int x;\n", "on no floor"),
    "no such file": ("lib/os.cpp", '#include "nowhere.hpp"\n', "nowhere"),
}
TIDY_FAULTS = {
    "licence": ("tests/os.cpp", "\n" + SPDX, "begin with // SPDX"),
    "columns": ("lib/os.cpp", HEAD + "//" + "x" * 99 + "\n", "101 columns"),
    "lines": ("lib/os.cpp", HEAD + "int x;\n" * 599, "601 lines"),
    "function": ("lib/os.cpp", LONG_FUNCTION, "a function of 72 lines"),
    "member": ("lib/os.cpp", LONG_MEMBER, "a function of 72 lines"),
    "unfinished": ("lib/os.cpp", HEAD + "// TO" + "DO: later\n", "unfinished"),
    "unfinished script": ("scripts/run", "#!/bin/sh\n# FIX" + "ME\n", "unfinished"),
    "tab": ("lib/os.cpp", HEAD + "\tint x;\n", "a tab"),
    "trailing space": ("lib/os.cpp", HEAD + "int x; \n", "ends in a space"),
    "last line": ("lib/os.cpp", HEAD + "int x;", "no line end"),
    "file name": ("lib/FileSystem.cpp", HEAD, "snake_case"),
    "folder name": ("tools/my-tool/main.cpp", HEAD, "snake_case"),
    "long name": ("lib/a_name_with_many_words.cpp", HEAD, "words"),
    "machine path": ("docs/page.md", "see /ho" + "me/me/x\n", "one machine"),
    "guard": ("lib/private.hpp", HEAD, "#pragma once"),
    "a test elsewhere": ("tests/some.cpp", SPDX + 'TEST_CASE("a") {}\n', "end in _test"),
    "test without test cases": ("tests/some_test.cpp", SPDX, "has no test case"),
    "a lost test": ("tests/some_test.cpp", SPDX + 'TEST_CASE("a; b") {}\n', "splits"),
    "a test that is an option": ("tests/some_test.cpp", SPDX + 'TEST_CASE("--a") {}\n', "option"),
    "a matcher of Catch2 2": ("tests/part.hpp",
                              SPDX + "#pragma once\nauto x = Catch::Contains(y);\n", "Catch2 3"),
    "a matcher with two meanings": ("tests/part.hpp", SPDX + "#pragma once\n"
                                    "auto x = Catch::Matchers::Contains(y);\n", "Catch2 3"),
    "a look": ("lib/os.cpp", HEAD + "int f() { return ::fstat(1, nullptr); }\n", "past the seam"),
    "a look by name": ("tools/tool/main.cpp", HEAD + "auto x = fs::exists(path);\n", "the seam"),
    "a look in a tool": ("tools/tool/main.cpp", HEAD + "int x = ::lstat(a, b);\n", "the seam"),
    "stamps": ("lib/state.cpp", HEAD + "bool x = a.same_stamps(b);\n", "a tick may make equal"),
    "a stamp": ("lib/state.cpp", HEAD + "bool x = a.ctime_ns == b;\n", "a tick may make equal"),
    "a path": ("lib/engine/high.cpp", HEAD + "int x = ::open(a, 0);\n", "open goes by a path"),
    "a path in a program": ("tools/perdure/main.cpp",
                            HEAD + "auto x = ::open(a, 0);\nint y = mkdtemp(b);\n",
                            "main.cpp:4: mkdtemp goes by a path"),
    "a path of Boost's": ("lib/state.cpp", HEAD + "auto x = fs::remove_all(p);\n", "remove_all"),
    "a stream": ("tools/perdure/part.cpp", HEAD + "std::ifstream in(path);\n", "ifstream goes"),
    "the working directory": ("lib/state.cpp", HEAD + "f(Handle::working_directory);\n",
                              "working_directory goes by a path"),
    "a way with links": ("lib/state.cpp", HEAD + "auto x = files.open_directory(a, b);\n",
                         "open_directory goes by a path"),
    "no handle": ("tools/common/part.cpp", HEAD + "int x = ::openat(AT_FDCWD, a, 0);\n",
                  "AT_FDCWD goes by a path"),
    "a needless exception": ("tools/perdure/main.cpp", HEAD + "int x;\n", "take that out"),
    "shell": ("scripts/run", "#!/usr/bin/env bash\nif true; then\n", "syntax error"),
    "opening sentence": ("lib/os.cpp", SPDX + "#include <vector>\n", "what the file is"),
    "opening code": ("include/perdure/low.hpp", SPDX + "#pragma once\n", "what the file is"),
    "opening in a program": ("tools/tool/main.cpp", SPDX + "int x;\n", "what the file is"),
    "negated noun": ("lib/os.cpp", HEAD + "int x;  // it is no file\n", "negate the verb"),
    "negated nouns": ("docs/page.md", "Links lead on;\nthey are no files.\n", "negate"),
    "negated noun in an error": ("lib/os.cpp", HEAD + 'auto x = "it is no file";\n', "negate"),
    "negated noun over two lines": ("docs/page.md", "A link is no\nfile.\n", "negate the verb"),
    "what": ("lib/os.cpp", HEAD + "/// What a call returns.\n", "begins with 'What'"),
    "what, later": ("lib/os.cpp", HEAD + "// It ends.\n// What is left goes.\n", "with 'What'"),
    "what in a document": ("docs/page.md", "# What is fine\n\nWhat is left goes.\n", "'What'"),
    "what in a table": ("docs/page.md", "| what |\n| --- |\n| What is left |\n", "'What'"),
    "what in a script": ("scripts/run", "#!/bin/sh\n# What is left goes.\n", "with 'What'"),
    "whoever": ("docs/page.md", "- **Whoever writes** decides.\n", "with 'Whoever'"),
    "those": ("lib/os.cpp", HEAD + "int x;  ///< Those of them that are left.\n", "'Those'"),
    "banned word": ("lib/os.cpp", HEAD + "// It waits for ever.\n", "write 'forever'"),
    "long prose": ("docs/page.md", "x" * 111 + "\n", "111 columns of prose"),
}
# Code that goes by handles, or by a path where there is a reason.
SOUND_HANDLES = {
    "lib/engine/high.cpp": HEAD + """// ::open(path) in a comment, and a path taken apart
auto a = ::openat(fd, name, O_NOFOLLOW); auto b = files.open_file(directory, "::open(x)");
auto c = tree.open(fs::path(x)); auto d = tree->remove(y); auto e = Journal::open(z);
""",
    "lib/testing/disk.cpp": HEAD + "auto a = base_.open_directory(from, path);\n",
    "tools/perdure/main.cpp": HEAD + 'int null = ::open("/dev/null", O_RDONLY);\n',
    "tools/crashlab/main.cpp": HEAD + "int disk = ::open(path, O_RDONLY);\n",
}
# Sentences that the prose rule must let pass.
SOUND_PROSE = {
    "lib/os.cpp": HEAD + """// There is no file, and none is no longer than another. What else?
const char* text = "there is no file";  // what is left goes
""",
    "docs/page.md": """# What is left

| what | why |
| --- | --- |
| it is no older than that | """ + "x" * 111 + """ |

```cpp
// What is left in code is checked where it is compiled.
```
<!-- made by a program -->
""" + "x" * 111 + """
<!-- end -->
""",
}
PROMISES = {
    "docs/promises.md": """# Promises
## Promise by environment

| | here | there |
| --- | --- | --- |
| P1 | T P L | ? |
| P2 | T | a |

- `T`: tagged tests.
- `P`: the proof.
- `L`: the laboratory.
- `?`: not tried.
- `a`: `engine/one_test.cpp` "says two".

## P1: one
- Tests: `engine/one_test.cpp` "one holds, and
  two"
- Proof: `plain`; mutant `broken`. `tests/engine/one_test.cpp` has more.
- Laboratory: `writer`; control `no_sync`
## P2: two
- Tests: `engine/one_test.cpp` "says two"
""",
    "docs/proof.md": "| plain | worst |\n| broken | caught |\n",
    "scripts/crash-ci": 'breaks "$fs" no_sync good\n',
    "tests/crashlab/workloads/writer.sh": "",
    "tests/engine/one_test.cpp": """TEST_CASE("one holds, "
          "and two", "[P1]") {}
TEST_CASE("says two", "[P2][budget]") {}
TEST_CASE("untagged") {}
""",
}
PROMISE_FAULTS = {
    "an unknown tag": ("tests/engine/one_test.cpp", "[P2]", "[P2][P3]", "no promise P3"),
    "a promise without a test": ("tests/engine/one_test.cpp", "[P2]", "[x]", "no test has the tag"),
    "a named test without the tag": ("tests/engine/one_test.cpp", "[P2]", "[x]", "with [P2]"),
    "a renamed test": ("tests/engine/one_test.cpp", "says two", "says 2", 'no test "says two"'),
    "a gap": ("docs/promises.md", "## P2", "## P3", "without a gap"),
    "a promise that names no test": ("docs/promises.md", '"says two"', "", "names no test"),
    "a lost workload of the proof": ("docs/proof.md", "plain", "other", "mutant 'plain'"),
    "a lost mutant": ("docs/proof.md", "broken", "other", "mutant 'broken'"),
    "a lost workload": ("docs/promises.md", "`writer`", "`reader`", "control 'reader'"),
    "a lost control": ("scripts/crash-ci", "no_sync", "other", "control 'no_sync'"),
    "a cell with an unknown sign": ("docs/promises.md", "P L | ?", "P L | b", "'b' is none"),
    "an empty cell": ("docs/promises.md", "P L | ?", "P L | ", "is empty"),
    "a cell too few": ("docs/promises.md", "| T P L | ? |", "| T P L |", "1 cells of 2"),
    "a promise without a row": ("docs/promises.md", "| P2 | T | a |\n", "", "has the promises [1]"),
    "a sign of nothing": ("docs/promises.md", "| P2 | T", "| P2 | T P", "has no line Proof"),
    "a note that no cell has": ("docs/promises.md", "| P2 | T | a |", "| P2 | T | ? |", "sign 'a'"),
    "a test renamed in a note": ("docs/promises.md", '"says two".', '"says".', 'no test "says"'),
    "a lost table": ("docs/promises.md", "## Promise by", "## By", "has no table"),
    "a lost file": ("docs/promises.md", "`tests/engine/one", "`tests/engine/gone", "there is no"),
}


class Seeded(unittest.TestCase):
    def tree(self, changed=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name).resolve()
        for name, text in {**SOUND, **(changed or {})}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    def test_a_sound_tree_passes(self):
        self.assertEqual(floors.check(self.tree(), FLOORS), [])
        self.assertEqual(tidy.check(self.tree()), [])

    def test_every_floor_fault_is_found(self):
        for rule, (name, text, words) in FLOOR_FAULTS.items():
            with self.subTest(rule):
                found = floors.check(self.tree({name: SPDX + text}), FLOORS)
                self.assertEqual(len(found), 1, found)
                self.assertIn(words, found[0])

    def test_every_tidy_fault_is_found(self):
        for rule, (name, text, words) in TIDY_FAULTS.items():
            with self.subTest(rule):
                found = tidy.check(self.tree({name: text}))
                self.assertEqual(len(found), 1, found)
                self.assertIn(words, found[0])

    def test_every_promise_fault_is_found(self):
        self.assertEqual(promises.check(self.tree(PROMISES)), [])
        for rule, (name, sound, broken, words) in PROMISE_FAULTS.items():
            with self.subTest(rule):
                text = PROMISES[name].replace(sound, broken)
                found = promises.check(self.tree({**PROMISES, name: text}))
                self.assertTrue(any(words in fault for fault in found), found)

    def test_sound_handles_pass(self):
        self.assertEqual(tidy.check(self.tree(SOUND_HANDLES)), [])

    def test_sound_prose_passes(self):
        self.assertEqual(tidy.check(self.tree(SOUND_PROSE)), [])

    def test_a_floor_that_nothing_stands_on_is_found(self):
        found = floors.check(self.tree(), FLOORS + [("lib/gone.cpp", 3)])
        self.assertIn("nothing matches 'lib/gone.cpp'", found[0])

    def test_an_empty_tree_is_a_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertTrue(floors.check(pathlib.Path(folder), []))
            self.assertTrue(tidy.check(pathlib.Path(folder)))


if __name__ == "__main__":
    sys.exit(unittest.main())
