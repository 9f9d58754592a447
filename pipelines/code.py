"""Check the recipe, and write down what code each stage runs: its fingerprint is what the stage depends on.

DVC hashes whole files and does not follow imports: with code as a dependency, a comment would retrain
everything, and a forgotten file nothing. This stage is quick and runs at every edit of code; the others run
when their own fingerprint changes.
"""

from common.files import replacing
from pipelines.check_recipe import check_recipe
from pipelines.fingerprint import SourceTree
from pipelines.stage import run
from pipelines.workspace import Workspace

STAGES = ("download", "preprocess", "split", "labels", "train", "tta", "ensemble", "submit", "report")


def code(workspace: Workspace) -> None:
    """Write code/STAGE.txt for every other stage."""
    check_recipe(workspace)
    tree = SourceTree(workspace.root, ("common", "pipelines", f"competitions/{workspace.name}"))
    with replacing(workspace.fingerprint("any").parent) as folder:
        folder.mkdir()
        for stage in STAGES:
            # The competition is imported by its name, which the syntax tree does not show.
            text = tree.fingerprint([f"pipelines.{stage}", f"competitions.{workspace.name}.competition"])
            (folder / f"{stage}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(code)
