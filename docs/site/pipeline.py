#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Draws docs/pipeline.svg, a durable commit by `portable`, as the headers have it.

The stages are those of PortableDurable, and their facts those of stages.hpp. The fates follow from
the facts, as the engine takes them. --check compares the picture with the file."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/pipeline.svg"
PIPELINE = ROOT / "include/perdure/pipeline/pipeline.hpp"
STAGES = ROOT / "include/perdure/pipeline/stages.hpp"

ROW, TOP, WIDTH = 42, 44, 606
COLUMNS = (16, 182, 360, 494)  # stage, facts, what a power cut leaves, fate of a failure

STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2937; }
  .head { font-size: 12px; fill: #6b7280; }
  .card { fill: #ffffff; stroke: #d1d5db; }
  .stage { fill: #e0e7ff; stroke: #6366f1; }
  .old { fill: #e5e7eb; } .either { fill: #fde68a; } .new { fill: #bbf7d0; }
  path { stroke: #6366f1; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb; } .head { fill: #9ca3af; }
    .card { fill: #16181d; stroke: #374151; } .stage { fill: #312e81; stroke: #818cf8; }
    .old { fill: #374151; } .either { fill: #78350f; } .new { fill: #14532d; }
    path { stroke: #818cf8; }
  }
"""


def stages():
    """(name, facts that it gives) of each stage, in the order of the pipeline."""
    order = re.search(r"using PortableDurable =\s*Pipeline<([^>]+)>", PIPELINE.read_text())[1]
    table = {}
    for kind, body in re.findall(r"^struct PERDURE_API (\w+) \{(.*?)^\};", STAGES.read_text(),
                                 re.MULTILINE | re.DOTALL):
        name = re.search(r'name = "([^"]+)"', body)[1]
        gives = re.findall(r"Fact::(\w+)", re.search(r"gives = ([^;]+);", body)[1])
        table[kind] = (name, [fact.replace("_", " ") for fact in gives if fact != "none"])
    return [table[kind.strip()] for kind in order.split(",")]


def left_behind(rows):
    """(words, class): what a power cut behind each stage leaves."""
    have = set()
    for _, gives in rows:
        have |= set(gives)
        if "published" not in have:
            yield "old", "old"
        elif {"durable content", "durable name"} <= have:
            yield "new", "new"
        else:
            yield "old or new", "either"


def fates(rows):
    """(words, class): the fate of each stage's failure, by the facts before it."""
    have = set()
    for _, gives in rows:
        if "published" in gives:
            yield "a look tells", "either"
        elif "published" not in have:
            yield "unchanged", "old"
        else:
            yield ("durable", "new") if "durable name" in have else ("visible", "either")
        have |= set(gives)


def spans(cells):
    """(first row, last row, cell) of rows that are alike."""
    first = 0
    for row in range(1, len(cells) + 1):
        if row == len(cells) or cells[row] != cells[first]:
            yield first, row - 1, cells[first]
            first = row


def text(x, y, words, kind="", anchor="start"):
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{mark} text-anchor="{anchor}">{words}</text>'


def picture():
    rows = [*stages(), ("one of yours", [])]
    height = TOP + ROW * len(rows) + 14
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'width="{WIDTH}" height="{height}" role="img">',
             "<title>The stages of a durable commit, and what a power cut leaves</title>",
             f"<style>{STYLE}</style>",
             f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" '
             'rx="8"/>']
    heads = ("stage", "gives", "a power cut leaves", "fate if it fails")
    parts += [text(x, 28, head, "head") for x, head in zip(COLUMNS, heads)]
    for row, (name, gives) in enumerate(rows):
        y = TOP + row * ROW
        parts.append(f'<rect class="stage" x="{COLUMNS[0]}" y="{y}" width="150" height="30" '
                     'rx="5"/>')
        parts.append(text(COLUMNS[0] + 75, y + 20, name, anchor="middle"))
        parts.append(text(COLUMNS[1], y + 20, ", ".join(gives)))
        if row + 1 < len(rows):
            middle = COLUMNS[0] + 75
            parts.append(f'<path d="M{middle} {y + 30} v{ROW - 30}"/>')
    for x, width, cells in ((COLUMNS[2], 106, left_behind(rows)),
                            (COLUMNS[3], 96, fates(rows))):
        for first, last, (words, kind) in spans(list(cells)):
            y, tall = TOP + first * ROW, (last - first) * ROW + 30
            parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{tall}" '
                         'rx="5"/>')
            parts.append(text(x + width // 2, y + tall // 2 + 5, words, anchor="middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    made = picture()
    if "--check" not in sys.argv:
        PICTURE.write_text(made, encoding="utf-8")
        return 0
    if PICTURE.read_text(encoding="utf-8") == made:
        return 0
    print("docs/pipeline.svg is not what docs/site/pipeline.py draws: run it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
