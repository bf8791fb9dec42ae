#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Takes the blocks marked ```cpp out of Markdown pages: snippets.py OUT PAGE...

Each becomes a source file of its own in OUT, which must compile as it stands. Prints their paths,
one a line. A block that does not end is an error.
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The headers that a reader of such a page has included already.
PRELUDE = "// Made by tests/docs/snippets.py\n#include <cstdio>\n#include <string>\n"


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        page = pathlib.Path(name)
        text = page.read_text()
        blocks = list(BLOCK.finditer(text))
        if len(blocks) != len(re.findall(r"^```cpp", text, re.MULTILINE)):
            sys.exit(f"{page}: a block ```cpp that does not end, or is marked in another way")
        for number, block in enumerate(blocks, 1):
            line = text.count("\n", 0, block.start(1)) + 1
            source = out / f"{page.stem.lower()}_{number}.cpp"
            write_if_changed(source, f'{PRELUDE}#line {line} "{page}"\n{block[1]}')
            print(source)


if __name__ == "__main__":
    main()
