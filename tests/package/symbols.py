#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks what the shared libraries export: symbols.py ROOT NM ARCHIVE=SHARED...

A symbol that a shared library defines belongs to a class or a function that a public header
declares, or to one that internals.txt lists. What a public header declares, and a static archive
has, the shared library of the same objects exports: a declaration without its mark shows here."""

import pathlib
import re
import subprocess
import sys

INTERNALS = "tests/package/internals.txt"
# Templates and inline functions of others, which each library has a copy of; marks of the linker.
FOREIGN = re.compile(r"_Z(?:N[KVrRO]*)?(?:S[absiodt]|9__gnu_cxx|10__cxxabiv1|5boost|8simdjson)|"
                     r"_Z(?:nw|na|dl|da)|_init$|_fini$|__bss_start$|_edata$|_end$|DW\.ref\.")
WEAK = set("WVvwu")
STRONG = set("TDBR")
SPECIAL = re.compile(r"_Z(?:GV|T[VIST]|Tv\d+_n?\d+_|Th?n?\d+_|Z)*")
OPERATORS = {"ls": "operator<<", "eq": "operator==", "or": "operator|"}

# Either may have the beginning of the other in it.
COMMENT_OR_STRING = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')
DIRECTIVE = re.compile(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
MARK = re.compile(r"\bPERDURE_\w+|\[\[\w+\]\]")
CLASS = re.compile(r"(?:^|\s)(?:class|struct)\s+(\w+)(?:\s+final)?\s*(?::(?!:).*)?$", re.DOTALL)
IN_HEADER = re.compile(r"(?:template|inline|constexpr|using|class|struct|enum|friend)\b")
FUNCTION = re.compile(r"(operator\W+?|\w+)\(")


def declared_in(text):
    """(classes, functions) of a header, as paths below perdure; templates and inline functions,
    which have their code in the header, are left out."""
    text = COMMENT_OR_STRING.sub(lambda found: '""' if found[0][0] == '"' else "", text)
    text = MARK.sub("", DIRECTIVE.sub("", text))
    classes, functions, scopes, head = set(), set(), [], ""
    for piece in re.split(r"([{};])", text):
        in_arguments = head.count("(") > head.count(")")  # a default's braces: `= {}`
        if piece not in ("{", "}", ";") or in_arguments:
            head += re.sub(r"\b(?:public|private|protected):", "", piece)
            continue
        path = tuple(name for scope in scopes for name in scope or ())
        statement, head = head.strip(), ""
        open_here = all(scope is not None for scope in scopes)
        if piece == "}":
            scopes.pop()
            continue
        if piece == "{":
            space = re.match(r"(?:inline )?namespace ([\w:]+)$", statement)
            found = CLASS.search(statement)
            if space:
                scopes.append(tuple(space.group(1).split("::")))
            elif found and open_here and not statement.startswith("template"):
                scopes.append((found.group(1),))
                classes.add(path + (found.group(1),))
            else:
                scopes.append(None)
            continue
        if open_here and path not in classes:
            inside = IN_HEADER.match(statement)
            variable = re.match(r"extern\s+const\s+\w+\s+(\w+)$", statement)
            found = variable or FUNCTION.search(statement)
            if found and not inside:
                functions.add(path + (found.group(1),))
    return classes, functions


def public_of(root):
    """The classes and functions of all public headers."""
    classes, functions = set(), set()
    for header in sorted((root / "include").glob("**/*.hpp")):
        some, others = declared_in(header.read_text(encoding="utf-8"))
        classes |= {path[1:] for path in some if path[:1] == ("perdure",)}
        functions |= {path[1:] for path in others if path[:1] == ("perdure",)}
    return classes, functions


def path_of(symbol):
    """The names of a mangled symbol below perdure, or None. A lambda or a static variable of a
    function has the function's."""
    rest = SPECIAL.sub("", symbol, count=1) if symbol.startswith("_Z") else ""
    nested = re.match(r"N[KVrRO]*7perdure", rest)
    if not nested:
        return None
    rest, names = rest[nested.end():], []
    while size := re.match(r"\d+", rest):
        end = size.end() + int(size.group())
        names.append(rest[size.end():end])
        rest = rest[end:]
    if rest[:2] in OPERATORS:
        names.append(OPERATORS[rest[:2]])
    return tuple(names)


def symbols_of(nm, options, library):
    """symbol -> the kinds with which nm names it."""
    listed = subprocess.run([nm, *options, library], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[-2]) == 1:
            found.setdefault(words[-1].split("@")[0], set()).add(words[-2])
    return found


def belongs_to(path, classes, functions):
    """Whether the path is a function's of the list, or a member's of a class of the list. A class
    within a class has to be listed itself."""
    return path in functions or path in classes or path[:-1] in classes


def internals_of(root):
    lines = (root / INTERNALS).read_text(encoding="utf-8").splitlines()
    listed = (line.split("#")[0].strip() for line in lines)
    return [tuple(line.split("::")) for line in listed if line]


def check_library(name, exported, strong, public, internals, used):
    faults = []
    for symbol, kinds in sorted(exported.items()):
        path = path_of(symbol)
        if path is None:
            if not (FOREIGN.match(SPECIAL.sub("_Z", symbol)) and kinds <= WEAK | {"A"}):
                faults.append(f"{name} exports {symbol}, which is not of perdure: hide it")
        elif not belongs_to(path, *public):
            known = [one for one in internals if one in (path, path[:-1])]
            used.update(known)
            if not known:
                faults.append(f"{name} exports {'::'.join(path)} ({symbol}), which no public "
                              f"header declares: hide it, or list it in {INTERNALS}")
    for symbol in sorted(strong - set(exported)):
        path = path_of(symbol)
        if path and belongs_to(path, *public):
            faults.append(f"{name} hides {'::'.join(path)} ({symbol}), which a public header "
                          "declares: mark the declaration, as <perdure/detail/export.hpp> says")
    return faults


def main():
    root, nm = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    public, internals = public_of(root), internals_of(root)
    faults, used = [], set()
    if ("AtomicFile",) not in public[0] or ("write_file",) not in public[1]:
        faults.append("no public class or function found: is the folder right?")
    for pair in sys.argv[3:]:
        archive, shared = pair.split("=")
        exported = symbols_of(nm, ["-D", "--defined-only"], shared)
        if not any(path_of(symbol) for symbol in exported):
            faults.append(f"{shared} exports nothing of perdure: is it the right file?")
        defined = symbols_of(nm, ["--defined-only"], archive)
        strong = {symbol for symbol, kinds in defined.items() if kinds & STRONG}
        name = pathlib.Path(shared).name
        faults += check_library(name, exported, strong, public, internals, used)
    faults += [f"{INTERNALS}: {'::'.join(one)} is not exported: take it from the list"
               for one in internals if one not in used]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
