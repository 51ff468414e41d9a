"""Remove from the sdist what only the repository needs. Meson runs this before it packs the sdist (meson.build)."""

import os
import shutil
from pathlib import Path

REPOSITORY_ONLY = (".ci", ".github", ".pre-commit-config.yaml", ".readthedocs.yaml", "benchmarks/baseline")

root = Path(os.environ["MESON_DIST_ROOT"])
for name in REPOSITORY_ONLY:
    path = root / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
