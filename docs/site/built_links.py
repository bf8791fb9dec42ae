#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks the links of the built site: built_links.py HTML.

Each address leads to a file of the site, and its fragment to an id there. Addresses on the network
are not asked; a page that loads anything from there is a fault."""

import html.parser
import pathlib
import re
import sys
import urllib.parse

LOADS = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}


class Page(html.parser.HTMLParser):
    """The ids and addresses of one page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if values.get(LOADS.get(tag)):
            self.loads.append(values[LOADS[tag]])


def check(root):
    pages = {path: Page(path) for path in sorted(root.glob("**/*.html"))}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(root).as_posix()
        faults += [f"{name}: loads {address} from the network" for address in page.loads
                   if re.match(r"(?:https?:)?//", address)]
        for address in page.links + page.loads:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve()
            target = path if not parts.path else target
            fragment = urllib.parse.unquote(parts.fragment)
            if not target.is_file():
                faults.append(f"{name}: {address}: there is no such file")
            elif fragment and target in pages and fragment not in pages[target].ids:
                faults.append(f"{name}: {address}: there is no such place")
    return faults if pages else [f"{root} has no pages"]


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
