"""Every registry, entry by entry: an oracle, and a place in the pages; tests/benchmarks finds its benchmark."""

import inspect
import re
from pathlib import Path

import pytest

import gdfast
from gdfast.backends import BACKENDS
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.formulas.update_rules import UPDATE_RULES
from gdfast.options.optimizers import OPTIMIZERS
from gdfast.options.schedules import SCHEDULES
from gdfast.solvers.select import SOLVERS

TESTS = Path(__file__).parent
PAGES = [*TESTS.parent.glob("docs/*.md"), TESTS.parent / "README.md"]
# Each registry with the files that compare its entries with an oracle: exact values, torch's numbers, a plain loop.
REGISTRIES = {
    "losses": (LOSSES, ["formulas/test_losses.py"]),
    "penalties": (PENALTIES, ["formulas/test_penalties.py"]),
    "update rules": (UPDATE_RULES, ["formulas/test_update_rules.py"]),
    "optimizers": (OPTIMIZERS, ["options/test_optimizers.py", "options/torch_reference.py"]),
    "schedules": (SCHEDULES, ["options/test_schedules.py"]),
    "backends": (BACKENDS, ["backends/test_backends.py"]),
    "solvers": (SOLVERS, ["solvers/test_closed_form.py", "solvers/collocation/test_path.py"]),
}
ENTRIES = [(registry, name) for registry, (entries, _) in REGISTRIES.items() for name in entries]


def class_name(registry, name):
    """Return the public class of an entry, if it has one, else its name."""
    entry = REGISTRIES[registry][0][name]
    kind = entry if inspect.isclass(entry) else type(entry)
    return kind.__name__ if registry in ("optimizers", "schedules") else name


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_an_entry_has_an_oracle(registry, name):
    text = " ".join((TESTS / file).read_text(encoding="utf-8") for file in REGISTRIES[registry][1])
    assert re.search(rf"\b({name}|{class_name(registry, name)})\b", text)


@pytest.mark.skipif(not PAGES[-1].exists(), reason="the pages are not beside the tests")
@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_an_entry_is_documented(registry, name):
    if name != "none":  # the absence of a penalty
        pages = " ".join(page.read_text(encoding="utf-8") for page in PAGES) + inspect.getdoc(gdfast.fit)
        assert re.search(rf"\b({name}|{class_name(registry, name)})\b", pages)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_in_every_docstring_that_lists_them(name):
    assert f'"{name}"' in inspect.getdoc(gdfast.fit)
    field = re.search(r"^solver : str\n(.*\n)", inspect.getdoc(gdfast.Run), re.M)
    assert f'"{name}"' in field[1]


def test_code_compares_with_no_name_of_an_entry():
    """Code asks an entry's flag; what is compared are options and words that name no entry."""
    what = r"(?:loss|penalty|rule|optimizer|backend|solver|formula|choose\(\))"
    compared = re.compile(rf"{what} *(?:==|!=|in) *\(?[\"'](\w+)")
    names = {name for _, name in ENTRIES}
    for path in Path(gdfast.__file__).parent.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = names & set(compared.findall(line))
            assert not found, f"{path.name}, line {number}: {line.strip()}"
