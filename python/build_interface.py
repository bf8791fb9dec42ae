#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Makes perdure/interface.py of perdure.h: build_interface.py HEADER OUT.

The header is the only text that knows the calls: cffi reads the declarations from it. The result
needs cffi's backend to run (python3-cffi-backend), no compiler, and fits every Python 3."""

import pathlib
import re
import sys

import cffi


def declarations(header):
    """The header as cffi takes it: no preprocessor, but for macros that are numbers."""
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", header, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    numbers = re.findall(r"^#define (PERDURE_\w+) \(?(-?\d+)\)?$", text, re.MULTILINE)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE).replace("PERDURE_C_API", "")
    return text + "".join(f"#define {name} {value}\n" for name, value in numbers)


def main():
    header, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    ffi = cffi.FFI()
    ffi.cdef(declarations(header.read_text()))
    ffi.set_source("perdure.interface", None)
    out.parent.mkdir(parents=True, exist_ok=True)
    ffi.emit_python_code(str(out))


if __name__ == "__main__":
    main()
