"""The site: python -m sphinx -W -b html docs site-docs. It is built without a network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import found  # noqa: E402 - the pages' own programs, beside this file
import rooms  # noqa: E402

import devmemkit  # noqa: E402

project = "devmemkit"
author = copyright = "The devmemkit authors"
version = release = devmemkit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["made", "paper"]  # a journal sets the paper from its own Markdown
html_theme = "furo"
html_title = f"devmemkit {version}"
html_copy_source = html_show_sourcelink = False
html_static_path = ["print.css"]
html_css_files = [("print.css", {"media": "print"})]
default_role = "code"
add_module_names = False  # the reference shows public names, not where they are defined
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
myst_heading_anchors = 3

made = HERE / "made"  # git does not know it
made.mkdir(exist_ok=True)
(made / "rooms.svg").write_text(rooms.picture(rooms.read()), encoding="utf-8")
(made / "found.md").write_text(found.page(found.weighed()), encoding="utf-8")
