"""Is everything there that the active recipe needs? Asked once, before the first stage does any work."""

from pathlib import Path

from common.errors import UsageError
from common.options import parse
from common.training.target_weights import weights_of_targets
from common.training.weights_file import WITHOUT_A_FILE, find_weights_file
from pipelines.recipe import Recipe, SharedParams, read_recipe
from pipelines.workspace import Machine, Workspace


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
    from common.training.timm_import import require_architecture  # seconds, so only where it is needed

    for name, model in recipe.models.items():
        where = f"{workspace.params_path}: models.{name}.architecture"
        require_architecture(model.architecture, model.weights == "hub", where)
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
    """A message for every file or folder that the recipe names and that is not there; names its key and path."""
    named = {"source.path": recipe.source.path}
    for name, model in recipe.models.items():
        if model.weights not in WITHOUT_A_FILE:
            named[f"models.{name}.weights"] = model.weights
    messages = []
    for key, text in named.items():
        path = workspace.folder / Path(text).expanduser()
        if key != "source.path" and path.exists():
            try:
                find_weights_file(path)
            except UsageError as error:
                messages.append(f"{workspace.params_path}: {key.removesuffix('weights')}{error}")
        if path.exists():
            continue
        looked = "" if text == str(path) else f" (looked for {path.resolve()})"
        messages.append(
            f"{workspace.params_path}: {key}: no such file: {text}{looked}; put it there,"
            f" or name another: podium set {workspace.name} {key}=PATH"
        )
    return messages
