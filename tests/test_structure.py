"""The package's structure: which way imports point, no circles, and how much stands in a folder."""

import ast
import re
from pathlib import Path

import gdfast

ROOT = Path(gdfast.__file__).parent
# From the bottom up: a module imports only from levels below its own, and from its own folder.
LEVELS = [
    {"formulas"},
    {"_utils"},
    {"options"},
    {"data"},
    {"results"},
    {"_core"},
    {"backends"},
    {"solvers"},
    {"_minimize", "_stability", "plots"},
    {"_fit"},
    {"_resume"},
    {"sweeps"},
    {"compat"},
    {"cli", "sklearn"},
    {"__main__"},
]
# Who may import the public table, `import gdfast`: what stands on it, and a Run, which finds `resume` there.
USERS_OF_THE_TABLE = ("cli/", "sklearn/", "results/run.py")
MOST_ENTRIES = {"": 16}
MOST_ENTRIES_BELOW = 12
NOT_COUNTED = {"__init__.py", "__main__.py", "py.typed", "_core", "__pycache__"}
# Exceptions, which may only shrink: imports that point upwards, and folders with too many entries.
UPWARDS: set[tuple[str, str]] = set()
TOO_FULL: set[str] = set()
# What is private to other libraries stands in one file each, which a test of its own holds to what is used of it.
PRIVATE = {
    "numba.core.event": "backends/numba/compilation.py",
    "_signal": "_utils/interrupt.py",  # tests/utils/test_interrupt.py
    "sklearn.base._fit_context": "sklearn/internals.py",  # tests/sklearn/test_internals.py
    "sklearn.utils.metaestimators._safe_split": "sklearn/internals.py",
    "sklearn.utils.validation._check_method_params": "sklearn/internals.py",
    "sklearn.utils.validation._check_sample_weight": "sklearn/internals.py",
    "_nrt": "backends/numba/compilation.py",  # tests/backends/test_numba_kernels.py
}


def sources():
    """Yield each module's path below the package, and what it imports of gdfast, nested imports included."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        yield place, sorted(set(imports(ast.parse(path.read_text(encoding="utf-8")))))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "gdfast")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module.split(".")[0] == "gdfast":
                yield from (module_of(node.module, alias.name) for alias in node.names)


def module_of(module, name):
    """Return the module that `from module import name` reads."""
    folder = ROOT.joinpath(*module.split(".")[1:])
    is_module = any((folder / end).exists() for end in (f"{name}.py", f"{name}.pyi", f"{name}/__init__.py"))
    return f"{module}.{name}" if is_module else module


def level_of(first):
    return next((number for number, names in enumerate(LEVELS) if first in names), None)


def points_down(place, own, target):
    """Return whether a module may import a target."""
    if target == "gdfast":
        return str(place).startswith(USERS_OF_THE_TABLE)
    other = target.split(".")[1]
    return other == own or level_of(other) < level_of(own)


def test_imports_point_downwards():
    found = set()
    for place, targets in sources():
        own = place.parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        assert level_of(own) is not None, f"{place} has no level"
        found |= {(str(place), target) for target in targets if not points_down(place, own, target)}
    assert found == UPWARDS


def test_formulas_import_numpy_alone():
    for path in (ROOT / "formulas").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
                allowed = ("math", "collections.abc", "typing", "numpy", "gdfast.formulas")
                assert all(name.startswith(allowed) for name in names), f"{path.name} imports {names}"


def test_no_module_imports_itself_through_others():
    graph = {}
    for place, targets in sources():
        parts = [part for part in place.with_suffix("").parts if part != "__init__"]
        graph[".".join(["gdfast", *parts])] = [target for target in targets if target != "gdfast"]
    done = set()

    def visit(module, above):
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module not in done:
            for target in graph.get(module, []):
                visit(target, [*above, module])
            done.add(module)

    for module in graph:
        if module != "gdfast":
            visit(module, [])


def foreign_names(tree):
    """Yield the full names that a module imports of other libraries, and the strings that name parts of Numba."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"numba\.[\w.]+|_nrt", str(node.value)):
            yield node.value


def test_what_is_private_to_other_libraries_stands_in_one_file_each():
    found = set()
    for path in ROOT.rglob("*.py"):
        names = {
            name
            for name in foreign_names(ast.parse(path.read_text(encoding="utf-8")))
            if not name.startswith(("gdfast", "__"))
        }
        private = {name for name in names if any(part[0] == "_" for part in name.split(".")) or "numba.core" in name}
        found |= {(name, path.relative_to(ROOT).as_posix()) for name in private}
    assert found == set(PRIVATE.items())


def test_folders_are_small():
    folders = [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir() and path.name not in NOT_COUNTED)]
    full = {}
    for folder in folders:
        place = folder.relative_to(ROOT).as_posix().removeprefix(".")
        entries = [path.name for path in folder.iterdir() if path.name not in NOT_COUNTED]
        if len(entries) > MOST_ENTRIES.get(place, MOST_ENTRIES_BELOW):
            full[place] = len(entries)
    assert set(full) == TOO_FULL, full


def test_the_pages_name_files_that_exist():
    repository = Path(__file__).parent.parent
    for page in (repository / "docs/architecture.md", repository / "CONTRIBUTING.md"):
        for name in re.findall(r"`(gdfast/[\w/.]+)`", page.read_text(encoding="utf-8")):
            assert (repository / name).exists(), f"{page.name} names {name}"


def test_solvers_are_told_apart_by_no_type():
    for place in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                tested = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
                assert not tested & {"Solver", "Loop", "ClosedForm", "Descent"}, f"{place.name}, line {node.lineno}"


def test_what_stands_on_the_solvers_knows_none_of_them():
    for place, targets in sources():
        if place.parts[0] not in ("solvers", "_stability.py"):
            inside = [target for target in targets if target.startswith("gdfast.solvers.") and target.count(".") > 2]
            concrete = [target for target in inside if not target.startswith("gdfast.solvers.monitoring.")]
            assert not concrete, f"{place} imports {concrete}"
