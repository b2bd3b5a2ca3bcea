"""Settings of Sphinx for the documentation site; ``build_site.py`` runs it.

Nothing on a page is loaded from another computer: the theme uses the fonts of the system, the search is a script of the
site, and no extension that links to a content delivery network is switched on.
"""

import cxr_attention_sr  # by build_site.py: the package of this tree

project = "cxr-attention-sr"
version = release = cxr_attention_sr.__version__
copyright = "the authors of cxr-attention-sr, Apache-2.0"
html_title = f"{project} {version}"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
templates_path: list[str] = []

# Markdown and notebooks. The outputs of a notebook are those that are stored in it (make tutorials).
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [("html", "text/html", 5)]

# Docstrings in Google style. Types come from the annotations.
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# A link to a page, a heading or a picture that does not exist is an error. Names of Python are left out: types of torch
# and MONAI have their pages elsewhere, and the docstrings also refer to internal modules, which have none.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]

smartquotes = False  # texts of the program are shown as they are

html_theme = "furo"
html_static_path: list[str] = []
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # a page that is opened as a file may not read the pages that it found
html_theme_options = {"footer_icons": []}
