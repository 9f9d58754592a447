"""The command line `podium`. Each command calls one function; what it needs is imported when it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from common.errors import PodiumError
from pipelines import dicom_cli

app = typer.Typer(
    name="podium",
    help="Kaggle competitions, from raw files to a checked submission.\n\n"
    "A competition's stages are run by DVC: [bold]dvc repro NAME[/bold]. NAME is a folder in competitions/;"
    " every command works from any folder of the repository.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.add_typer(dicom_cli.app)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The competition's folder name, as dogs_vs_cats.")]


@app.command(epilog="Example: podium new leaf_disease ~/leaf-disease --metric macro_f1")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of its folder: small letters, digits and _.")],
    files: Annotated[Path, typer.Argument(metavar="FOLDER", help="The raw files, as Kaggle delivers them; or a zip.")],
    task: Annotated[str | None, typer.Option(help="What a label is: class, tags or number.")] = None,
    metric: Annotated[str | None, typer.Option(help="The leaderboard's, as log_loss, accuracy, f1, rmse.")] = None,
    positive: Annotated[str | None, typer.Option(help="Of two classes, whose probability is handed in.")] = None,
    table: Annotated[str | None, typer.Option(help="The CSV file with the labels.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Its column that names the picture.")] = None,
    label: Annotated[str | None, typer.Option(help="Its column that is to be predicted.")] = None,
    sample: Annotated[str | None, typer.Option(help="The CSV file that is the sample submission.")] = None,
    train_folder: Annotated[str | None, typer.Option(help="The folder of the training pictures.")] = None,
    test_folder: Annotated[str | None, typer.Option(help="The folder of the pictures to predict.")] = None,
    title: Annotated[str | None, typer.Option(help="The competition's name in words.")] = None,
    slug: Annotated[str | None, typer.Option(help="Kaggle's name of it, as in its address.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: fail where the files leave something open.")] = False,
) -> None:
    """Make a competition of a folder of raw files: say what was found, and write a folder that runs as it is.

    Labels may lie in a CSV (a class, tags or a number), in a folder a class, or in the pictures' names; a sample
    submission says what is to be handed in. The options answer what the files leave open; on a terminal it asks.
    """
    from pipelines.new.command import new_command

    given = {"task": task, "metric": metric, "positive": positive, "table": table, "id": id_, "label": label}
    given |= {"sample": sample, "train-folder": train_folder, "test-folder": test_folder, "title": title, "slug": slug}
    raise typer.Exit(new_command(name, files, Path.cwd(), given, yes))


@app.command(epilog="Example: podium use dogs_vs_cats cpu")
def use(
    name: Name,
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A file in recipes/, without .yaml.")],
    force: Annotated[bool, typer.Option("--force", help="Drop edits in params.yaml.")] = False,
) -> None:
    """Make another recipe the active one: copy it to params.yaml, and keep the present source of the data."""
    from pipelines.edit_recipe import use_recipe
    from pipelines.workspace import Workspace

    print(use_recipe(Workspace.open(name), recipe, force))


@app.command("set", epilog="Example: podium set dogs_vs_cats source.kind=local source.path=~/dogs 'folds_to_run=[0,1]'")
def set_(
    name: Name,
    assignments: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="As models.resnet.epochs=3; values are YAML.")
    ],
) -> None:
    """Change keys of the active recipe: all of them, or none. Comments and layout stay.

    Paths (source.path, models.MODEL.weights) are understood from the current folder.
    """
    from pipelines.edit_recipe import set_keys
    from pipelines.workspace import Workspace

    for line in set_keys(Workspace.open(name), assignments, Path.cwd()):
        print(line)


@app.command(epilog="Example: podium recipes dogs_vs_cats")
def recipes(name: Name) -> None:
    """List a competition's recipes, one line each; * marks the active one."""
    from pipelines.edit_recipe import describe_recipes
    from pipelines.workspace import Workspace

    print(describe_recipes(Workspace.open(name)))


@app.command(epilog="Example: podium show dogs_vs_cats")
def show(name: Name) -> None:
    """Print the last result: CV score with its error, the submission and its checks, the report."""
    from pipelines.show import show
    from pipelines.workspace import Workspace

    print(show(Workspace.open(name)))


@app.command(epilog="Example: podium eda dogs_vs_cats")
def eda(name: Name) -> None:
    """Look at the data before any model: labels, sizes, samples a class, duplicates, train against test.

    Runs the stages up to split where they are out of date, and writes report/eda.html, one page that needs no network.
    """
    from pipelines.eda import eda_command
    from pipelines.workspace import Workspace

    print(eda_command(Workspace.open(name)))


@app.command(epilog="Example: podium predict dogs_vs_cats holiday/*.jpg --csv holiday.csv")
def predict(
    name: Name,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures in any format.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, all classes.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write all classes to a CSV file.")] = None,
) -> None:
    """Say what the trained ensemble sees in single pictures, on the CPU, prepared as in training.

    A picture that cannot be read is named, the others are predicted, and the exit code is 1.
    """
    from pipelines.predict import predict_command
    from pipelines.workspace import Workspace

    raise typer.Exit(predict_command(Workspace.open(name), files, as_json, csv))


@app.command(epilog="Example: podium correlate submission.csv best_so_far.csv --min 0.95 --json")
def correlate(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A submission.")],
    known_good: Annotated[Path, typer.Argument(metavar="KNOWN_GOOD", help="One whose score proved it right.")],
    minimum: Annotated[float, typer.Option("--min", help="Exit with 1 below this correlation.")] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a submission with a known-good one, id by id, and say what went wrong where it did."""
    from pipelines.correlate import correlate_command

    raise typer.Exit(correlate_command(new, known_good, minimum, as_json))


@app.command("find-lr", epilog="Example: podium find-lr dogs_vs_cats resnet")
def find_lr(
    name: Name,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A key under models of the recipe.")],
    fold: Annotated[
        int | None, typer.Option("--fold", help="Train without this fold.", show_default="the first that is run")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=20, help="Optimiser steps from 1e-7 to 10.")] = 100,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for the plot.", show_default="find_lr/, for the report")
    ] = None,
) -> None:
    """Raise the learning rate until the loss diverges, plot it, and suggest a value with its reason.

    Needs the data as the stages up to labels leave them: dvc repro dvc.yaml:labels in the competition's folder.
    """
    from pipelines.find_lr import find_lr
    from pipelines.workspace import Workspace

    print(*find_lr(Workspace.open(name), model, fold, steps, output), sep="\n")


@app.command(epilog="Example: podium doctor")
def doctor() -> None:
    """Look at Python, torch, disk, credentials, versions; say what to do. Exits 1 where no run can work."""
    from pipelines.doctor import doctor_command

    raise typer.Exit(doctor_command(Path.cwd()))


@app.command(epilog="Example: podium clean --dry-run")
def clean(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Only the runs of this competition.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list, with sizes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Free disk space: runs that left the recipe, unused objects of DVC's cache. See also podium cache.

    Never drops what a dvc.lock names, here or in a commit, nor what stands behind a row of a ledger.csv.
    """
    from pipelines.clean import clean_command

    raise typer.Exit(clean_command(Path.cwd(), name, dry_run, yes))


@app.command(epilog="Example: podium augment dogs_vs_cats --model resnet --id cat.17")
def augment(
    name: Name,
    model: Annotated[
        str | None, typer.Option("--model", help="A key under models of the recipe.", show_default="the first")
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Of a training picture.", show_default="the first")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="The PNG.", show_default="report/augment-MODEL-ID.png")
    ] = None,
) -> None:
    """Draw one picture as validation sees it and as twelve epochs of training do, with what was drawn; print the path.

    Needs the data as the stage preprocess leaves them.
    """
    from pipelines.augment import augment_command
    from pipelines.workspace import Workspace

    print(augment_command(Workspace.open(name), model, id_, output))


cache = typer.Typer(epilog="Example: podium cache clear decoded --yes", rich_markup_mode="rich")
app.add_typer(cache, name="cache")


@cache.callback(invoke_without_command=True)
def list_cache(context: typer.Context) -> None:
    """List the scratch cache (decoded pictures, features, unfinished work): what, size, last used; or clear it."""
    if context.invoked_subcommand is None:
        from pipelines.scratch import list_command

        raise typer.Exit(list_command(Path.cwd()))


@cache.command("clear", epilog="Example: podium cache clear decoded --yes")
def clear_cache(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KIND or NAME ...]", help="As podium cache lists them.", show_default="all"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop what waits in the scratch cache, except for what is being written; it is made again when needed."""
    from pipelines.scratch import clear_command

    raise typer.Exit(clear_command(Path.cwd(), what or [], yes))


def main() -> None:
    """Errors of the user's are one message and an exit code; only ours have a traceback."""
    try:
        app()
    except PodiumError as error:
        print(f"podium: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
