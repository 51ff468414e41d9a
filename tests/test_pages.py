"""The pages: what they show is what comes out, and their links lead somewhere."""

import doctest
import re
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# What the build of the site writes below docs/: not in the repository, and checked by the build.
GENERATED = ("_build", "auto_examples", "messages.md", "reference/backreferences", "reference/generated")
GENERATED += ("reference/command-line.md",)


def is_generated(path):
    place = path.relative_to(DOCS).as_posix() if path.is_relative_to(DOCS) else ""
    return any(place == name or place.startswith(f"{name}/") for name in GENERATED)


PAGES = [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if not is_generated(page))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def name_of(page):
    return page.relative_to(ROOT / "docs" if page.is_relative_to(DOCS) else ROOT).as_posix()


def shown_blocks(text):
    """Return the blocks of Python that begin with a prompt, also those within lists."""
    return [textwrap.dedent(block) for block in re.findall(r"^ *```python\n( *>>> .*?)^ *```", text, re.S | re.M)]


SHOWN = {name_of(page): shown_blocks(page.read_text()) for page in PAGES}


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
@pytest.mark.parametrize("page", [name for name, blocks in SHOWN.items() if blocks])
def test_examples_give_what_the_page_shows(page, tmp_path, monkeypatch):
    if any("sklearn" in block for block in SHOWN[page]):
        pytest.importorskip("sklearn")
    if any("dask" in block for block in SHOWN[page]):
        pytest.importorskip("dask")
    if any("matplotlib" in block for block in SHOWN[page]):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)  # where the files of the examples are written
    example = doctest.DocTestParser().get_doctest("\n".join(SHOWN[page]), {}, page, page, 0)
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0
    assert result.attempted > 0


def without_code(text):
    return re.sub(r"^ *(```+).*?^ *\1", "", text, flags=re.S | re.M)


def anchors(page):
    """Return the anchors of a page: of its headings, by GitHub's rule, and those that are written out."""
    text = without_code(page.read_text())
    headings = re.findall(r"^#{1,4} +(.+?) *$", text, re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    slugs = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain]
    return {*slugs, *re.findall(r"^\(([\w-]+)\)=$", text, re.M)}


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in LINKED])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", without_code(page.read_text())):
        file = (page.parent / target).resolve() if target else page
        if is_generated(file):
            continue
        assert file.exists(), f"{page.name} links {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links {target}#{anchor}"


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_pages_in_a_table_of_contents_exist(page):
    """Cards and tables of contents name pages without their ending, from the page that they stand in."""
    text = page.read_text()
    tables = "\n".join(re.findall(r"^```{toctree}\n(.*?)^```", text, re.S | re.M))
    names = re.findall(r"^([\w/-]+)$", tables, re.M)
    for name in [*names, *re.findall(r"^:link: ([\w/-]+)$", text, re.M)]:
        file = (page.parent / f"{name}.md").resolve()
        assert is_generated(file) or file.exists(), f"{page.name} lists {name}"
