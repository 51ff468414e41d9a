"""Docstrings are plain text: marks that mean something to reStructuredText, as in |w| or coef_, are escaped here."""

import re

PARTS = re.compile(r"(``.*?``|`[^`]*`(?!_))")
TERM = re.compile(r":term:`([^`]*)`")  # scikit-learn's glossary, in docstrings that are inherited
MARKS = [
    (re.compile(r"(?<!\\)\|"), r"\\|"),
    (re.compile(r"(?<=\w)_(?=[^\w`]|$)"), r"\\_"),
    (re.compile(r"(?<![\\*\w])\*(?=[^\s*])"), r"\\*"),
]
PARAMETERS = re.compile(r"^([\w*]+(?:, [\w*]+)*)( : .*)?$")


def escape(app, what, name, obj, options, lines):
    """Escape the lines of a docstring in place, but for code and for names that numpydoc escapes itself."""
    in_code = False
    for i, line in enumerate(lines):
        in_code = line.lstrip().startswith(">>>") or (in_code and bool(line.strip()))
        if in_code or set(line.strip()) <= set("-= "):
            continue
        if names := PARAMETERS.match(line):  # numpydoc escapes the last name alone
            names_alone, rest = names[1], names[2] or ""
            lines[i] = names_alone.replace("_,", "\\_,") + rest.replace("_,", "\\_,").replace("_)", "\\_)")
            continue
        parts = PARTS.split(line)
        for place, part in enumerate(parts):
            if place % 2 == 0:
                for mark, written in MARKS:
                    part = mark.sub(written, part)
                parts[place] = part
        lines[i] = "".join(parts)


def without_terms(app, what, name, obj, options, lines):
    """Take away the roles of another project's glossary."""
    lines[:] = [TERM.sub(r"\1", line) for line in lines]


def is_of_scikit_learn(app, what, name, obj, skip, options):
    """Leave out members that an estimator inherits from scikit-learn, whose own site documents them."""
    function = getattr(obj, "fget", None) or getattr(obj, "__wrapped__", obj)
    return True if str(getattr(function, "__module__", "")).startswith("sklearn") else None


def setup(app):
    """Connect the extension, before numpydoc's."""
    app.connect("autodoc-process-docstring", escape, priority=400)
    app.connect("autodoc-process-docstring", without_terms, priority=600)
    app.connect("autodoc-skip-member", is_of_scikit_learn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
