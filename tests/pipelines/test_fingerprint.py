"""What an edit costs: comments, docstrings and layout nothing; code, what it can change."""

import textwrap
from pathlib import Path

import pytest

from pipelines.code import STAGES
from pipelines.fingerprint import SourceTree

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    files = {
        "common/__init__.py": "",
        "common/base.py": '"""Base."""\nLIMIT = 3\n',
        "common/mid.py": "from common.base import LIMIT\n\n\ndef double(x):\n    return x * 2 * LIMIT\n",
        "common/apart.py": "VALUE = 1\n",
        "common/page/__init__.py": "",
        "common/page/draw.py": "from .. import apart\n",
        "common/page/page.html": "<p>",
        "pipelines/__init__.py": "",
        "pipelines/train.py": "def train():\n    from common.mid import double\n\n    return double(2)\n",
        "pipelines/report.py": "import common.page.draw\nfrom common import mid\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def fingerprint(root, stage):
    return SourceTree(root, ("common", "pipelines")).fingerprint([f"pipelines.{stage}"])


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_closure_follows_imports_inside_functions_and_packages(tree):
    closure = SourceTree(tree, ("common", "pipelines")).closure(["pipelines.train"])
    assert closure == ["common", "common.base", "common.mid", "pipelines", "pipelines.train"]


def test_an_import_for_type_checking_alone_is_not_followed(tree):
    guarded = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import common.apart\n"
    (tree / "pipelines/train.py").write_text(guarded)
    assert "common.apart" not in SourceTree(tree, ("common", "pipelines")).closure(["pipelines.train"])


def test_relative_imports_are_followed(tree):
    closure = SourceTree(tree, ("common", "pipelines")).closure(["pipelines.report"])
    assert "common.apart" in closure and "common.page.draw" in closure


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 3  # because"),
        ("LIMIT = 3", "# a comment\n\nLIMIT   =   3"),
        ('"""Base."""', '"""Another\ndocstring."""'),
        ('"""Base."""\n', ""),
        ("LIMIT = 3", "LIMIT = (3)"),
    ],
)
def test_comments_docstrings_and_layout_change_no_fingerprint(tree, old, new):
    before = fingerprint(tree, "train")
    edit(tree / "common/base.py", old, new)
    assert fingerprint(tree, "train") == before


def test_the_words_under_a_constant_change_nothing(tree):
    before = fingerprint(tree, "train")
    edit(tree / "common/base.py", "LIMIT = 3\n", 'LIMIT = 3\n"""How many."""\n')
    assert fingerprint(tree, "train") == before


def test_a_docstring_inside_a_function_changes_nothing(tree):
    before = fingerprint(tree, "train")
    edit(tree / "common/mid.py", "def double(x):\n", 'def double(x):\n    """Twice."""\n')
    assert fingerprint(tree, "train") == before


@pytest.mark.parametrize(("old", "new"), [("LIMIT = 3", "LIMIT = 4"), ("LIMIT = 3", "LIMIT = '3'")])
def test_an_edit_two_imports_away_changes_the_fingerprint(tree, old, new):
    before = fingerprint(tree, "train")
    edit(tree / "common/base.py", old, new)
    assert fingerprint(tree, "train") != before


def test_what_only_the_report_imports_does_not_touch_training(tree):
    train, report = fingerprint(tree, "train"), fingerprint(tree, "report")
    edit(tree / "common/apart.py", "VALUE = 1", "VALUE = 2")
    assert fingerprint(tree, "train") == train
    assert fingerprint(tree, "report") != report


def test_a_page_template_counts_for_those_who_import_its_folder(tree):
    train, report = fingerprint(tree, "train"), fingerprint(tree, "report")
    edit(tree / "common/page/page.html", "<p>", "<p>!")
    assert fingerprint(tree, "train") == train
    assert fingerprint(tree, "report") != report


def test_the_real_stages_depend_on_what_they_should():
    source = SourceTree(ROOT, ("common", "pipelines", "competitions/dogs_vs_cats"))
    closures = {
        stage: source.closure([f"pipelines.{stage}", "competitions.dogs_vs_cats.competition"]) for stage in STAGES
    }
    assert all(f"pipelines.{stage}" in closures[stage] for stage in STAGES), "a stage has no module"
    assert all("competitions.dogs_vs_cats.competition" in closure for closure in closures.values())
    training = set(closures["train"])
    assert {"common.training.fit", "common.images.augment", "common.targets"} <= training
    elsewhere = ("common.report", "common.kaggle", "common.raw", "common.ensembling", "pipelines.cli")
    for name in (*elsewhere, "pipelines.recipe"):
        assert not any(module == name or module.startswith(name + ".") for module in training), name
    told = {"common.training", "common.training.options", "common.training.target_weights"}  # what a recipe may say
    for stage in ("split", "labels", "ensemble", "submit"):
        assert {module for module in closures[stage] if module.startswith("common.training")} <= told, stage


def test_fingerprints_do_not_depend_on_the_python_that_reads_them():
    """Fields that only newer Pythons have are empty here, and empty fields do not count."""
    import ast

    from common.code_hash import canonical

    source = textwrap.dedent("""
        def first(value: int = 3) -> str:
            "Doc."
            return f"{value!r:>{4}}"
    """)
    text = canonical(ast.parse(source))
    assert "type_params" not in text and "decorator_list" not in text and "Doc" not in text
