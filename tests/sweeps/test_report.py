"""The report: one page without requests, a row for each run, text escaped."""

import json
import os
import re
import sqlite3
import sys
from contextlib import closing
from html.parser import HTMLParser

import numpy as np
import pytest

import gdfast
from gdfast.sweeps.report import curves
from gdfast.sweeps.report import page as page_module
from gdfast.sweeps.report.page import write_report
from gdfast.sweeps.store import key_of, open_store

FAKE_PLOTLY = "window.Plotly = { react() {} };"
VOID = {"meta", "link", "input", "br", "img"}


@pytest.fixture(autouse=True)
def short_plotly(monkeypatch):
    """Put a short script in the place of Plotly's, which tests of its own look at."""
    monkeypatch.setattr(page_module, "plotly_script", lambda: FAKE_PLOTLY)


class Page(HTMLParser):
    """The elements of a page: (tag, attributes, text of it and of what it holds)."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.problems = [], [], []
        self.feed(text)
        self.close()
        assert not self.problems
        assert not self.open, "every element is closed"
        self.elements = [(tag, attributes, "".join(pieces)) for tag, attributes, pieces in self.elements]

    def handle_starttag(self, tag, attributes):
        element = [tag, dict(attributes), []]
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop()[0] != tag:
            self.problems.append(tag)

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def by_id(self, name):
        found = [element for element in self.elements if element[1].get("id") == name]
        assert len(found) == 1, name
        return found[0]

    def of(self, tag, **attributes):
        return [e for e in self.elements if e[0] == tag and all(e[1].get(k) == v for k, v in attributes.items())]

    def curves(self):
        return json.loads(self.by_id("curve-data")[2], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    def rows(self):
        """Return the key of each row of the table."""
        return [element[1]["data-key"] for element in self.elements if "data-key" in element[1]]


def page_of(store, tmp_path):
    write_report(store, tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_page_has_a_row_for_each_run(filled, tmp_path):
    store, keys = filled
    page = page_of(store, tmp_path)
    assert page.by_id("runs")[0] == "table"
    assert page.by_id("curves")[0] == "div"
    assert page.rows() == keys
    heads = [element[2] for element in page.of("th", scope="col")]
    assert heads == [
        "key", "alpha", "fold", "cost", "validation_cost", "epochs", "stop_reason", "solver", "seconds", "error",
    ]  # fmt: skip
    cells = [element for element in page.elements if element[0] == "td" and "data-number" in element[1]]
    costs = [float(element[1]["data-number"]) for element in cells]
    for row in store.rows()[:3]:
        assert {row["cost"], row["settings"]["alpha"], row["validation_cost"], row["epochs"]} <= set(costs)
    assert [element[1]["class"] for element in page.of("tr") if "class" in element[1]] == ["failed"]


def test_the_page_tells_settings_environment_and_data(filled, tmp_path, trained):
    page = page_of(filled[0], tmp_path)
    assert "learning_rate0.1" in page.by_id("shared")[2]
    assert "penaltyl2" in page.by_id("shared")[2]
    assert "alpha" not in page.by_id("shared")[2]
    assert "losssquared_error" in page.by_id("defaults")[2]
    environment = page.by_id("environment")[2]
    assert f"NumPy{np.__version__}" in environment
    assert f"backend{trained().backend}" in environment
    assert "f" * 32 in page.by_id("data")[2]
    assert "4 runs, 1 failed." in page.of("p")[0][2]


def test_curves_are_those_of_the_runs(filled, tmp_path, trained):
    held = page_of(filled[0], tmp_path).curves()
    assert list(held["curves"]) == filled[1][:3], "the failed one has none"
    assert len(held["grids"]) == 1, "equal epochs stand once"
    for alpha, (grid, costs) in zip((0.0, 0.1, 1.0), held["curves"].values(), strict=True):
        run = trained(penalty="l2", alpha=alpha)
        assert held["grids"][grid] == run.cost_epochs.tolist()
        np.testing.assert_allclose(costs, run.costs, rtol=1e-7)


def test_nothing_is_requested_and_no_script_of_others_runs(filled, tmp_path):
    page = page_of(filled[0], tmp_path)
    policy = page.of("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    for tag, attributes, _ in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "img")
        assert not {"src", "action", "srcset", "background"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "data:,") == "data:,"
    assert not re.search(r"url\(|@import", "".join(element[2] for element in page.of("style")))
    assert len(page.of("script")) == 3


EVIL = "</script><script>alert(1)</script><!-- <b onclick='x'>&amp; \" {{rows}} %{x}"


def test_text_is_escaped(tmp_path, trained):
    class Named:
        def __repr__(self):
            return EVIL

        def __call__(self, epoch):
            return 0.1

    X, y = trained.data
    store = open_store(tmp_path / f"{EVIL.replace('/', '')}.db", f"print {EVIL}")
    runs = [gdfast.fit(X, y, learning_rate=rate, epochs=3) for rate in (Named(), 0.1)]
    for run in runs:
        store.add(key_of(run.settings, None), run.settings, None, run)
    store.add("a" * 64, run.settings, 1, error=f"error {EVIL}")
    page = page_of(store, tmp_path)
    assert len(page.of("script")) == 3
    assert len(page.of("b")) == 0
    assert EVIL in [element[2] for element in page.of("td")]
    assert f"error {EVIL}" in [element[2] for element in page.of("td")]
    assert f"print {EVIL}" in page.by_id("data")[2]
    assert page.of("title")[0][2].startswith("<script>")
    assert len(page.rows()) == 3


def test_a_key_of_a_forged_store_is_escaped(filled, path, tmp_path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE runs SET key = ? WHERE rowid = 1", ["</script><b>"])
        connection.commit()
    page = page_of(filled[0], tmp_path)
    assert page.rows()[0] == "</script><b>"
    assert len(page.of("b")) == 0


def test_a_page_without_runs(path, tmp_path):
    page = page_of(open_store(path), tmp_path)
    assert page.rows() == []
    assert page.curves() == {"grids": [], "curves": {}}
    assert "0 runs." in page.of("p")[0][2]


def test_a_run_without_a_history_has_no_curve(path, tmp_path, trained):
    store, run = open_store(path), trained(history="none")
    store.add("a" * 64, run.settings, None, run)
    page = page_of(store, tmp_path)
    assert len(page.rows()) == 1
    assert page.curves()["curves"] == {}


def test_5000_runs(filled, path, tmp_path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4996) "
            "INSERT INTO runs (key, settings, finished, cost, run, environment) SELECT printf('%064x', i), "
            "json_set(settings, '$.alpha', i), finished, cost, run, environment FROM n, runs WHERE runs.rowid = 1"
        )
        connection.commit()
    page = page_of(filled[0], tmp_path)
    assert len(page.rows()) == 5000
    assert len(page.curves()["curves"]) == 4999
    assert (tmp_path / "report.html").stat().st_size < 10_000_000


def test_the_size_of_a_page_is_bounded(monkeypatch):
    monkeypatch.setattr(curves, "ALL_POINTS", 5000)
    history = {"epoch": np.arange(100_000), "cost": np.exp(-np.arange(100_000) / 1e4)}
    held = json.loads(curves.curves_as_json(((str(number), history) for number in range(20)), 20))
    for grid, costs in held["curves"].values():
        epochs = held["grids"][grid]
        assert len(costs) == len(epochs) <= 250
        assert (epochs[0], epochs[-1]) == (0, 99_999)
        assert epochs[1:4] == [1, 2, 3], "the beginning, for logarithmic epochs"
        assert max(np.diff(epochs)) < 1000, "and evenly, for linear ones"
        np.testing.assert_allclose(costs, history["cost"][epochs], rtol=1e-7)
    assert curves.places(5, 250).tolist() == [0, 1, 2, 3, 4]


def test_costs_that_are_no_numbers_are_gaps():
    history = {"epoch": np.arange(3), "cost": np.array([np.nan, np.inf, 1.0])}
    assert json.loads(curves.curves_as_json([("a", history)], 1))["curves"]["a"] == [0, [None, None, 1.0]]


def test_numbers_sort_as_javascript_reads_them():
    assert page_module.cell(np.inf, "inf") == '<td data-number="Infinity">inf</td>'
    assert page_module.cell(-np.inf, "-inf") == '<td data-number="-Infinity">-inf</td>'
    assert page_module.cell(3, "3") == '<td data-number="3.0">3</td>'
    assert page_module.cell(True, "True") == "<td>True</td>"
    assert page_module.cell(None, "<a>") == "<td>&lt;a&gt;</td>"


def test_the_page_is_written_whole_or_not_at_all(filled, path, tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("before", encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE runs SET run = X'00' WHERE rowid = 2")
        connection.commit()
    with pytest.raises(gdfast.StoreError, match="is damaged"):
        write_report(filled[0], target)
    assert target.read_text(encoding="utf-8") == "before"
    with pytest.raises(FileNotFoundError):
        write_report(open_store(tmp_path / "empty.db"), tmp_path / "none" / "report.html")
    assert sorted(os.listdir(tmp_path)) == ["empty.db", "report.html", "runs.db"]


def test_the_template_names_no_part_that_is_missing():
    text = (page_module.resources.files("gdfast.sweeps.report") / "page.html").read_text(encoding="utf-8")
    assert "rows" in page_module.PLACE.findall(text)
    assert not re.search(r"https?://", text)


def test_plotlys_script_is_in_the_page(filled, tmp_path, monkeypatch):
    plotly = pytest.importorskip("plotly.offline")
    monkeypatch.undo()
    write_report(filled[0], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert plotly.get_plotlyjs() in text
    page = Page(text)
    assert len(page.of("script")) == 3
    assert page.rows() == filled[1]


def test_without_plotly_the_error_says_what_to_install(filled, tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r'a report needs plotly; pip install "gdfast\[plot\]"'):
        write_report(filled[0], tmp_path / "report.html")
    assert os.listdir(tmp_path) == ["runs.db"]
