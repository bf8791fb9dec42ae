#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Takes the blocks of a language out of Markdown pages: snippets.py LANGUAGE OUT PAGE...

LANGUAGE is cpp, c or python, as behind the three backticks. Each block becomes a source file of its
own in OUT, which must compile, or run, as it stands. Prints their paths, one a line. A block that
does not end is an error.
"""

import pathlib
import re
import sys

MADE = "Made by tests/docs/snippets.py"
LINE = '#line {line} "{page}"\n'
# Of each language: the end of a file's name, and what stands before a block. In C++ that is the
# headers which a reader of such a page has included already.
LANGUAGES = {
    "cpp": (".cpp", f"// {MADE}\n#include <cstdio>\n#include <string>\n" + LINE),
    "c": (".c", f"// {MADE}\n" + LINE),
    "python": (".py", f"# {MADE}\n# {{page}}:{{line}}\n"),
}


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    language, out = sys.argv[1], pathlib.Path(sys.argv[2])
    suffix, prelude = LANGUAGES[language]
    block_of = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[3:]:
        page = pathlib.Path(name)
        text = page.read_text()
        blocks = list(block_of.finditer(text))
        if len(blocks) != len(re.findall(rf"^```{language}\b", text, re.MULTILINE)):
            sys.exit(f"{page}: a block ```{language} that does not end, or is marked in another "
                     "way")
        for number, block in enumerate(blocks, 1):
            line = text.count("\n", 0, block.start(1)) + 1
            source = out / f"{page.stem.lower().replace('-', '_')}_{number}{suffix}"
            write_if_changed(source, prelude.format(line=line, page=page) + block[1])
            print(source)


if __name__ == "__main__":
    main()
