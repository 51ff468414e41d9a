"""What is waited for before any training: the import, the first call, the command line; and the smallest warm call."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import gdfast

from .inputs import dense
from .measured import MeasuredRun, imported, scaled, with_costs

TINY = """
import numpy, gdfast
X, y = [[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0]
"""
MODULES = "import numpy, sys; before = len(sys.modules); from gdfast import fit; print(len(sys.modules) - before)"
BATCH_SIZES = (1, 2, None)


def output(*arguments: str) -> str:
    """Return what a new Python prints."""
    return subprocess.run([sys.executable, "-P", *arguments], capture_output=True, text=True, check=True).stdout


class Import:
    """Importing in a new process."""

    def timeraw_import(self) -> str:
        """Time the import, NumPy's included."""
        return "import gdfast"

    def timeraw_import_fit(self) -> tuple[str, str]:
        """Time the import of what trains, where NumPy is there."""
        return "from gdfast import fit", "import numpy"

    def track_modules(self) -> int:
        """Return how many modules the import adds to NumPy's."""
        return int(output("-c", MODULES))

    track_modules.unit = "modules"


class FirstCall:
    """The first call in a new process, without the import of gdfast itself."""

    param_names = ("batch_size",)
    params = (BATCH_SIZES,)

    def timeraw_fit(self, batch_size: int | None) -> tuple[str, str]:
        """Time a fit of three rows."""
        return f"gdfast.fit(X, y, batch_size={batch_size}, epochs=2, learning_rate=0.01)", TINY


class WarmCall(MeasuredRun):
    """The smallest call: ten rows, three features, one epoch."""

    param_names = ("batch_size",)
    params = (BATCH_SIZES,)

    def setup(self, batch_size: int | None) -> None:
        """Make the data and warm up."""
        self.X, self.y = dense((10, 3))
        self.fit(batch_size)

    def fit(self, batch_size: int | None) -> gdfast.Run:
        """Train."""
        options = {"epochs": 1, "learning_rate": 0.01, "seed": 0, "solver": "loop"}
        return with_costs(gdfast.fit(self.X, self.y, batch_size=batch_size, **options))


class CommandLine:
    """Whole commands on a table of the shape of the wine data, from the start of Python to its end."""

    param_names = ("batch_size",)
    params = (scaled(("1", "32", "all"), ("all",)),)

    def setup(self, batch_size: str) -> None:
        """Write the table, and warm the disk's cache up."""
        self.folder = TemporaryDirectory()
        for name in ("typer", "pandas"):
            imported(name)
        file = Path(self.folder.name) / "table.csv"
        X, y = dense(scaled((4_898, 11), (50, 3)))
        names = ",".join([f"x{i}" for i in range(X.shape[1])] + ["quality"])
        np.savetxt(file, np.column_stack([X, y]), delimiter=",", header=names, comments="")
        self.words = ["fit", str(file), "--target", "quality", "--standardize", "--epochs", "200", "--seed", "0"]
        self.words += [] if batch_size == "all" else ["--batch-size", batch_size]
        output("-m", "gdfast", "info")

    def teardown(self, batch_size: str) -> None:
        """Remove the table."""
        self.folder.cleanup()

    def time_fit(self, batch_size: str) -> None:
        """Time `gdfast fit`."""
        output("-m", "gdfast", *self.words)

    def track_cost(self, batch_size: str) -> float:
        """Return the cost that it prints."""
        return float(re.search(r", cost (\S+)", output("-m", "gdfast", *self.words))[1])

    track_cost.unit = "J"


class Info:
    """`gdfast info`, the least that a command does."""

    def setup(self) -> None:
        """Skip where the command line's extra is missing."""
        imported("typer")

    def time_info(self) -> None:
        """Time it."""
        output("-m", "gdfast", "info")
