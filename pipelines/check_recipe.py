"""Is everything there that the active recipe needs? Asked once, before the first stage does any work."""

import difflib
from pathlib import Path

from common.errors import UsageError
from common.options import parse
from common.training.target_weights import weights_of_targets
from pipelines.recipe import Recipe, SharedParams, read_recipe
from pipelines.workspace import Machine, Workspace

WEIGHTS_WITHOUT_A_FILE = ("hub", "none")


def check_recipe(workspace: Workspace) -> Recipe:
    """The active recipe, after a look at both params files, at every file it names and every architecture.

    Raises UsageError naming the key, and what is missing or wrong.
    """
    recipe = read_recipe(workspace.params_path)
    parse(SharedParams, workspace.shared_params, str(workspace.root / "params.yaml"))
    Machine.of(workspace)
    missing = missing_files(workspace, recipe)
    if missing:
        raise UsageError("\n".join(missing))
    for name, model in recipe.models.items():
        _check_architecture(model.architecture, model.weights, f"{workspace.params_path}: models.{name}.architecture")
    return recipe


def check_competition(workspace: Workspace) -> None:
    """competition.py can be imported and says what the competition is; UsageError naming the mistake."""
    where = f"competitions/{workspace.name}/competition.py"
    try:
        workspace.competition  # noqa: B018  (importing it is the check)
    except (ImportError, AttributeError, NameError, SyntaxError, TypeError) as error:
        raise UsageError(f"{where}: {type(error).__name__}: {error}") from error


def check_targets(workspace: Workspace, recipe: Recipe) -> None:
    """Every model's weights are of targets that the competition has; UsageError naming the model and the target."""
    for name, model in recipe.models.items():
        try:
            weights_of_targets(model, workspace.competition.targets)
        except UsageError as error:
            raise UsageError(f"{workspace.params_path}: models.{name}.{error}") from None


def missing_files(workspace: Workspace, recipe: Recipe) -> list[str]:
    """A message for every file that the recipe names and that is not there; names its key and path."""
    named = {"source.path": recipe.source.path}
    for name, model in recipe.models.items():
        if model.weights not in WEIGHTS_WITHOUT_A_FILE:
            named[f"models.{name}.weights"] = model.weights
    messages = []
    for key, text in named.items():
        path = workspace.folder / Path(text).expanduser()
        if path.is_file() or (key == "source.path" and path.is_dir()):
            continue
        looked = "" if text == str(path) else f" (looked for {path.resolve()})"
        messages.append(
            f"{workspace.params_path}: {key}: no such file: {text}{looked}; put it there,"
            f" or name another: podium set {workspace.name} {key}=PATH"
        )
    return messages


def _check_architecture(architecture: str, weights: str, where: str) -> None:
    """timm knows the network and, where weights come from the hub, has weights of that name."""
    from common.training.timm_import import import_timm  # seconds, so only where it is needed

    timm = import_timm()
    bare, _, tag = architecture.partition(".")
    if not timm.is_model(bare):
        close = difflib.get_close_matches(bare, timm.list_models(), n=3, cutoff=0.5)
        hint = f"; near: {', '.join(close)}" if close else ""
        raise UsageError(f"{where}: timm {timm.__version__} knows no network '{bare}'{hint}")
    if weights != "hub":
        return
    pretrained = timm.list_pretrained(f"{bare}.*")
    if not pretrained:
        raise UsageError(f"{where}: the hub has no weights of '{bare}'; use weights: none, or a file")
    if tag and architecture not in pretrained:
        raise UsageError(f"{where}: the hub has no weights '{architecture}'; it has {', '.join(pretrained)}")
