"""`podium new`: raw files of every layout become a competition that runs as it is; what they leave open is asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import PodiumError, UsageError
from common.options import read_yaml
from common.raw.files import RawFiles
from pipelines.new.command import draft_asking, new_command
from pipelines.new.layout import look
from pipelines.new.task import decide
from pipelines.new.undecided import Answers, Undecided
from pipelines.recipe import read_recipe
from pipelines.workspace import Workspace
from tests.copied_repository import copy_repository, environment, repro
from tests.pipelines.drawn_layouts import CLASSES, LAYOUTS, class_folders, picture, table_of_classes

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ANSWERS = {"names": {"positive": "maple"}}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Raw files in every layout, by its name."""
    folder = tmp_path_factory.mktemp("drawn")
    for name, draw in LAYOUTS.items():
        draw(folder / name)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory, drawn) -> Path:
    """A copy of this repository, with a new competition of every layout."""
    folder = copy_repository(tmp_path_factory.mktemp("new") / "repository")
    for name in LAYOUTS:
        assert new_command(name, drawn / name, folder, ANSWERS.get(name, {}), yes=True) == 0
    return folder


def found(folder: Path, **answers: str):
    given = Answers({option.replace("_", "-"): answer for option, answer in answers.items()})
    layout = look(RawFiles(folder), given)
    return layout, decide(layout, given)


@pytest.mark.parametrize(
    ("name", "lies", "kind", "form", "metric"),
    [
        ("class_folders", ("folders", "train", "test"), "multiclass", "class columns", "log_loss"),
        ("table_of_classes", ("table", "train", "test"), "multiclass", "label", "accuracy"),
        ("table_of_tags", ("table", "train-jpg", "test-jpg"), "tags", "tags", "f1"),
        ("table_of_numbers", ("table", "images", "images"), "number", "number", "rmse"),
        ("names", ("names", "train", "test"), "binary", "probability", "log_loss"),
    ],
)
def test_it_finds_labels_pictures_and_the_task(drawn, name, lies, kind, form, metric):
    layout, task = found(drawn / name, **ANSWERS.get(name, {}))
    assert (layout.labels_in, layout.train, layout.test) == lies
    assert (task.kind, task.form, task.metric) == (kind, form, metric)
    assert task.classes == {"number": (), "binary": CLASSES[:2]}.get(kind, CLASSES)


def test_it_says_what_it_found(drawn):
    said = draft_asking("trees", RawFiles(drawn / "table_of_tags"), "trees", {}, None).said
    text = "\n".join(said)
    for part in (
        "60 to train on, below train-jpg/; 12 to predict, below test-jpg/",
        "'image_name' of sample_submission.csv",
        "column 'tags' of train_v2.csv: 3 tags",
        "48 x 40",
        "f1, a guess",
    ):
        assert part in text


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_new_folder_is_a_whole_competition(repository, name):
    workspace = Workspace.open(name, repository)
    dogs = repository / "competitions/dogs_vs_cats"
    elsewhere = {path.relative_to(dogs) for path in dogs.rglob("*")}
    written = {path.relative_to(workspace.folder) for path in workspace.folder.rglob("*") if path.is_file()}
    recipes = {Path("recipes") / f"{recipe}.yaml" for recipe in ("scratch", "small", "gpu")}
    assert written >= {Path("README.md"), Path("corrections.csv"), Path("ledger.csv"), Path("params.yaml")} | recipes
    assert written - recipes <= elsewhere
    assert {path for path in elsewhere if path.name == ".gitkeep"} <= written
    for path in [workspace.params_path, *(workspace.folder / "recipes").iterdir()]:
        recipe = read_recipe(path)
        assert recipe.source.kind == "local" and Path(recipe.source.path).is_dir()
        # The stages, which are alike in all competitions, may depend on any of these keys.
        assert set(read_yaml(dogs / "recipes" / "sample.yaml")) <= set(read_yaml(path))
    assert f"  {name}:\n    cmd: echo" in (repository / "dvc.yaml").read_text()


def test_what_it_writes_keeps_the_house_style(repository):
    paths = [f"competitions/{name}" for name in LAYOUTS] + ["tests/competitions"]
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *paths], cwd=repository, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_the_stages_of_all_competitions_are_known_to_dvc(repository):
    done = subprocess.run(
        ["dvc", "stage", "list", "--name-only", *(f"competitions/{name}/dvc.yaml" for name in LAYOUTS)],
        cwd=repository,
        env=environment(repository),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(":train@small-0") == len(LAYOUTS)


def test_the_tests_that_it_writes_pass_and_notice_a_picture_too_many(repository, drawn):
    def run(tests: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", f"tests/competitions/{tests}", "-p", "no:cacheprovider"],
            cwd=repository,
            env=environment(repository),
            capture_output=True,
            text=True,
        )

    done = run("")
    assert f"{2 * len(LAYOUTS)} passed" in done.stdout, done.stdout
    more = drawn / "class_folders" / "train" / "oak" / "more.jpg"
    picture(more, "oak", number=77)
    assert "1 failed" in run("test_class_folders.py").stdout
    more.unlink()


@pytest.mark.parametrize(
    "name",
    ["class_folders", *(pytest.param(name, marks=pytest.mark.slow) for name in LAYOUTS if name != "class_folders")],
)
def test_it_runs_to_a_checked_submission_without_an_edit(repository, name):
    done = repro(repository, name)
    assert done.returncode == 0, done.stdout
    submission = Workspace.open(name, repository).submission.read_text()
    assert len(submission.splitlines()) == 13


# What the files leave open.


def test_an_open_question_names_the_option_that_answers_it(drawn):
    with pytest.raises(Undecided, match=r"the probability of which class goes into 'label'.*--positive .*beech, maple"):
        found(drawn / "names")
    with pytest.raises(UsageError, match="--positive: 'mapel' is none of beech, maple; did you mean 'maple'"):
        found(drawn / "names", positive="mapel")


def test_on_a_terminal_it_asks(drawn):
    asked = []

    def ask(question: Undecided) -> str:
        asked.append((question.option, question.choices))
        return "maple"

    made = draft_asking("trees", RawFiles(drawn / "names"), "trees", {}, ask)
    assert asked == [("positive", ("beech", "maple"))]
    assert 'Binary("beech", "maple")' in made.files["competition.py"]


def label_table(folder: Path, labels: list[str], sample: str, header: str = "id,label") -> Path:
    """A table of labels of empty pictures; the sample's values are all `sample`."""
    rows = []
    for number, label in enumerate(labels):
        (folder / "train").mkdir(parents=True, exist_ok=True)
        (folder / "train" / f"{number}.jpg").touch()
        rows.append(f"{number},{label}")
    (folder / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "test").mkdir()
    (folder / "test" / "t.jpg").touch()
    (folder / "sample_submission.csv").write_text(f"id,label\nt,{sample}\n")
    return folder


@pytest.mark.parametrize(
    ("labels", "sample", "expected"),
    [
        (["0", "1"], "0.5", ("binary", "probability")),
        (["red", "green"], "", ("binary", "label")),
        (["b", "a", "c"], "a", ("multiclass", "label")),
        (["1.5", "2", "7"], "0", ("number", "number")),
        (["3 7 ", "3 ", "7 "], "3", ("tags", "tags")),
        (["big red", "small blue"], "big red", ("binary", "label")),
        (["a,b", "b,a", "a", "b", "c,a", "c"], "a,b", ("tags", "tags")),
        ([str(number) for number in range(60)], "0", ("number", "number")),
    ],
)
def test_labels_and_the_sample_tell_the_task(tmp_path, labels, sample, expected):
    quoted = [f'"{label}"' for label in labels * 2]
    _, task = found(label_table(tmp_path, quoted, f'"{sample}"'))
    assert (task.kind, task.form) == expected


@pytest.mark.parametrize(
    ("labels", "sample", "option"),
    [
        (["0", "1", "2", "3"], "0", "task"),
        (["0", "1"], "0", "metric"),
        (["cat", "dog"], "0.5", "positive"),
        (["a b", "b c", "a c", "a"], "a", "task"),
    ],
)
def test_what_could_be_either_is_asked(tmp_path, labels, sample, option):
    with pytest.raises(Undecided) as open_question:
        found(label_table(tmp_path, labels * 2, sample))
    assert open_question.value.option == option
    for choice in open_question.value.choices:
        found(tmp_path, **{option: choice})


def test_of_several_columns_the_one_that_is_handed_in_is_the_label(tmp_path):
    label_table(tmp_path, ["a,north,1", "b,south,2", "c,north,3"], "a", header="id,label,variety,age")
    assert found(tmp_path)[0].label_column == "label"
    (tmp_path / "sample_submission.csv").write_text("id,disease\nt,a\n")
    (tmp_path / "train.csv").write_text("id,first,second\n0,a,b\n1,b,a\n2,b,b\n")
    with pytest.raises(Undecided, match=r"which column of train\.csv is to be predicted.*--label .*first, second"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "sample_submission.csv").unlink(), "holds no CSV file; put a sample_submission.csv"),
        (lambda folder: (folder / "test" / "test3.jpg").unlink(), "no picture of id 'test3'"),
        (lambda folder: (folder / "train" / "oak").rename(folder / "train" / "ash"), "but none for 'ash'"),
    ],
)
def test_files_that_are_no_competition_are_refused_with_the_reason(tmp_path, spoil, message):
    class_folders(tmp_path / "trees", pictures=6)
    spoil(tmp_path / "trees")
    with pytest.raises(PodiumError, match=message):
        found(tmp_path / "trees")


def test_pictures_without_labels_are_refused(tmp_path):
    table_of_classes(tmp_path, pictures=6)
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "train" / "a000.jpg").rename(tmp_path / "train" / "first.jpg")
    with pytest.raises(PodiumError, match="found no labels of the 18 pictures: expected a folder a class"):
        found(tmp_path)


# All or nothing.


def test_a_competition_that_is_there_stays_as_it_is(repository, drawn):
    before = (repository / "dvc.yaml").read_bytes()
    with pytest.raises(UsageError, match="dogs_vs_cats is there already"):
        new_command("dogs_vs_cats", drawn / "class_folders", repository, {}, yes=True)
    with pytest.raises(UsageError, match="use small letters"):
        new_command("Trees!", drawn / "class_folders", repository, {}, yes=True)
    assert (repository / "dvc.yaml").read_bytes() == before


def test_what_cannot_be_written_whole_is_not_there_at_all(tmp_path, drawn):
    root = tmp_path / "repository"
    (root / "competitions" / "other").mkdir(parents=True)
    (root / "competitions" / "other" / "competition.py").touch()
    (root / "competitions" / "other" / "dvc.yaml").write_text("vars: [{name: other}]\nstages: {}\n")
    (root / "params.yaml").write_text("seed: 1\n")
    (root / "dvc.yaml").write_text("stages:\n  other:\n    cmd: echo\n")
    (root / "tests").write_text("where a folder should be")
    with pytest.raises(OSError):
        new_command("trees", drawn / "class_folders", root, {}, yes=True)
    assert [path.name for path in (root / "competitions").iterdir()] == ["other"]
    assert (root / "dvc.yaml").read_text() == "stages:\n  other:\n    cmd: echo\n"


@pytest.mark.parametrize(
    ("name", "answers", "expected"),
    [
        ("dogs_vs_cats", {"positive": "dog"}, ("names", "binary", 2, "probability", "log_loss")),
        ("dog_breeds", {}, ("table", "multiclass", 120, "class columns", "log_loss")),
        ("paddy", {}, ("table", "multiclass", 3, "label", "accuracy")),
    ],
)
def test_real_files_are_understood(name, answers, expected):
    if not (DATA / name).is_dir():
        pytest.skip(f"needs the real files of {name}")
    layout, task = found(DATA / name, **answers)
    assert (layout.labels_in, task.kind, len(task.classes), task.form, task.metric) == expected
