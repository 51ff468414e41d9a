"""Options of the documentation's build: python -m sphinx -W --keep-going -b html docs docs/_build/html."""

import sys
from importlib import metadata
from pathlib import Path

from numpydoc import xref

HERE = Path(__file__).parent
# What is installed is documented and run, not the tree, which has no compiled core: `python -m` puts it first.
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != HERE.parent]
sys.path.insert(0, str(HERE / "_ext"))

project = "gdfast"
author = "The gdfast authors"
project_copyright = "The gdfast authors"
version = release = metadata.version("gdfast")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "docstrings",
    "mathml",
    "messages",
    "command_line",
    "pages",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_ext", "examples", "auto_examples/**/*.ipynb"]
exclude_patterns += ["**/sg_execution_times.rst", "sg_execution_times.rst"]
templates_path = ["_templates"]
nitpicky = True
# Words between single backquotes are names of arguments more often than of objects; a name of gdfast must be found.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", r"(?!gdfast\.[A-Z_a-z]).*"), ("py:class", r"(?!gdfast\.).*")]

# Markdown
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# The reference, from docstrings
autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "set_fit_request, set_partial_fit_request, set_score_request"}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = True
PLAIN = {"boolean": "bool", "integer": "int", "string": "str", "dictionary": "dict", "array": "numpy.ndarray"}
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "ndarray": "numpy.ndarray",
    "DataFrame": "pandas.DataFrame",
    "RandomState": "numpy.random.RandomState",
    **{name: f"gdfast.{name}" for name in ("Blocks", "EMA", "Loss", "Run", "StopReason", "Summary", "Sweep")},
    # In the place of numpydoc's own links, which need the whole inventory of Python.
    **{name: PLAIN.get(name, name) for name in xref.DEFAULT_LINKS},
}

# Links to other projects: lists of the few names that are used, so that the build needs no network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3/", "inventories/python.txt"),
    "numpy": ("https://numpy.org/doc/stable/", "inventories/numpy.txt"),
    "sklearn": ("https://scikit-learn.org/stable/", "inventories/sklearn.txt"),
    "pandas": ("https://pandas.pydata.org/docs/", "inventories/pandas.txt"),
}

# The gallery: each example is run when the site is built.
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (560, 320),
    "backreferences_dir": "reference/backreferences",
    "doc_module": ("gdfast",),
    "reference_url": {"gdfast": None},
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "remove_config_comments": True,
}

# HTML
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"gdfast {version}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["gdfast.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "github_url": "https://github.com/gdfast/gdfast",
    "logo": {"text": "gdfast"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "show_toc_level": 2,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "quick-start": [], "messages": [], "benchmarks": [], "release-notes": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
