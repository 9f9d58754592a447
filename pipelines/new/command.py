"""`podium new`: look at raw files, ask what they leave open, say what was found, write a competition that runs."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.prompt import Confirm, Prompt

from common.errors import UsageError
from common.raw.files import RawFiles
from pipelines.edit_recipe import path_to_store
from pipelines.new.draft import Draft, draft
from pipelines.new.undecided import Answers, Undecided
from pipelines.new.write import require_free, write_competition
from pipelines.workspace import find_root

Ask = Callable[[Undecided], str]


def new_command(name: str, files: Path, here: Path, given: Mapping[str, str | None], yes: bool) -> int:
    """The exit code. `given`: what the options say; `files`: relative to `here`; `yes`: ask nothing."""
    root = find_root(here)
    require_free(root, name)
    path = (here / files.expanduser()).resolve()
    if not path.exists():
        raise UsageError(f"there is no folder or zip at {path}")
    asks = not yes and sys.stdin.isatty()
    stored = str(path_to_store(str(files), here, root / "competitions" / name))
    answers = {option: value for option, value in given.items() if value is not None}
    made = draft_asking(name, RawFiles(path), stored, answers, _ask if asks else None)
    print("\n".join(made.said))
    if asks and not Confirm.ask(f"Write competitions/{name}?", default=True):
        return 1
    write_competition(root, name, made)
    print(
        f"written: competitions/{name}/, tests/competitions/test_{name}.py, a stage in dvc.yaml\n"
        f"next: dvc repro {name} (recipe {made.recipe}; podium recipes {name} lists others)"
    )
    return 0


def draft_asking(name: str, raw: RawFiles, source_path: str, answers: Mapping[str, str], ask: Ask | None) -> Draft:
    """The draft, after asking what the files leave open; without `ask` that is an error which names the option."""
    known = dict(answers)
    while True:
        try:
            return draft(name, raw, source_path, Answers(known))
        except Undecided as question:
            if ask is None:
                raise
            known[question.option] = ask(question)


def _ask(question: Undecided) -> str:
    return Prompt.ask(question.question, choices=list(question.choices) or None)
