"""Write docs/benchmarks.md and its figures.

    python benchmarks/page.py                          # measures first: some ten minutes on an idle machine
    python benchmarks/page.py peers.json curves.json   # from what peers.py --json and curves.py --json wrote

The words are here, the numbers are measured: no line of the page is written by hand.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Row = dict[str, Any]
HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
AXES = {"n": "rows n", "d": "features d", "epochs": "epochs"}
FIXED = {"n": "20 features, 10 epochs", "d": "10,000 rows, 10 epochs", "epochs": "1,000 rows, 10 features"}
STYLES = {
    "gdfast": {"color": "C0", "marker": "o"},
    "gdfast, closed form": {"color": "C4", "marker": "D"},
    "scikit-learn": {"color": "C1", "marker": "s"},
    "NumPy loop": {"color": "C2", "marker": "^"},
    "careful NumPy loop": {"color": "C3", "marker": "v"},
}
LIMIT = "reading X once an epoch from memory"


# Figures.


def draw_axis(curves: dict[str, Any], axis: str, path: Path) -> None:
    """Draw the seconds of fits along n, d or epochs, an algorithm a panel."""
    rows = [row for row in curves["rows"] if row["axis"] == axis]
    algorithms = list(dict.fromkeys(row["algorithm"] for row in rows))
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(algorithms), sharey=True)
    handles: dict[str, Any] = {}
    for panel, algorithm in zip(panels, algorithms, strict=True):
        handles |= draw_panel(panel, [row for row in rows if row["algorithm"] == algorithm], axis)
        points = sorted({(row[axis], 8 * row["n"] * row["d"] * row["epochs"]) for row in rows})
        seconds = [size / curves["machine"]["streaming_read"] for _, size in points]
        (handles[LIMIT],) = panel.plot([place for place, _ in points], seconds, "--", color="gray")
        panel.set(title=algorithm, xlabel=AXES[axis], xscale="log", yscale="log")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("seconds of a whole fit")
    figure.suptitle(FIXED[axis])
    order = [*(name for name in STYLES if name in handles), LIMIT]
    figure.legend([handles[name] for name in order], order, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=72, pil_kwargs={"optimize": True})


def draw_panel(panel: Axes, rows: list[Row], axis: str) -> dict[str, Any]:
    """Draw the curves of one algorithm, and return them by the names of their methods."""
    handles = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        points = [(row[axis], row["seconds"]) for row in rows if row["method"] == method]
        (handles[method],) = panel.plot(*zip(*points, strict=True), markersize=4, linewidth=1.2, **STYLES[method])
    return handles


def draw_ratios(rows: list[Row], path: Path) -> None:
    """Draw how many times faster than its peer each row is, a line for each group and peer."""
    names = list(dict.fromkeys(about(row) for row in rows))
    figure = Figure(figsize=(8, 0.6 + 0.27 * len(names)), layout="constrained")
    panel = figure.add_subplot()
    for dtype, lift, marker in (("float64", -0.12, "o"), ("float32", 0.12, "s")):
        for slower, color in ((False, "C0"), (True, "C3")):
            chosen = [row for row in rows if row["dtype"] == dtype and (row["ratio"] < 1) == slower]
            places = [names.index(about(row)) + lift for row in chosen]
            label = f"{dtype}{', slower than the peer' if slower else ''}"
            style = {"color": color, "marker": marker, "markerfacecolor": color if dtype == "float64" else "white"}
            panel.plot([row["ratio"] for row in chosen], places, linestyle="", label=label, markersize=5, **style)
    panel.axvline(1.0, color="gray", linewidth=1)
    panel.set_yticks(range(len(names)), names, fontsize=8)
    panel.invert_yaxis()
    panel.set(xscale="log", xlabel="the peer's time divided by gdfast's (below 1: gdfast is slower)")
    panel.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, dpi=72, pil_kwargs={"optimize": True})


# Tables.


def about(row: Row) -> str:
    """Return group and peer."""
    return f"{row['group']} / {row['peer']}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    head = list(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows))


def times(value: float) -> str:
    """Return a ratio; in bold where gdfast is slower."""
    return f"{value:.2f}" if value >= 1 else f"**{value:.2f}**"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:,.0f}"


def duel_line(row: Row) -> Iterator[str]:
    """Yield the cells of a row against a peer."""
    yield from (f"{row['n']:,} x {row['d']:,}", row["dtype"], f"{row['epochs']:,}")
    yield from (milliseconds(row[f"{side}_seconds"] / row["epochs"]) for side in ("ours", "theirs"))
    yield from (times(row["ratio"]), f"{row['goal']:g}", f"{row['of_streaming_read']:.0%}")
    yield from (f"{row['loss_ours']:.7g}", f"{row['loss_theirs']:.7g}", f"{row['ordered_difference']:.0e}", row["note"])


DUEL_HEAD = ("shape", "dtype", "epochs", "gdfast, ms an epoch", "peer, ms an epoch", "times faster", "goal")
DUEL_HEAD += ("of streaming read", "loss, gdfast", "loss, peer", "in one order apart by", "fastest of several")


def groups(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of each group and peer."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(about(row), []).append(row)
    return found


def all_rows(duels: list[Row]) -> str:
    """Return every row against a peer, a table for each group and peer."""
    parts = []
    for name, rows in groups(duels).items():
        texts = "; ".join(dict.fromkeys(row["algorithm"] for row in rows))
        parts.append(f"### {name}\n\n{texts}\n\n{table(DUEL_HEAD, map(duel_line, rows))}")
    return "\n\n".join(parts)


def means(duels: list[Row]) -> str:
    """Return lowest, geometric mean and highest ratio of each group, peer and dtype."""
    lines = []
    for name, rows in groups(duels).items():
        for dtype in dict.fromkeys(row["dtype"] for row in rows):
            ratios = [row["ratio"] for row in rows if row["dtype"] == dtype]
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            lines.append((name, dtype, str(len(ratios)), *map(times, (min(ratios), mean, max(ratios)))))
    return table(("group / peer", "dtype", "rows", "lowest", "geometric mean", "highest"), lines)


def listed(lines: Iterable[str], none: str) -> str:
    """Return lines as a list, or what to say where there are none."""
    return "\n".join(f"- {line}" for line in lines) or none


# The page.


def slower_on_curves(rows: list[Row]) -> Iterator[str]:
    """Yield the points of the figures at which another method takes less than the faster of gdfast's."""
    points: dict[str, dict[str, Row]] = {}
    for row in rows:
        work = f"{row['algorithm']}, {row['n']:,} x {row['d']:,}, {row['epochs']:,} epochs"
        points.setdefault(work, {})[row["method"]] = row
    for work, methods in points.items():
        ours = min(row["seconds"] for name, row in methods.items() if name.startswith("gdfast"))
        for name, row in methods.items():
            if row["seconds"] < ours:
                seconds = f"{milliseconds(ours)} ms against {milliseconds(row['seconds'])} ms"
                yield f"{work} / {name}: {row['seconds'] / ours:.2f} times as fast, {seconds}"


def shortfalls(rows: list[Row], duels: list[Row], curves: dict[str, Any]) -> str:
    """Return what is slower, missed, absent or unequal."""
    slower = [f"{row['name']}: {row['ratio']:.2f} times as fast" for row in duels if row["ratio"] < 1]
    slower += slower_on_curves(curves["rows"])
    missed = [f"{row['name']}: {row['ratio']:.2f}, goal {row['goal']:g}" for row in duels if not row["met"]]
    absent = [f"{row['name']}: {row['status']}" for row in rows if row["status"] != "measured"]
    absent += [
        f"first call of {row['name']}: absent: {row['absent']}" for row in curves["first_calls"] if "absent" in row
    ]
    unequal = [f"{row['name']}: {row['loss_ours']!r} and {row['loss_theirs']!r}" for row in duels if row["unequal"]]
    unequal += [f"{row['algorithm']}, {row['n']:,} x {row['d']:,}" for row in curves["rows"] if row["unequal"]]
    return f"""Slower than a peer:

{listed(slower, "None of the rows measured.")}

Below the goal that the row has in `benchmarks/peers.py`:

{listed(missed, "None.")}

Not supported, or not installed where this was measured:

{listed(absent, "None.")}

Ended at another loss (all others ended at the same, see below):

{listed(unequal, "None.")}"""


def compile_table(curves: dict[str, Any]) -> str:
    """Return what a first call costs beyond later ones."""
    found = [row for row in curves["first_calls"] if "first" in row]
    lines = [(row["name"], *(milliseconds(row[key]) for key in ("first", "later"))) for row in found]
    return table(("", "first call, ms", "later calls, ms"), lines)


def text(peers: dict[str, Any], curves: dict[str, Any]) -> str:
    """Return the page."""
    machine, rows = peers["machine"], peers["rows"]
    duels = [row for row in rows if row["ratio"]]
    others = [row for row in rows if row["status"] == "measured" and not row["ratio"]]
    read = f"{machine['streaming_read'] / 1e9:.1f} GB/s"
    facts = {key: str(value) for key, value in machine.items() if key not in ("virtual", "quick", "streaming_read")}
    facts |= {"threads": "1, pinned to one core, on both sides", "streaming read": f"{read}, one thread"}
    shared = """
A shared virtual machine: seconds move by tens of per cent from run to run. Both sides are timed in turn within one
process and the best of the rounds counts, so ratios move less; do not read a few per cent out of them."""
    figures = "\n\n".join(f"![seconds of fits against {AXES[axis]}](benchmarks-{axis}.png)" for axis in AXES)
    return f"""# Benchmarks

Written by `python benchmarks/page.py`, which measures anew: make it on an idle machine. What is measured stands in
`benchmarks/peers.py` and `benchmarks/curves.py`; seconds of another machine mean nothing, so measure on your own.

{table(("", ""), facts.items())}
{shared if machine["virtual"] else ""}

## What is compared

- The same work on both sides: the algorithm named with each table, as many epochs, one rate, one objective. With the
  rows in one order both end at one loss to rounding (column "in one order apart by", measured by one function in
  float64); for the clock each side then shuffles for itself, and losses differ by the noise of the order.
- Whole calls, data already in memory, the best of {machine["rounds"]} rounds; a turn lasts 0.1 s at least. Of several
  loops of a peer the fastest counts.
- To JAX's advantage its arrays are on its device and its program is compiled before the clock starts; what compiling
  costs stands apart below. The careful NumPy loops have laid out their tables before.
- The physical limit is reading X once an epoch: {read} from memory on this core. "Of streaming read" above 100 % means
  that X stayed in a cache.

## Where gdfast loses

{shortfalls(rows, duels, curves)}

## Times faster

![times faster than each peer](benchmarks-peers.png)

{means(duels)}

## Against n, d and epochs

Squared error in float64. SGD has an l2 penalty, the others none. Dashed: {LIMIT}, {read}; what lies below it has X in a
cache or, the closed form, reads X once in all. A curve ends where a call would take more than some seconds.

{figures}

## First calls and compiling

100 epochs of logistic regression on 300 x 2, each in a process of its own; imports are not in it.

{compile_table(curves)}

{listed((f"{row['name']}: {row['note']}" for row in others), "")}

## All rows

{all_rows(duels)}
"""


def measured(place: str) -> list[str]:
    """Run both measurements, and return their files."""
    files = []
    for name in ("peers", "curves"):
        files.append(str(Path(place, f"{name}.json")))
        # Not checked: an unequal row makes it fail, and stands on the page.
        subprocess.run([sys.executable, str(HERE / f"{name}.py"), "--json", files[-1]], check=False)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="peers.json and curves.json; measured where not given")
    parser.add_argument("--out", type=Path, default=DOCS, help="the folder to write to: docs")
    options = parser.parse_args()
    if len(options.files) not in (0, 2):
        parser.error("either both files or none")
    with tempfile.TemporaryDirectory() as place:
        files = options.files or measured(place)
        peers, curves = (json.loads(Path(file).read_text(encoding="utf-8")) for file in files)
    (options.out / "benchmarks.md").write_text(text(peers, curves), encoding="utf-8")
    draw_ratios([row for row in peers["rows"] if row["ratio"]], options.out / "benchmarks-peers.png")
    for axis in AXES:
        draw_axis(curves, axis, options.out / f"benchmarks-{axis}.png")


if __name__ == "__main__":
    main()
