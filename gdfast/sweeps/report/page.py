"""The page of a report, made of its template: text is escaped, and nothing in it is loaded from elsewhere."""

import html
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from gdfast._utils.storage import file_name, write_whole
from gdfast.options.declarations import DEFAULTS
from gdfast.sweeps.keys import as_text, differing, settings_as_json, shown_setting
from gdfast.sweeps.report.curves import curves_as_json
from gdfast.sweeps.report.summary import result_names, short_keys, shown_result
from gdfast.sweeps.store import Store

__all__ = ["write_report"]

PLACE = re.compile(r"\{\{(\w+)\}\}")  # of a part in the template


def write_report(store: Store, path: str | os.PathLike[str]) -> int:
    """Write the page on a store, whole or not at all; return how many runs it has."""
    script, rows = plotly_script(), store.rows()
    page = page_of(store, rows, script).encode("utf-8", "replace")
    write_whole(file_name(path), lambda file: file.writelines([page]))
    return len(rows)


def plotly_script() -> str:
    """Return Plotly's own script, which the page holds whole."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError('a report needs plotly; pip install "gdfast[plot]"') from error
    return str(get_plotlyjs())


def page_of(store: Store, rows: Sequence[dict[str, Any]], script: str) -> str:
    """Return the page."""
    keys = [row["key"] for row in rows if row["error"] is None]
    names = differing([row["settings"] for row in rows])
    failed = len(rows) - len(keys)
    parts = {
        "title": html.escape(os.path.basename(store.name)),
        "count": f"{len(rows):,} run{'' if len(rows) == 1 else 's'}" + (f", {failed:,} failed" if failed else ""),
        "finished": finished(rows),
        "names": "".join(table_head(rows, names)),
        "rows": "".join(table_rows(rows, names)),
        "shared": table(shared_settings(rows, names)),
        "defaults": table(shared_settings(rows, names, defaults=True)),
        "environment": table(environments(rows)),
        "fingerprints": ", ".join(html.escape(str(one)) for one in dict.fromkeys(row["fingerprint"] for row in rows)),
        "curves": curves_as_json(store.histories(keys), len(keys)).replace("<", r"\u003c"),
        "plotly": script,
    }
    template = resources.files("gdfast.sweeps.report").joinpath("page.html").read_text(encoding="utf-8")
    return PLACE.sub(lambda place: parts[place[1]], template)


def finished(rows: Sequence[dict[str, Any]]) -> str:
    """Return when the first and the last run finished."""
    times = sorted(row["finished"] for row in rows)
    return html.escape(f"Finished from {times[0]} to {times[-1]}.") if times else ""


def table_head(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """Yield the cells of the table's head."""
    results = result_names(rows)
    for name in ("key", *[one if one not in results else f"{one} (setting)" for one in names], *results):
        yield f'<th scope="col" tabindex="0" aria-sort="none">{html.escape(name)}</th>'


def table_rows(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """Yield the rows of the table; a number is an attribute of its cell, which sorts by it."""
    short, results = short_keys(rows), result_names(rows)
    for row in rows:
        cells = [f"<td><code>{html.escape(short[row['key']])}</code></td>"]
        cells += [cell(row["settings"].get(name), shown_setting(row["settings"].get(name))) for name in names]
        cells += [cell(row[name], shown_result(row[name])) for name in results]
        kind = "" if row["error"] is None else ' class="failed"'
        yield f'<tr data-key="{html.escape(row["key"])}"{kind}>{"".join(cells)}</tr>\n'


def cell(value: Any, shown: str) -> str:
    """Return a cell of the table."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    sorted_by = f' data-number="{javascript_number(value)}"' if number else ""
    return f"<td{sorted_by}>{html.escape(shown)}</td>"


def javascript_number(value: float) -> str:
    """Return a number as JavaScript reads it."""
    return repr(float(value)) if math.isfinite(value) else "-Infinity" if value < 0 else "Infinity"


def shared_settings(
    rows: Sequence[dict[str, Any]], names: Sequence[str], defaults: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield the settings that all runs share: those that are defaults, or those that are not."""
    known = settings_as_json(DEFAULTS)
    for name, value in rows[0]["settings"].items() if rows else ():
        if name not in names and (as_text(value) == as_text(known.get(name))) == defaults:
            yield name, shown_setting(value)


def environments(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what the runs were computed with; where there are several, how many runs each has."""
    for name in dict.fromkeys(name for row in rows for name in row["environment"]):
        counts = Counter(str(row["environment"].get(name)) for row in rows)
        yield name, several(counts)
    backends = Counter(row["backend"] for row in rows if row["backend"] is not None)
    if backends:
        yield "backend", several(backends)


def several(counts: Counter[str]) -> str:
    """Return a value, or several with the numbers of their runs."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count:,} runs)" for value, count in counts.most_common())


def table(entries: Iterator[tuple[str, str]]) -> str:
    """Return the rows of a table of names and values."""
    return "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>\n' for name, value in entries
    )
