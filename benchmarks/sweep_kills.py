"""Kills of a stored sweep at random moments, each followed by the same call: nothing is lost, and nothing runs twice.

    python benchmarks/sweep_kills.py [--kills 100] [--seed 0]

A child runs the sweep and writes a line for each run that it has kept; it is killed (SIGKILL) at a random moment, and
the same call begins again. At the end the table equals that of a sweep without a store, and no run whose row was in
the store before a call was trained by it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gdfast
from gdfast.sweeps.store import open_store

COUNT = 60


def work() -> tuple[np.ndarray, np.ndarray, dict]:
    """Return data and the grid."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=200)
    rates = np.geomspace(1e-3, 1e-1, COUNT // 2).tolist()
    return X, y, {"learning_rate": rates, "batch_size": [4, None], "epochs": 300, "seed": 1}


def child(store: str) -> None:
    """Run the sweep, saying what is trained."""
    from gdfast.sweeps import grid

    keep = grid.Grid.keep

    def said(self: grid.Grid, i: int, result: object, keys: list[str]) -> None:
        print("trained", keys[i], flush=True)
        keep(self, i, result, keys)  # type: ignore[arg-type]

    grid.Grid.keep = said  # type: ignore[method-assign]
    X, y, options = work()
    print("begun", flush=True)
    gdfast.sweep(X, y, store=store, **options)
    print("finished", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.2, help="mean time until a kill")
    parser.add_argument("--child")
    chosen = parser.parse_args()
    if chosen.child is not None:
        child(chosen.child)
        return
    rng = np.random.default_rng(chosen.seed)
    kills, sweeps, rows_kept = 0, 0, []
    X, y, options = work()
    expected = gdfast.sweep(X, y, **options)
    with tempfile.TemporaryDirectory() as folder:
        while kills < chosen.kills:
            store = Path(folder) / f"{sweeps}.db"
            sweeps += 1
            done = False
            while not done:
                before = {row["key"] for row in open_store(store).rows()} if store.exists() else set()
                process = subprocess.Popen(
                    [sys.executable, __file__, "--child", str(store)], stdout=subprocess.PIPE, text=True
                )
                process.stdout.readline()  # "begun", after the imports
                if kills < chosen.kills:
                    time.sleep(rng.exponential(chosen.seconds))
                    process.kill()
                out = process.communicate()[0].split("\n")
                trained = {line.split()[1] for line in out if line.startswith("trained ")}
                assert not trained & before, "a finished run was trained again"
                after = {row["key"] for row in open_store(store).rows()} if store.exists() else set()
                assert before <= after, "a finished run is lost"
                done = "finished" in out
                kills += not done
                rows_kept.append(len(after))
            found = gdfast.sweep(X, y, store=store, **options)
            assert all(found.stored)
            np.testing.assert_allclose(found.table["cost"], expected.table["cost"], rtol=1e-12)
    print(f"{kills} kills of {sweeps} sweeps of {COUNT} runs: every table is whole, no run was lost or trained twice")
    quantiles = np.quantile(rows_kept, [0, 0.25, 0.5, 0.75, 1])
    print(f"rows in the store after each call, quantiles 0, 25, 50, 75, 100 %: {quantiles}")


if __name__ == "__main__":
    main()
