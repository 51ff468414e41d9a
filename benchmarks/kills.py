"""Kill a checkpointed run at random moments, resume it, and compare the bits with the undisturbed run's.

python benchmarks/kills.py --kills 200
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time

CHILD = """
import sys, numpy as np, gdfast
X = np.random.default_rng(0).normal(size=(300, 5))
y = X.sum(axis=1) + np.random.default_rng(1).normal(size=300)
options = dict(batch_size=3, seed=2, optimizer="adam", average=3, learning_rate=gdfast.InverseTime(0.05, 0.01))
path, what = sys.argv[1:]
if what == "fit":
    gdfast.fit(X, y, epochs=20_000, checkpoint=path, checkpoint_seconds=0.005, **options)
run = gdfast.resume(path, X, y) if what == "resume" else gdfast.fit(X, y, epochs=20_000, **options)
print(run.coef.tobytes().hex(), run.intercept.hex(), hash(run.costs.tobytes()), run.epochs, run.steps)
"""


def child(*arguments: str) -> "subprocess.Popen[str]":
    """Start the run in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def killed_and_resumed(path: str, after: float) -> tuple[str, bool]:
    """Kill a fit so many seconds after its first checkpoint; return what resuming prints, and whether it was cut."""
    process = child(path, "fit")
    while not os.path.exists(path) and process.poll() is None:
        time.sleep(0.001)
    time.sleep(after)
    cut = process.poll() is None
    process.kill()
    process.communicate()
    return child(path, "resume").communicate()[0], cut


def main() -> None:
    """Count the kills after which the bits are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    expected = child("-", "whole").communicate()[0]
    same = cut_off = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.kills):
            path = os.path.join(folder, f"{number}.npz")
            printed, cut = killed_and_resumed(path, draw.uniform(0.0, 0.4))
            same, cut_off = same + (printed == expected), cut_off + cut
    print(f"{arguments.kills} kills, {cut_off} before the end: {same} resumed to the same bits")


if __name__ == "__main__":
    main()
