"""What holds the repository together: stages and code, recipes and schema, imports, ranges and pins."""

import ast
import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.code import STAGES
from pipelines.recipe import read_recipe
from pipelines.workspace import competition_names

ROOT = Path(__file__).resolve().parents[1]
COMPETITIONS = competition_names(ROOT)
RECIPES = sorted((ROOT / "competitions").glob("*/recipes/*.yaml"))


@pytest.fixture(scope="module")
def stages() -> dict[str, list[PipelineStage]]:
    """The stages of each dvc.yaml as DVC reads them, `${...}` filled in; by folder, the root's being `.`."""
    found: dict[str, list[PipelineStage]] = {}
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            found.setdefault(Path(stage.wdir).relative_to(ROOT).as_posix(), []).append(stage)
    return found


def of_stage(stages: list[PipelineStage], name: str) -> list[PipelineStage]:
    """A stage, or all of its matrix."""
    return [stage for stage in stages if stage.name.partition("@")[0] == name]


def inputs_of(stage: PipelineStage) -> dict[str, list[str]]:
    """The files that a stage depends on, from its own folder, with the keys where it depends on some alone."""
    return {
        Path(os.path.relpath(one.fs_path, stage.wdir)).as_posix(): list(getattr(one, "params", ()))
        for one in stage.deps
    }


def test_the_root_asks_for_the_report_of_every_competition(stages):
    assert {stage.name: list(inputs_of(stage)) for stage in stages["."]} == {
        name: [f"competitions/{name}/report/index.html"] for name in COMPETITIONS
    }


@pytest.mark.parametrize("name", COMPETITIONS)
def test_every_stage_depends_on_its_own_code(stages, name):
    own = stages[f"competitions/{name}"]
    assert {stage.name.partition("@")[0] for stage in own} | {"extra"} == {"code", *STAGES}  # one a source, if any
    for stage in STAGES:
        for one in of_stage(own, stage):
            assert one.cmd.split(" --")[0] == f"python -m pipelines.{stage} {name}"
            assert [file for file in inputs_of(one) if file.startswith("code/")] == [f"code/{stage}.txt"]


@pytest.mark.parametrize("name", COMPETITIONS)
@pytest.mark.parametrize("folder", ["known_good", "find_lr", "extra", "sample_weights"])
def test_folders_of_the_users_that_stages_depend_on_are_there_though_empty(name, folder):
    assert (ROOT / "competitions" / name / folder / ".gitkeep").is_file()


@pytest.mark.parametrize("name", COMPETITIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_draws_depends_on_the_seed(stages, name, stage):
    draws = "workspace.seed" in (ROOT / "pipelines" / f"{stage}.py").read_text(encoding="utf-8")
    for one in of_stage(stages[f"competitions/{name}"], stage):
        assert not draws or "seed" in inputs_of(one)["../../params.yaml"]


def test_competitions_have_the_same_stages_but_for_their_name():
    texts = {}
    for name in COMPETITIONS:
        text = (ROOT / "competitions" / name / "dvc.yaml").read_text(encoding="utf-8")
        own = f"\nvars: [{{name: {name}}}]\n"
        assert text.count(own) == 1 and text.count(name) == text.split(own)[0].count(name) + 1, name
        texts[name] = text.replace(own, "\n")
    assert len(set(texts.values())) == 1, list(texts)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_every_recipe_is_valid_and_says_its_name(path):
    assert read_recipe(path).recipe == path.stem


def test_what_is_imported_is_declared():
    declared = {canonicalize_name(requirement.name) for requirement in requirements(dev=False)}
    distributions = packages_distributions()
    for folder in ("common", "pipelines", "competitions"):
        for path in (ROOT / folder).rglob("*.py"):
            for module in imported(path) - sys.stdlib_module_names - {"common", "pipelines", "competitions"}:
                installed_by = {canonicalize_name(name) for name in distributions.get(module, ())}
                assert installed_by & declared, f"{path.relative_to(ROOT)} imports {module}"


def test_every_requirement_has_a_pin_in_its_range():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(name): pin for name, _, pin in (line.partition("==") for line in lines)}
    for requirement in requirements(dev=True):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin and requirement.specifier.contains(pin), f"{requirement}: pinned to {pin}"


def test_make_names_the_environments_programs_by_their_path():
    """make 3.81, which macOS has, looks commands up in the PATH that it was started with."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    planned = subprocess.run(
        ["make", "--dry-run", "-o", ".venv/.installed", "demo", "test", "test-slow", "lint"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(planned) >= 8
    assert {line.split()[0] for line in planned if not line.startswith(".venv/bin/")} == {"echo"}


def requirements(dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    more = project["optional-dependencies"]["dev" if dev else "cluster"]
    return [Requirement(text) for text in [*project["dependencies"], *more]]


def imported(path: Path) -> set[str]:
    """The first names of all absolute imports of a file, also of those in functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}
