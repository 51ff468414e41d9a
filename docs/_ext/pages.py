"""Pages that stand outside of docs/: their links are written for GitHub, and lead to the site's pages here."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GITHUB = "https://github.com/gdfast/gdfast/blob/main/"
# What the site has of the files at the top of the repository.
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "release-notes.md", "README.md": "index.md"}
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?(\))")


def rewritten(docname, text):
    """Return Markdown whose links to files at the top of the repository lead to pages of the site or to GitHub."""
    page = ROOT / "docs" / f"{docname}.md"
    included = docname in ("contributing", "release-notes")
    base = ROOT if included else page.parent

    def target(match):
        opening, path, anchor, closing = match.groups()
        file = (base / path).resolve()
        if not file.is_relative_to(ROOT):
            return match[0]
        place = file.relative_to(ROOT).as_posix()
        if place in PAGES:
            path = "/" + PAGES[place]
        elif place.startswith("docs/") and included:
            path = "/" + place.removeprefix("docs/")
        elif not place.startswith("docs/"):
            path = GITHUB + place
        return f"{opening}{path}{anchor or ''}{closing}"

    return LINK.sub(target, text)


def read(app, docname, source):
    """Rewrite a page when Sphinx reads it; put in the file that a page stands for."""
    file = app.env.doc2path(docname)
    if not str(file).endswith(".md"):
        return
    for name, page in PAGES.items():
        if f"{docname}.md" == page and page != "index.md":
            source[0] = (ROOT / name).read_text(encoding="utf-8")
            app.env.note_dependency(str(ROOT / name))
    # Doctests may end with an empty line, which the site does not show.
    source[0] = re.sub(r"\n\n( *```)$", r"\n\1", rewritten(docname, source[0]), flags=re.M)


def setup(app):
    """Connect the extension."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
