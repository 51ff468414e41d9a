"""Reports of measurements: worse counts of instructions, and the page that shows losses as plainly as wins."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import gdfast

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name):
    spec = spec_from_file_location(f"gdfast_benchmarks_{name}", BENCHMARKS / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("more", "compiler", "worse"),
    [(0.03, "gcc 12.2.0", False), (-0.5, "gcc 12.2.0", False), (0.2, "gcc 12.2.0", True),
     (0.2, "clang 19.1.7", False), (0.4, "clang 19.1.7", True)],
)  # fmt: skip
def test_worse_counts_are_reported(more, compiler, worse, capsys):
    stored = {"compiler": "gcc 12.2.0", "instructions": {"SGD": 100.0, "batch": 7.0}}
    found = {"compiler": compiler, "instructions": {"SGD": 100.0 * (1 + more), "batch": 7.0, "new": 1.0}}
    assert script("instructions").judge(found, stored) == (["SGD"] if worse else [])
    printed = capsys.readouterr().out
    assert ("MORE" in printed) == worse
    assert ("built by clang 19.1.7" in printed) == (compiler == "clang 19.1.7")
    assert "new: --write" in printed


def duel(group, ratio, **others):
    row = {"name": f"{group} / peer", "group": group, "peer": "peer", "algorithm": "SGD", "n": 1000, "d": 10}
    row |= {"dtype": "float64", "goal": 2.0, "status": "measured", "unequal": False, "note": "", "epochs": 5}
    row |= {"ratio": ratio, "met": ratio is not None and ratio >= 2.0, "ours_seconds": 0.01}
    if ratio:
        row |= {"theirs_seconds": ratio * 0.01, "of_streaming_read": 0.5, "ordered_difference": 1e-15}
        row |= {"loss_ours": 0.125, "loss_theirs": 0.125}
    return row | others


def curve(method, axis, **others):
    row = {"axis": axis, "algorithm": "SGD", "method": method, "n": 100, "d": 10, "epochs": 5}
    second = dict(row, **{axis: 1000})
    both = [dict(each, seconds=0.01, loss=0.1, difference=0.0, unequal=False) for each in (row, second)]
    both[1]["seconds"] = 0.01 if method == "gdfast" else 0.005
    others_too = [dict(each, algorithm=algorithm) for algorithm in ("SGD", "full batch") for each in both]
    return [dict(each, **others) for each in others_too]


def test_page_shows_losses_as_plainly_as_wins(tmp_path, monkeypatch):
    page = script("page")
    machine = {"cpu": "a processor", "virtual": True, "rounds": 1, "quick": False, "streaming_read": 1e10}
    rows = [duel("won", 3.0), duel("lost", 0.5), duel("odd", 2.5, unequal=True)]
    rows += [duel("absent", None, status="not supported: a reason"), duel("import", None, note="1 ms more")]
    firsts = [{"name": "gdfast, numba", "first": 4.0, "later": 0.001}, {"name": "JAX", "absent": "No module"}]
    curves = [row for axis in page.AXES for method in ("gdfast", "scikit-learn") for row in curve(method, axis)]
    peers, found = (tmp_path / name for name in ("peers.json", "curves.json"))
    peers.write_text(page.json.dumps({"machine": machine, "rows": rows}), encoding="utf-8")
    found.write_text(page.json.dumps({"machine": machine, "rows": curves, "first_calls": firsts}), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["page.py", str(peers), str(found), "--out", str(tmp_path)])
    page.main()
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    losses = text[text.index("## Where gdfast loses") : text.index("## Times faster")]
    assert "lost / peer: 0.50 times as fast" in losses
    assert "SGD, 1,000 x 10, 5 epochs / scikit-learn: 0.50 times as fast, 10 ms against 5 ms" in losses
    assert "absent / peer: not supported: a reason" in losses
    assert "first call of JAX: absent" in losses
    assert "odd / peer: 0.125 and 0.125" in losses
    assert "won" not in losses
    assert "**0.50**" in text
    assert "shared virtual machine" in text
    assert "| gdfast, numba | 4,000 | 1 |" in text
    assert all((tmp_path / f"benchmarks-{name}.png").stat().st_size < 60_000 for name in (*page.AXES, "peers"))


@pytest.mark.skipif(gdfast.backends.available()["cython"] is not None, reason="no compiled core here")
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
def test_side_by_side_compares_equal_work(alpha, capsys):
    pytest.importorskip("sklearn")
    best = script("side_by_side").compare(2000, 3, alpha, rounds=1, epochs=2, count=3)
    assert min(best.values()) > 0
    assert "2,000 x 3" in capsys.readouterr().out
