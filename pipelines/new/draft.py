"""A new competition in memory: what was found in the raw files, and the text of every file that is to be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.labels.corrections import COLUMNS as CORRECTIONS
from common.layouts import pictures_under
from common.raw.files import RawFiles
from common.training.hub import require_hub
from pipelines.new.findings import findings, picture_sizes
from pipelines.new.layout import Layout, look
from pipelines.new.module import about, competition_module
from pipelines.new.own_test import own_test_module
from pipelines.new.recipes import PRETRAINED, Sizes, recipes
from pipelines.new.task import Task, decide
from pipelines.new.undecided import Answers

_LEDGER = "submitted_at,file_sha256,commit,recipe,cv,cv_standard_error,public,private,note\n"


@dataclass(frozen=True)
class Draft:
    """files: path in the competition's folder to text; `test`: the text of its test; `said`: what to tell the user."""

    files: Mapping[str, str]
    test: str
    said: Sequence[str]
    recipe: str


def draft(name: str, raw: RawFiles, source_path: str, answers: Answers) -> Draft:
    """A competition of pictures.

    source_path  the raw files, as the recipe's `source.path` has it

    Raises Undecided where the files leave something open, PodiumError where they are none of a competition's.
    """
    layout = look(raw, answers)
    task = decide(layout, answers)
    sizes = picture_sizes(raw, pictures_under(raw, layout.train))
    fit = Sizes(len(layout.labels), int(np.median(sizes.min(axis=1))))
    title = answers.get("title") or name.replace("_", " ").capitalize()
    scale = float(f"{pd.to_numeric(layout.labels).std() or 1.0:.2g}") if task.kind == "number" else 1.0
    texts = recipes(fit, source_path, task.metric in ("log_loss", "multilabel_log_loss"))
    active, reason = _recipe_for_here()
    said = findings(raw, layout, task, sizes)
    files = {
        "__init__.py": "",
        "competition.py": competition_module(title, answers.get("slug") or name.replace("_", "-"), layout, task, scale),
        "params.yaml": texts[active],
        **{f"recipes/{recipe}.yaml": text for recipe, text in texts.items()},
        "corrections.csv": ",".join(CORRECTIONS) + "\n",
        "ledger.csv": _LEDGER,
        "README.md": _readme(name, title, layout, task, said, texts),
    }
    return Draft(files, own_test_module(name, title, layout, task), [*said, f"recipe      {active}: {reason}"], active)


def _recipe_for_here() -> tuple[str, str]:
    """The recipe to begin with, and why."""
    try:
        require_hub(PRETRAINED)
    except PodiumError:
        return (
            "scratch",
            "from nothing, since the model hub does not answer; with weights, `small` is far better",
        )
    return "small", "ImageNet weights from the model hub; with a GPU, `gpu` is better"


def _readme(name: str, title: str, layout: Layout, task: Task, said: Sequence[str], texts: Mapping[str, str]) -> str:
    about_recipes = {recipe: text.partition("\n")[0].removeprefix("# ") for recipe, text in texts.items()}
    task_text = about(layout, task)
    return "\n".join(
        [
            f"# {title}",
            "",
            f"The task: {task_text}, scored by {task.metric}. `podium new` wrote this folder from what it found:",
            "",
            "```",
            *said[1:],
            "```",
            "",
            "Check the metric, and the `slug` in `competition.py` (Kaggle's name), on the competition's page. Then",
            "",
            "```bash",
            f"dvc repro {name}",
            f"podium show {name}",
            "```",
            "",
            "| recipe | what |",
            "|---|---|",
            *(f"| `{recipe}` | {text} |" for recipe, text in about_recipes.items()),
            "",
            f"`podium use {name} RECIPE` makes another one the active one.",
            "",
        ]
    )
