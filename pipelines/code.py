"""Check the recipe, and write down what code each stage runs: its fingerprint is what the stage depends on.

DVC hashes whole files and does not follow imports: with code as a dependency, a comment would retrain
everything, and a forgotten file nothing. This stage is quick and runs at every edit of code; the others run
when their own fingerprint changes.
"""

from common.errors import UsageError
from common.files import replacing
from pipelines.check_recipe import check_competition, check_recipe, check_targets
from pipelines.fingerprint import SourceTree
from pipelines.stage import run
from pipelines.workspace import Workspace

STAGES = ("download", "extra", "preprocess", "split", "labels", "train", "tta", "ensemble", "submit", "report")


def code(workspace: Workspace) -> None:
    """Write code/STAGE.txt for every other stage."""
    recipe = check_recipe(workspace)
    check_competition(workspace)
    check_targets(workspace, recipe)
    competition = f"competitions.{workspace.name}"
    tree = SourceTree(workspace.root, ("common", "pipelines", f"competitions/{workspace.name}"))
    with replacing(workspace.fingerprint("any").parent) as folder:
        folder.mkdir()
        for stage in STAGES:
            # These are imported by name, which the syntax tree does not show.
            roots = [f"pipelines.{stage}", f"{competition}.competition"]
            roots += [f"{competition}.sample"] if stage == "download" else []
            _refuse_unseen(workspace, tree.closure(roots))
            (folder / f"{stage}.txt").write_text(tree.fingerprint(roots), encoding="utf-8")


def _refuse_unseen(workspace: Workspace, closure: list[str]) -> None:
    """DVC runs this stage when competition.py changes: another module beside it would change unseen."""
    package = f"competitions.{workspace.name}"
    seen = {package, f"{package}.competition", f"{package}.sample"}
    unseen = [name for name in closure if name.startswith(f"{package}.") and name not in seen]
    if unseen:
        file = unseen[0].rpartition(".")[2]
        raise UsageError(
            f"competitions/{workspace.name}/{file}.py is imported, but DVC would not see it change: move what it holds "
            "to competition.py, or to common if it could serve other competitions"
        )


if __name__ == "__main__":
    run(code)
