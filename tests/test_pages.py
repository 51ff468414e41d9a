"""The pages: what they show is what comes out."""

import doctest
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = {page.name: re.findall(r"^```python\n(>>> .*?)^```", page.read_text(), re.S | re.M) for page in PAGES}


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
@pytest.mark.parametrize("page", [name for name, blocks in SHOWN.items() if blocks])
def test_examples_give_what_the_page_shows(page, tmp_path, monkeypatch):
    if any("gdfast.sklearn" in block for block in SHOWN[page]):
        pytest.importorskip("sklearn")
    if any("dask" in block for block in SHOWN[page]):
        pytest.importorskip("dask")
    monkeypatch.chdir(tmp_path)  # where the files of the examples are written
    example = doctest.DocTestParser().get_doctest("\n".join(SHOWN[page]), {}, page, page, 0)
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0
    assert result.attempted > 0


def test_links_between_pages_lead_somewhere():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([\w./-]+\.(?:md|png))", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links {target}"
