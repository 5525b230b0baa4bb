"""Sphinx configuration; settings and measured tables are written from classes and bench results at every build."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from bench_tables import write_tables
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
exclude_patterns = ["_build", "generated/*.md"]
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
    app.connect("builder-inited", write_generated)
    app.connect("autodoc-skip-member", skip_metadata)


def skip_metadata(_app: Sphinx, _what: str, name: str, *_: object) -> bool | None:
    """Leave out what scikit-learn adds to every estimator: its text points into scikit-learn's own pages."""
    return True if name.endswith("_request") or name == "get_metadata_routing" else None


def write_generated(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "generated"
    write_settings(folder)
    write_tables(folder)
