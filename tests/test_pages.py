"""The pages: what they show is what comes out, and their links lead somewhere.

The blocks of a page run in order, in one namespace and one folder: Python with prompts as doctests,
``$ gdfast ...`` as commands. Any other block needs a line ``<!-- not run: REASON -->`` before it, with one of the
reasons in NOT_RUN.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import gdfast

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# What the build of the site writes below docs/: not in the repository, and checked by the build.
GENERATED = ("_build", "auto_examples", "messages.md", "reference/backreferences", "reference/generated")
GENERATED += ("reference/command-line.md",)

NOT_RUN = {
    "a drawing",
    "a synopsis",
    "downloads",
    "installs",
    "packs a release",
    "publishes",
    "takes hours",
}
# The README has no marks, since package indexes show them: its commands without output install, and .ci/run runs them.
INSTALLS = r'((python -m )?pip install "?[\w.\[\],]+"?( && (gdfast demo|pytest -q -n auto))?\n)+'
DIRECTIVES = ("{toctree}", "{eval-rst}")

# A block of one of these runs where the library is importable; the blocks of gdfast do not need it.
OTHER_LIBRARIES = ("jax", "mlflow", "torch", "vowpalwabbit", "xgboost")
# What else blocks need, by what they say.
EXTRAS = {
    "dask": r"\bdask\b",
    "distributed": r"\bdistributed\b",
    "matplotlib": r"\bmatplotlib\b|\.plot|--plot",
    "pandas": r"\bpandas\b|\bpd\.|\.csv",
    "plotly": r"gdfast report",
    "numba": r"gdfast info",
    "pyarrow": r"\bpyarrow\b|\.csv|\.parquet",
    "sklearn": r"\bsklearn\b",
    "typer": r"^\$ gdfast",
}


def is_generated(path):
    place = path.relative_to(DOCS).as_posix() if path.is_relative_to(DOCS) else ""
    return any(place == name or place.startswith(f"{name}/") for name in GENERATED)


PAGES = [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if not is_generated(page))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def name_of(page):
    return page.relative_to(ROOT / "docs" if page.is_relative_to(DOCS) else ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str
    mark: str | None

    @property
    def kind(self):
        """Return how the block is treated; None if it is neither run nor says why not."""
        if self.language in DIRECTIVES:
            return "directive"
        if self.mark is not None:
            return "marked" if self.mark in NOT_RUN else None
        if self.language == "python" and self.text.startswith(">>> "):
            return "python"
        if self.language in ("", "console") and self.text.startswith("$ "):
            return "commands"
        if self.page == "README.md" and not self.language and re.fullmatch(INSTALLS, self.text):
            return "installs"
        return None

    @property
    def library(self):
        """Return the name of another library that the block shows."""
        return next(
            (name for name in OTHER_LIBRARIES if re.search(rf"^>>> (import|from) {name}\b", self.text, re.M)), None
        )

    @property
    def missing(self):
        """Return the names of the packages that the block needs and that are not installed."""
        needs = [name for name, pattern in EXTRAS.items() if re.search(pattern, self.text, re.M)]
        return [name for name in needs if find_spec(name) is None]


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    fence = r"^(?P<indent> *)(?P<fence>```+)(?P<language>[^`\n]*)\n(?P<text>.*?)^ *(?P=fence) *$"
    found = []
    for match in re.finditer(fence, text, re.S | re.M):
        mark = re.search(r"^ *<!-- not run: (.+) -->\n\Z", text[: match.start()], re.M)
        line = text.count("\n", 0, match.start()) + 1
        body = textwrap.dedent(match["text"])
        found.append(Block(name_of(page), line, match["language"].strip(), body, mark[1] if mark else None))
    return found


BLOCKS = {name_of(page): blocks_of(page) for page in PAGES}
RUN = {page: [block for block in blocks if block.kind in ("python", "commands")] for page, blocks in BLOCKS.items()}


class Checker(doctest.OutputChecker):
    """Compare outputs without the blanks at the end of lines, which pandas prints and editors remove."""

    def check_output(self, want, got, flags):
        return super().check_output(want, re.sub(r" +$", "", got, flags=re.M), flags)


def run_python(block, namespace):
    """Run a block as a doctest, and return its namespace."""
    example = doctest.DocTestParser().get_doctest(block.text, namespace, block.page, block.page, block.line)
    printed = []
    result = doctest.DocTestRunner(Checker(), verbose=False).run(example, out=printed.append, clear_globs=False)
    assert result.failed == 0, "".join(printed)
    assert result.attempted > 0
    return example.globs


def shown_commands(text):
    """Return the commands of a block, each with the lines that it shows."""
    found = []
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def run_commands(block, folder):
    """Run commands by the shell in a folder, where gdfast is this one, and compare what they print."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "gdfast").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m gdfast "$@"\n', encoding="utf-8"
    )
    (programs / "gdfast").chmod(0o755)
    environment = dict(os.environ)
    if COMPILED:
        environment.pop("GDFAST_BACKEND", None)
    environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(Path(gdfast.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    )
    for command, shown in shown_commands(block.text):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        shown, printed = without_seconds(shown), without_seconds(done.stdout.splitlines())
        where = f"{block.page}:{block.line}: $ {command}\n"
        assert same_lines(shown, printed), (
            f"{where}shown:\n{textwrap.indent(chr(10).join(shown), '  ')}\nprinted:\n{done.stdout}"
        )


# What is never the same: seconds, seeds, versions, and what an environment is.
CHANGING = [
    (r"\bin [\d.e-]+ s\b", "in SECONDS s"),
    (r'("seconds": )[\d.e-]+', r"\1SECONDS"),
    (r'("seed": )\d+', r"\1SEED"),
    (r"\b\d{4}-\d\d-\d\dT\S+", "TIME"),
    (r"\b\d+\.\d+\.\d+\w*", "VERSION"),
]
# Commands run on the compiled core where it is available. Elsewhere what names a backend or a solver is not compared.
COMPILED = gdfast.backends.available()["cython"] is None
if not COMPILED or os.environ.get("GDFAST_BACKEND", "cython") != "cython":
    CHANGING += [(r"\b(cython|numba|numpy)\b", "BACKEND"), (r"\b(closed_form|collocation|loop)\b", "SOLVER")]
    CHANGING += [(r"^  (backend|in use|processor) .*", "BACKEND")]


def without_seconds(lines):
    """Return the lines of a table without its last column, or its row, where that has seconds."""
    last = bool(lines) and lines[0].endswith(" seconds")
    return [line.rsplit(maxsplit=1)[0] if last else re.sub(r"^(seconds ).*", r"\1", line) for line in lines]


def words(line):
    for pattern, name in CHANGING:
        line = re.sub(pattern, name, line)
    return line.split()


def same_number(shown, printed):
    """Return whether two words are the same number: a decimal fraction to 1e-9, and to its last digit if it has six."""
    parts = [re.fullmatch(r"([\[(]*)(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)([\]),;:]*)", word) for word in (shown, printed)]
    if None in parts or parts[0][1] != parts[1][1] or parts[0][3] != parts[1][3] or "." not in shown:
        return False
    digits = re.sub(r"e.*|[-.]", "", parts[0][2]).lstrip("0")
    tolerance = 10.0 ** (1 - len(digits)) if len(digits) >= 6 else 0.0
    return float(parts[1][2]) == pytest.approx(float(parts[0][2]), rel=max(1e-9, tolerance), abs=0)


def same_line(shown, printed):
    """Return whether a line is as shown, whatever the blanks between words; an ellipsis stands for the rest of it."""
    shown, printed = words(shown), words(printed)
    if shown and shown[-1] == "…":
        shown, printed = shown[:-1], printed[: len(shown) - 1]
    return len(shown) == len(printed) and all(a == b or same_number(a, b) for a, b in zip(shown, printed, strict=True))


def same_lines(shown, printed):
    """Return whether lines are as shown; an ellipsis of its own stands for any lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "…":
        return any(same_lines(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and same_line(shown[0], printed[0]) and same_lines(shown[1:], printed[1:])


@pytest.mark.parametrize("page", [name for name, blocks in RUN.items() if blocks])
def test_blocks_give_what_the_page_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the files of the examples are written
    namespace = {}
    for block in RUN[page]:
        if block.library:
            continue
        missing = block.missing or ([] if block.kind == "python" or shutil.which("sh") else ["sh"])
        if missing:
            pytest.skip(f"{page} from line {block.line} on; not installed: {', '.join(missing)}")
        if block.kind == "python":
            namespace = run_python(block, namespace)
        else:
            run_commands(block, tmp_path)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{page}:{block.line}")
        for page, blocks in RUN.items()
        for block in blocks
        if block.library
    ],
)
def test_blocks_of_other_libraries_give_what_the_page_shows(block, tmp_path, monkeypatch):
    pytest.importorskip(block.library, reason=f"{block.library} is not installed")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for one in RUN[block.page][: RUN[block.page].index(block) + 1]:
        if one.kind == "python" and (one is block or not one.library):
            namespace = run_python(one, namespace)


def test_each_block_is_run_or_says_why_not():
    wrong = [f"{page}:{block.line}" for page, blocks in BLOCKS.items() for block in blocks if block.kind is None]
    assert not wrong, "neither run nor marked: " + ", ".join(wrong)


def test_no_reason_for_leaving_out_a_block_is_unused():
    assert {block.mark for blocks in BLOCKS.values() for block in blocks if block.mark} == NOT_RUN


def test_marks_stand_before_blocks():
    """A mark elsewhere, or an empty line apart, would be of no block; blocks between other fences would not be seen."""
    for page in PAGES:
        assert not re.search(r"^ *~~~", page.read_text(encoding="utf-8"), re.M), page.name
        marks = page.read_text(encoding="utf-8").count("<!-- not run:")
        assert marks == sum(block.mark is not None for block in BLOCKS[name_of(page)]), page.name


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("  x  1.25", "  x   1.25", True),
        ("  x  1.25", "  x   1.26", False),
        ("cost 0.281577031494", "cost 0.281577031495", True),
        ("cost 0.281577031494", "cost 0.281577131494", False),
        ("[1.1622334861841592,", "[1.162233486184159,", True),
        ("48 versicolor", "49 versicolor", False),
        ("5 epochs in 0.1 s.", "5 epochs in 2.3e-05 s.", True),
        ("to install it: …", "to install it: pip install gdfast", True),
        ("a\n…\nb", "a\n1\n2\nb", True),
        ("a\n…\nb", "a\n1\n2\nc", False),
        ("a\nb", "a", False),
        ("a", "a\nb", False),
    ],
)
def test_lines_are_compared_by_what_can_be_equal(shown, printed, same):
    assert same_lines(shown.splitlines(), printed.splitlines()) is same


def without_code(text):
    return re.sub(r"^ *(```+).*?^ *\1", "", text, flags=re.S | re.M)


def anchors(page):
    """Return the anchors of a page: of its headings, by GitHub's rule, and those that are written out."""
    text = without_code(page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#{1,4} +(.+?) *$", text, re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    slugs = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain]
    return {*slugs, *re.findall(r"^\(([\w-]+)\)=$", text, re.M)}


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in LINKED])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(
        r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", without_code(page.read_text(encoding="utf-8"))
    ):
        file = (page.parent / target).resolve() if target else page
        if is_generated(file):
            continue
        assert file.exists(), f"{page.name} links {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links {target}#{anchor}"


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_pages_in_a_table_of_contents_exist(page):
    """Cards and tables of contents name pages without their ending, from the page that they stand in."""
    text = page.read_text(encoding="utf-8")
    tables = "\n".join(re.findall(r"^```{toctree}\n(.*?)^```", text, re.S | re.M))
    names = re.findall(r"^([\w/-]+)$", tables, re.M)
    for name in [*names, *re.findall(r"^:link: ([\w/-]+)$", text, re.M)]:
        file = (page.parent / f"{name}.md").resolve()
        assert is_generated(file) or file.exists(), f"{page.name} lists {name}"


def test_addresses_in_the_readme_exist():
    """The README is shown elsewhere, so its links are addresses, of the site and of files in the repository."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"https://gdfast\.readthedocs\.io/en/latest/([^)#\s]*)\.html", text):
        generated = f"{name}.md" in GENERATED or name == "auto_examples/index"
        assert generated or (DOCS / f"{name}.md").exists() or name == "reference/command-line", name
    for host in (r"github\.com/gdfast/gdfast/(?:blob|tree)", r"raw\.githubusercontent\.com/gdfast/gdfast"):
        for place in re.findall(rf"https://{host}/main/([^)#\s]+)", text):
            assert (ROOT / place).exists(), place
