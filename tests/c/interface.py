#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds the C interface to what was promised: interface.py ROOT NM LIBRARY [--write].

interface.txt lists every declaration of perdure.h: functions, numbers, members of structs in their
order. A program that was compiled has all of them in it. So lines come, and none goes or changes.
The library exports those functions and nothing else, and lib/c/exports.map names them, too.
--write writes the list anew, for a reviewer to compare."""

import pathlib
import re
import subprocess
import sys

HEADER = "include/perdure/perdure.h"
LIST = "tests/c/interface.txt"
MAP = "lib/c/exports.map"
TITLE = """# Every declaration of perdure.h. Programs that were compiled count on each line. Add
# lines, and members at the end of their struct. Change none and take none away: interface.py
# compares.
"""


def without_cpp(text):
    """The header as C reads it."""
    return re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", text, flags=re.MULTILINE | re.DOTALL)


def declarations_of(text):
    """The declarations, one a line, without comments, and with single spaces."""
    text = re.sub(r"//[^\n]*", "", without_cpp(text))
    defines = re.findall(r"^#define (PERDURE_\w+) +(\S+)$", text, re.MULTILINE)
    lines = [f"#define {name} {value}" for name, value in defines if name != "PERDURE_C_API"]
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = " ".join(text.replace("PERDURE_C_API", "").split())
    for enum, body in re.findall(r"enum (\w+) \{(.*?)\};", text):
        lines += [f"{enum}: {one.strip()}" for one in body.split(",") if one.strip()]
    for struct, body in re.findall(r"typedef struct (\w+) \{(.*?)\}", text):
        lines += [f"{struct}: {one.strip()}" for one in body.split(";") if one.strip()]
    text = re.sub(r"(enum \w+|typedef struct \w+) \{.*?\}[^;]*;", "", text)
    function_declared = re.compile(r"([\w ]+[ *]+)(perdure_\w+)\(([^)]*)\);")
    for returned, function, arguments in function_declared.findall(text):
        lines.append(f"{function}() returns {returned.strip()}")
        lines += [f"{function}(): {one.strip()}" for one in arguments.split(",")]
    return lines


def functions_in(lines):
    return {found[1] for line in lines if (found := re.match(r"(perdure_\w+)\(\) returns", line))}


def exported_by(nm, library):
    listed = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True,
                            check=True)
    return {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()
            if line.split()[-2] != "A"}


def faults_of(root, nm, library):
    declared = declarations_of((root / HEADER).read_text())
    listed = [line for line in (root / LIST).read_text().splitlines()
              if line and not line.startswith("# ")]
    faults = [f"{HEADER}: {line}: {LIST} does not have it: add it" for line in declared
              if line not in listed]
    faults += [f"{LIST}: {line}: {HEADER} lost it, and programs count on it" for line in listed
               if line not in declared]
    if not faults and listed != declared:
        faults.append(f"{LIST}: not in the order of {HEADER}, in which members of structs lie")
    functions = functions_in(declared)
    mapped = set(re.findall(r"^    (perdure_\w+);$", (root / MAP).read_text(), re.MULTILINE))
    exported = exported_by(nm, library)
    for name in sorted(functions | mapped | exported):
        if name not in functions:
            faults.append(f"{name} is exported, and {HEADER} does not declare it")
        if name not in mapped:
            faults.append(f"{name} is declared, and {MAP} does not have it")
        if name not in exported:
            faults.append(f"{name} is declared, and {library} does not export it")
    if len(functions) < 40:
        faults.append("hardly a function found: is the folder right?")
    return faults


def main():
    root, nm, library = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
    if sys.argv[4:] == ["--write"]:
        lines = declarations_of((root / HEADER).read_text())
        (root / LIST).write_text(TITLE + "\n".join(lines) + "\n")
    faults = faults_of(root, nm, library)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
