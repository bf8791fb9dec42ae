#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints a C header with its comments as Doxygen takes them: c_comments.py HEADER.

A comment above a declaration is of that, and of those that follow without a blank line: so the
header groups them. A comment behind a declaration is of that alone. Comments of parts (`// ----`)
are of nothing."""

import pathlib
import re
import sys

ABOVE = re.compile(r"\s*// ?(.*)$")
STARTS = re.compile(r"typedef|enum|PERDURE_C_API|#define PERDURE_[A-Z_]+ \S")
BESIDE = re.compile(r"(\s*\S.*?)\s+// (.*)$")


def main():
    words, used = [], False  # the comment above, and whether a declaration has had it
    for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        above, beside = ABOVE.match(line), BESIDE.match(line)
        if above:
            words = [above[1]] if used else words + [above[1]]
            used = False
            continue
        if not line.strip() or (words and words[0].startswith(("----", "SPDX"))):
            words = []
        if words and STARTS.match(line):
            print("/** " + " ".join(words) + " */")
            used = True
        # A struct and its typedef have one name, and are one thing.
        line = re.sub(r"^typedef (struct \w+ \{)$|^\} perdure_\w+;$",
                      lambda match: match[1] or "};", line)
        print(f"{beside[1]}  ///< {beside[2]}" if beside else line)


if __name__ == "__main__":
    main()
