"""The files of a release: one version, the platforms that are named are built, and every file can be parsed."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(
    not (ROOT / "meson.build").exists(), reason="the tests stand alone, without the project"
)


def text_of(name):
    """Return the text of a file of the repository; the sdist leaves out some of them (packaging/dist.py)."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not in the sdist")
    return path.read_text(encoding="utf-8")


def load_yaml(text):
    return pytest.importorskip("yaml").safe_load(text)


def project():
    return tomllib.loads(text_of("pyproject.toml"))


def version():
    return re.search(r"project\('gdfast', version: '([^']+)'", text_of("meson.build"))[1]


def yaml_files():
    names = (".github/**/*.yml", ".pre-commit-config.yaml", ".readthedocs.yaml", "CITATION.cff", "packaging/**/*.yaml")
    return sorted(path.relative_to(ROOT).as_posix() for name in names for path in ROOT.glob(name))


@pytest.mark.parametrize("name", yaml_files())
def test_yaml_can_be_parsed(name):
    assert isinstance(load_yaml(text_of(name)), dict)


def test_json_can_be_parsed():
    config = json.loads(text_of("asv.conf.json"))
    assert config["project_url"] == project()["project"]["urls"]["Homepage"]
    assert config["show_commit_url"] == f"{config['project_url']}/commit/"


# -- the version, which stands in meson.build


def test_version_is_the_installed_one():
    import gdfast

    assert gdfast.__version__ == version()


def test_version_of_the_citation():
    citation = load_yaml(text_of("CITATION.cff"))
    assert citation["version"] == version()
    released = citation.get("date-released")
    assert released is None or isinstance(released, date)


def test_version_of_the_recipe():
    recipe = load_yaml(text_of("packaging/conda/recipe.yaml"))
    assert recipe["context"]["version"] == version()


def test_version_of_the_changelog():
    heading = re.search(r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)$", text_of("CHANGELOG.md"), re.M)
    assert heading[1] == version()
    released = load_yaml(text_of("CITATION.cff")).get("date-released")
    assert heading[2] == ("unreleased" if released is None else str(released))


# -- what the metadata say is done


def pythons():
    """Return the versions of Python that the classifiers name, as 3.11."""
    pattern = r"Programming Language :: Python :: (3\.\d+)"
    return [found[1] for name in project()["project"]["classifiers"] if (found := re.fullmatch(pattern, name))]


def test_each_python_of_the_classifiers_has_wheels():
    data = project()
    assert data["project"]["requires-python"] == f">={pythons()[0]}"
    wheels = {f"cp{python.replace('.', '')}-*" for python in pythons()}
    free_threaded = {name for name in data["tool"]["cibuildwheel"]["build"] if name.endswith("t-*")}
    assert set(data["tool"]["cibuildwheel"]["build"]) - free_threaded == wheels
    says_so = any("Free Threading" in name for name in data["project"]["classifiers"])
    assert bool(free_threaded) == says_so


def test_kernels_run_without_the_gil():
    """A kernel without the directive turns the GIL on at import, and warns, in a free-threaded Python."""
    if any("Free Threading" in name for name in project()["project"]["classifiers"]):
        kernels = sorted(ROOT.glob("src/kernels/*.pyx"))
        assert kernels
        for kernel in kernels:
            assert "freethreading_compatible=True" in kernel.read_text(encoding="utf-8"), kernel.name


def test_files_that_wheels_are_tested_by_exist():
    options = project()["tool"]["cibuildwheel"]
    commands = [options["test-command"], *(part.get("test-command", "") for part in options["overrides"])]
    named = [word for command in commands for word in command.split() if word.startswith("tests/")]
    assert named
    for name in [*named, *options["test-sources"]]:
        assert (ROOT / name).exists(), name
    for group in [*options["test-groups"], *(g for part in options["overrides"] for g in part.get("test-groups", []))]:
        assert group in project()["dependency-groups"]


def test_requirements_of_the_recipe():
    data = project()
    needed = load_yaml(text_of("packaging/conda/recipe.yaml"))["requirements"]
    of_the_recipe = {entry.replace(" ", "") for entry in needed["host"] + needed["run"]}
    assert {*data["build-system"]["requires"], *data["project"]["dependencies"]} <= of_the_recipe
    extras = data["project"]["optional-dependencies"]
    assert {entry.replace(" ", "") for entry in needed["run_constraints"]} == {*extras["numba"], *extras["sklearn"]}


def test_workflows_have_few_permissions():
    names = [name for name in yaml_files() if name.startswith(".github/workflows/")]
    if not names:
        pytest.skip("the sdist has no workflows")
    for name in names:
        workflow = load_yaml(text_of(name))
        assert workflow["permissions"] == {"contents": "read"}, name
        writers = [job for job, entry in workflow["jobs"].items() if "write" in entry.get("permissions", {}).values()]
        assert writers == (["publish"] if name.endswith("wheels.yml") else []), name


def test_issue_templates_are_forms():
    for name in yaml_files():
        if name.startswith(".github/ISSUE_TEMPLATE/") and not name.endswith("config.yml"):
            form = load_yaml(text_of(name))
            assert {"name", "description", "body"} <= set(form), name
            ids = [entry["id"] for entry in form["body"] if entry["type"] != "markdown"]
            assert len(ids) == len(set(ids)), name


def test_the_sdist_leaves_out_what_exists():
    dropped = re.search(r"REPOSITORY_ONLY = \((.*?)\)", text_of("packaging/dist.py"), re.S)[1]
    text_of(".ci/run")  # skips in an sdist
    for name in re.findall(r'"([^"]+)"', dropped):
        assert (ROOT / name).exists(), name
