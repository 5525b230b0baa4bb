"""Sphinx configuration; the settings reference is written from the settings classes at every build."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from settings_reference import write_settings

project = "qloop"
author = "the qloop authors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
]
html_theme = "furo"
html_title = "qloop"
html_show_copyright = False
exclude_patterns = ["_build", "generated/settings.md"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 2
# Examples in docstrings see their module; pytest runs those.
doctest_test_doctest_blocks = ""
autosummary_generate = True
default_role = "code"
autodoc_member_order = "bysource"
# The docstrings state meaning, shape and unit; array types written out would drown them.
autodoc_typehints = "none"
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Source", "notes")]


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", lambda app: write_settings(Path(app.srcdir) / "generated"))
