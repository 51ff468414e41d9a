"""Instructions that kernels take for a sample, against stored figures: on shared machines seconds prove nothing.

    python benchmarks/instructions.py [--only SUBSTRING]... [--write]

Callgrind (valgrind) counts a fit over some epochs and over twice as many; the difference is the kernel's, since what
comes before and after is the same in both. It knows AVX2 at most, so that the kernels of level 3 are counted.
Exit code 1: a kernel takes more than its stored figure and the tolerance. --write renews the figures.
"""

import argparse
import ctypes
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

import gdfast
from gdfast.sklearn import SGDRegressor
from gdfast.solvers.loop import chunks

STORED = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05  # a few more instructions in Python between two calls are no news
OTHER_COMPILER = 0.30  # the figures are of one compiler; another vectorises otherwise
LEVEL = 3
# One thread, one order of dictionaries, and kernels that valgrind can run.
SETTINGS = {"GDFAST_CPU": str(LEVEL), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SWITCH = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void stop(void) { CALLGRIND_DUMP_STATS; CALLGRIND_STOP_INSTRUMENTATION; }
"""

Fit = Callable[[int], Any]


class Kernel(NamedTuple):
    """What is counted."""

    make: Callable[[], Fit]  # of a number of epochs
    samples: int  # in an epoch
    epochs: int


def data(n: int, d: int, dtype: str = "float64", labels: bool = False) -> tuple[Any, Any]:
    """Return standard normal X, and targets of a linear model or labels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    z = X @ (rng.normal(size=d) / np.sqrt(d)) + 0.5 * rng.normal(size=n)
    return X, (z > 0 if labels else z).astype(dtype)


def fit(X: Any, y: Any, **options: Any) -> Fit:
    """Return a fit with every cost read."""
    return lambda epochs: gdfast.fit(X, y, epochs=epochs, seed=0, backend="cython", **options).costs


def dense(n: int, d: int, dtype: str = "float64", **options: Any) -> Fit:
    return fit(*data(n, d, dtype, options.get("loss") == "log_loss"), **options)


def sparse(n: int, d: int, nonzeros: int, **options: Any) -> Fit:
    rng, width = np.random.default_rng(0), d // nonzeros
    columns = np.arange(nonzeros) * width + rng.integers(width, size=(n, nonzeros))
    starts = np.arange(0, n * nonzeros + 1, nonzeros)
    X = csr_matrix((rng.normal(size=n * nonzeros), columns.ravel(), starts), shape=(n, d))
    return fit(X, rng.normal(size=n), **options)


def drop_in(n: int, d: int, **options: Any) -> Fit:
    X, y = data(n, d)
    return lambda epochs: SGDRegressor(max_iter=epochs, tol=None, random_state=0, **options).fit(X, y)


def sweep(n: int, d: int, **options: Any) -> Fit:
    X, y = data(n, d, labels=options.get("loss") == "log_loss")
    rates = np.geomspace(1e-4, 1e-2, 16).tolist()
    return lambda epochs: (
        gdfast.sweep(X, y, learning_rate=rates, epochs=epochs, seed=0, backend="cython", **options).costs
    )


LOOP: dict[str, Any] = {"solver": "loop", "learning_rate": 0.1}
SGD: dict[str, Any] = {"batch_size": 1, "learning_rate": 3e-4, "penalty": "l2", "alpha": 1e-4, "history": "running"}
KERNELS = {
    "batch, 4 features": Kernel(partial(dense, 2000, 4, **LOOP), 2000, 400),
    "batch, log loss, 50 features": Kernel(partial(dense, 2000, 50, loss="log_loss", **LOOP), 2000, 40),
    "closed form, 8 features, a cost": Kernel(
        partial(dense, 200, 8, solver="closed_form", learning_rate=0.1), 1, 200_000
    ),
    "SGD, 32 features": Kernel(partial(dense, 2000, 32, **SGD), 2000, 30),
    "SGD, 32 features, float32": Kernel(partial(dense, 2000, 32, "float32", **SGD), 2000, 30),
    "SGD, CSR, 20 of 5000 features": Kernel(partial(sparse, 2000, 5000, 20, **SGD), 2000, 30),
    "mini-batches of 32, 50 features": Kernel(partial(dense, 2000, 50, batch_size=32, learning_rate=0.02), 2000, 30),
    "16 rates of SGD, 32 features": Kernel(
        partial(sweep, 2000, 32, batch_size=1, penalty="l2", alpha=1e-4), 16 * 2000, 10
    ),
    "16 rates of batch log loss, 50 features": Kernel(
        partial(sweep, 6000, 50, loss="log_loss", solver="loop"), 16 * 6000, 5
    ),
    "SGDRegressor, 32 features": Kernel(partial(drop_in, 2000, 32, learning_rate="constant", eta0=3e-4), 2000, 30),
}


# Counting: the child runs under valgrind.


def compiler(library: str) -> str:
    """Return the compiler that a library names: clang, beside which gcc may have written the start, or gcc."""
    text = Path(library).read_bytes()
    for name, pattern in (("clang", rb"clang version ([\d.]+)"), ("gcc", rb"GCC: \([^)]*\) ([\d.]+)")):
        if found := re.findall(pattern, text):
            return f"{name} {Counter(found).most_common(1)[0][0].decode()}"
    return "unknown"


def child(switch: Any, names: list[str]) -> None:
    """Fit each kernel twice between the switches, and print what it ran on."""
    from gdfast import _core

    chunks.CHUNK_SECONDS = 1e6  # calls of the kernels grow by the same steps, however slow they are here
    for kernel in (KERNELS[name] for name in names):
        call = kernel.make()
        call(2)
        gc.collect()
        gc.disable()
        for epochs in (kernel.epochs, 2 * kernel.epochs):
            switch.start()
            call(epochs)
            switch.stop()
        gc.enable()
    print(json.dumps({"level": _core.level, "compiler": compiler(_core.descent.__file__)}))


def count(names: list[str]) -> dict[str, Any]:
    """Return the instructions of each kernel for a sample, and what they were counted on."""
    with tempfile.TemporaryDirectory() as place:
        source, library, out = (Path(place, name) for name in ("switch.c", "switch.so", "counts"))
        source.write_text(SWITCH, encoding="utf-8")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", sys.executable]
        command += ["-P", __file__, "--child", str(library), *(f"--only={name}" for name in names)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SETTINGS})
        if done.returncode:
            raise SystemExit(f"counting failed:\n{done.stderr}")
        totals = [total(out.with_name(f"counts.{number}")) for number in range(1, 2 * len(names) + 1)]
    pairs = zip(names, totals[::2], totals[1::2], strict=True)
    figures = {name: (two - one) / KERNELS[name].samples / KERNELS[name].epochs for name, one, two in pairs}
    return {**json.loads(done.stdout.splitlines()[-1]), "instructions": figures}


def total(dump: Path) -> int:
    """Return the instructions of a dump."""
    line = next(
        line for line in dump.read_text(encoding="utf-8").splitlines() if line.startswith(("totals:", "summary:"))
    )
    return int(line.split()[1])


# Judging.


def judge(found: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Return the names of the kernels that take more than the stored figures allow, and print all."""
    tolerance = TOLERANCE
    if found["compiler"] != stored["compiler"]:
        tolerance = OTHER_COMPILER
        print(f"built by {found['compiler']}, the figures are of {stored['compiler']}: up to {tolerance:.0%} more")
    print(f"{'instructions for a sample':<34}{'now':>9}{'stored':>9}")
    worse = []
    for name, now in found["instructions"].items():
        before = stored["instructions"].get(name)
        if before is None:
            print(f"{name:<34}{now:>9.2f}{'none':>9}  new: --write stores it")
            continue
        more, word = now / before - 1, ""
        if more > tolerance:
            worse.append(name)
            word = "  MORE than allowed"
        elif more < -tolerance:
            word = "  fewer: --write stores it"
        print(f"{name:<34}{now:>9.2f}{before:>9.2f}{more:>+8.1%}{word}")
    return worse


def obstacle() -> str | None:
    """Return why nothing can be counted here."""
    for tool, package in (("valgrind", "valgrind"), ("cc", "gcc")):
        if shutil.which(tool) is None:
            return f"{tool} is not there; apt-get install {package}"
    return gdfast.backends.why_unavailable("cython")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="SUBSTRING", help="kernels whose name has it; repeatable")
    parser.add_argument("--write", action="store_true", help="renew the stored figures")
    parser.add_argument("--child", metavar="LIBRARY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(ctypes.CDLL(options.child), options.only)
        return 0
    why = obstacle()
    if why is not None:
        print(f"instructions not counted: {why}")
        return 0
    found = count([name for name in KERNELS if any(part in name for part in options.only or [""])])
    if found["level"] != LEVEL:
        print(f"instructions not counted: kernels of level {found['level']} run here, and the figures are of {LEVEL}")
        return 0
    stored = (
        json.loads(STORED.read_text(encoding="utf-8"))
        if STORED.exists()
        else {"compiler": found["compiler"], "instructions": {}}
    )
    worse = judge(found, stored)
    if options.write:
        rounded = {name: round(now, 2) for name, now in found["instructions"].items()}
        kept = stored["instructions"] if found["compiler"] == stored["compiler"] else {}
        everything = {name: {**kept, **rounded}[name] for name in KERNELS if name in {**kept, **rounded}}
        STORED.write_text(json.dumps({**found, "instructions": everything}, indent=1) + "\n", encoding="utf-8")
        return 0
    if worse:
        print(f"more instructions than stored, by more than the tolerance: {'; '.join(worse)}")
        print("where that is meant, renew the figures with --write and say why in the commit")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
