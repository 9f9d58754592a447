"""Which file a model's `weights` names. Knows no torch, so that a recipe is checked in no time."""

from pathlib import Path

from common.errors import UsageError

WITHOUT_A_FILE = ("hub", "none")
SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
_SAME_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # both formats of one network, as the hub keeps them


def find_weights_file(path: Path) -> Path:
    """The file itself, or the one weights file in a folder or below it, as in a Kaggle input folder.

    Raises UsageError where there is none, or more than one.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise UsageError(f"weights: {path}: expected a file of {', '.join(SUFFIXES)}")
        return path
    if not path.is_dir():
        raise UsageError(f"weights: no file or folder {path} (key `weights` of a model; hub and none need no file)")
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if len({file.parent for file in found}) == 1 and tuple(file.name for file in found) == _SAME_WEIGHTS:
        return found[0]
    if not found:
        raise UsageError(f"weights: {path} holds no file of {', '.join(SUFFIXES)}")
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in found[:8]) + (", ..." if len(found) > 8 else "")
        raise UsageError(f"weights: {path} holds {len(found)} weights files; name one of them: {names}")
    return found[0]
