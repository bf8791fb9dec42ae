# SPDX-License-Identifier: BSL-1.0
"""Sphinx's configuration of the site, for scripts/site."""

import logging
import os
import pathlib
import re
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["PERDURE_SITE"])

project = "perdure"
author = "the authors of perdure"
version = re.search(r'PERDURE_VERSION "(.+)"',
                    (ROOT / "include/perdure/version.hpp").read_text(encoding="utf-8"))[1]
release = version

extensions = ["myst_parser", "breathe", "sphinx.ext.autodoc"]
root_doc = "index"
highlight_language = "none"  # indented blocks are commands and output
pygments_style, pygments_dark_style = "friendly", "github-dark"

myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

breathe_projects = {"perdure": str(BUILD / "doxygen/xml")}
breathe_default_project = "perdure"
breathe_default_members = ("members",)
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}
breathe_show_include = False
cpp_id_attributes = ["PERDURE_API"]

# The package asks the built library for its version and its interface; the reference needs neither.
sys.path.insert(0, str(ROOT / "python"))
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
default_role = "literal"


class Silent:
    """Answers every call of the library with nothing."""

    def __getattr__(self, name):
        return lambda *arguments: b"" if name == "string" else Silent()


sys.modules["perdure.interface"] = types.SimpleNamespace(ffi=Silent())

html_theme = "furo"
html_title = f"perdure {version}"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]


class Namespaces(logging.Filter):
    """Each page of a header opens its namespace; Sphinx takes that for the same name again."""

    def filter(self, record):
        return not re.search(r"cpp:type:: (?:perdure|testing|oracles|presets)'",
                             record.getMessage())


def mark_code(app, what, name, of, options, lines):
    """In a docstring, as in the documents, an indented block is code."""
    lines[:] = re.sub(r"(?m)^(\S.*\n\n)(?=    )", r"\1::\n\n", "\n".join(lines)).split("\n")


def setup(app):
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", mark_code)
    logging.getLogger("sphinx.sphinx.domains.cpp").addFilter(Namespaces())
