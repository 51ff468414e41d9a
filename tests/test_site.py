"""The documentation site: every public object is in the reference, and every message on the page of messages."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PUBLIC = ["gdfast", "gdfast.compat", "gdfast.plots", "gdfast.backends", "gdfast.formulas.vocabulary"]
PUBLIC += ["gdfast.sklearn"] if find_spec("sklearn") else []

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the pages are not beside the tests")


@pytest.fixture(scope="module")
def messages():
    """Return the extension that makes the page of messages."""
    place = importlib.util.spec_from_file_location("messages_of_the_site", DOCS / "_ext" / "messages.py")
    module = importlib.util.module_from_spec(place)
    sys.modules[place.name] = module  # where dataclasses look their module up
    place.loader.exec_module(module)
    yield module
    del sys.modules[place.name]


@pytest.fixture(scope="module")
def found(messages):
    return messages.collect()


def names_in_the_reference():
    """Return the full names that the tables of the reference list, and how often."""
    names = Counter()
    for page in DOCS.glob("reference/*.md"):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if at := re.match(r"\.\. (?:currentmodule|py:module):: ([\w.]+)", line):
                module = at[1]
            elif entry := re.match(r"(?:   |\.\. py:function:: )(\w+)(?:\(.*\))?$", line):
                names[f"{module}.{entry[1]}"] += 1
    return names


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_object_is_on_one_page_of_the_reference(module):
    listed, package = names_in_the_reference(), import_module(module)
    for name in package.__all__:
        if not isinstance(getattr(package, name), ModuleType):
            assert listed[f"{module}.{name}"] == 1, f"{module}.{name} is on {listed[f'{module}.{name}']} pages"


def test_the_reference_lists_public_objects_alone():
    for full_name in names_in_the_reference():
        module, _, name = full_name.rpartition(".")
        if module != "gdfast.sklearn" or find_spec("sklearn"):
            assert name in import_module(module).__all__, f"{full_name} is not public"


def raising_statements():
    """Yield the file and line of each `raise` of something and each call that warns, without the extension."""
    for path in sorted((ROOT / "gdfast").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            warns = isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "warn")
            if warns or (isinstance(node, ast.Raise) and node.exc is not None):
                yield place, node.lineno


def test_no_statement_is_missing_from_the_messages(found):
    """Each is read, or listed as one without a text of its own."""
    texts, unread = found
    known = {(one.module, one.line) for one in [*texts, *unread]}
    assert set(raising_statements()) <= known


def test_a_statement_with_a_text_in_it_is_read(found):
    """What is listed as without a text holds at most a place before the text of another error."""
    for one in found[1]:
        if "text is in its own entry" in one.why:
            continue
        words = re.sub(r"\{[^}]*\}", "", one.code.removeprefix("raise "))
        assert not re.search(r"f'[^']*[a-z]{3,} [a-z]+ [a-z]+", words), one


def test_the_page_has_every_message(messages, found):
    texts, unread = found
    page = messages.page()
    entries = messages.numbered(texts)
    assert len(entries) == page.count("{div} gdfast-message") > 400
    anchors = [anchor for anchor, _ in entries]
    assert len(set(anchors)) == len(anchors)
    for anchor, message in entries:
        assert f"({anchor})=" in page
        assert message.text in page
        assert message.cause or message.condition or message.function, message
    for one in unread:
        assert one.code.replace("|", "\\|") in page


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda fit: fit([[1.0]], [1.0], epochs=0), "must be a whole number of at least"),
        (lambda fit: fit([[1.0]], [1.0], loss="log-loss"), "is not known; choose one of <known>"),
        (lambda fit: fit([[1.0]], [1.0], alpha=1.0), "without a penalty has no effect"),
    ],
)
def test_a_message_that_is_raised_is_found(found, call, part):
    """The text of the entry, with anything in the place of its holes, is the text of the error."""
    import gdfast

    with pytest.raises(ValueError) as raised:  # noqa: PT011
        call(gdfast.fit)
    texts = [one.text for one in found[0] if part in one.text]
    patterns = [".*".join(re.escape(piece) for piece in re.split(r"<[^>]*>", text)) for text in texts]
    assert any(re.fullmatch(pattern, str(raised.value), re.S) for pattern in patterns), str(raised.value)


# Texts that no argument of a user leads to.
INTERNAL = {"__getitem__", "take", "run_together", "progress", "at", "velocity_at", "column_of"}


def test_every_message_says_what_to_do(messages, found):
    """Each names what is allowed or what to try, but for those that no argument leads to."""
    without = {message.function for message in found[0] if message.remedy == messages.OTHERWISE}
    assert without == INTERNAL


def test_a_text_that_is_appended_is_read(messages, tmp_path):
    """`text += ...` is an alternative where it is nested, several in one body belong together."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(
        "HINTS = {1: 'is one', 2: 'is two'}\n\n\n"
        "def check(rate, large):\n"
        "    text = f'{rate} is too high'\n"
        "    text += '; lower it'\n"
        "    if large:\n"
        "        text += ', or scale X'\n"
        "        text += f', by {large}'\n"
        "    count = 1\n"
        "    count += 1\n"
        "    raise ValueError(text)\n\n\n"
        "def hint(value):\n"
        "    for known, text in HINTS.items():\n"
        "        if value == known:\n"
        "            raise ValueError(f'{value} {text}')\n",
        encoding="utf-8",
    )
    texts, unread = messages.collect(messages.Source(tmp_path / "package"))
    assert unread == []
    assert [one.text for one in texts] == [
        "<rate> is too high; lower it",
        "<rate> is too high; lower it, or scale X, by <large>",
        "<value> is one",
        "<value> is two",
    ]


def test_the_list_of_messages_is_printed(found):
    done = subprocess.run([sys.executable, DOCS / "_ext" / "messages.py", "--list"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for one in found[0]:
        assert one.text in done.stdout


def test_the_package_names_pages_of_the_site_and_no_files_of_docs():
    """An installed user has no docs/; comments, which only a reader of the source sees, may name its files."""
    for path in sorted((ROOT / "gdfast").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"\bdocs/|[\w-]\.md\b", node.value), f"{path.name}:{node.lineno}"


def test_each_address_of_the_site_in_the_package_is_that_of_a_page():
    from gdfast._utils.site import SITE, page

    found = Counter()
    for path in sorted((ROOT / "gdfast").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.update(re.findall(rf"{re.escape(SITE)}([\w/-]+)\.html", text))
        found.update(re.findall(r"\bpage\('([\w/-]+)'\)", text))
    assert found
    for name in found:
        assert (DOCS / f"{name}.md").exists(), page(name)


def test_inventories_hold_names_that_pages_use():
    """Each is a plain list of the few names to which pages link."""
    for file in DOCS.glob("inventories/*.txt"):
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        assert first == "# Sphinx inventory version 1"
        assert all(line.startswith("# ") or len(line.split()) == 3 for line in lines)


NEEDED = ("sphinx", "numpydoc", "myst_parser", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_design")
NEEDED += ("sphinx_gallery", "latex2mathml", "typer", "sklearn", "matplotlib")


@pytest.mark.skipif(os.environ.get("GDFAST_TESTS") != "all", reason="takes a minute; GDFAST_TESTS=all runs it")
@pytest.mark.skipif(not (DOCS / "examples").exists(), reason="the gallery is not beside the pages")
@pytest.mark.skipif(any(find_spec(name) is None for name in NEEDED), reason="the extra docs is not installed")
def test_the_site_is_built_without_a_warning_and_asks_for_no_network(tmp_path):
    for name in ("docs", "gdfast"):
        ignored = shutil.ignore_patterns("_build", "generated", "auto_examples", "backreferences", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "../docs", "../site"]
    (tmp_path / "elsewhere").mkdir()  # so that `import gdfast` finds what is installed
    done = subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)\b[^>]*(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
        assert not loaded, f"{page.name} loads {loaded}"
