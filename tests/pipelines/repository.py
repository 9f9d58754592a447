"""A small repository in a temporary folder, for tests of the command line."""

from pathlib import Path

from pipelines.workspace import Workspace

RECIPE = """\
# A small one.
recipe: small            # its name

source:
  kind: sample           # where from
  path: sample.py

preprocess: {max_unreadable: 1}
folds: 3                 # how many
folds_to_run: [0, 1, 2]  # which
split:
  near_duplicate_bits: 4
extra: []
use_corrections: false
models:
  # The first one.
  first:
    architecture: resnet10t
    weights: none        # from scratch
    image_size_px: 64
    epochs: 8            # passes
    learning_rate: 2e-3  # peak
    gradient_clip: null  # no limit
    effective_batch_size: 16

  second:
    architecture: test_efficientnet
    weights: none
    image_size_px: 32
    epochs: 4
    learning_rate: 0.004
    effective_batch_size: 16

tta:
  views: 4
ensemble: {}
submit: {}
"""


def make_repository(root: Path) -> Workspace:
    """Competition `pets` with recipes `small` (active) and `large`."""
    folder = root / "competitions" / "pets"
    (folder / "recipes").mkdir(parents=True)
    (root / "params.yaml").write_text("seed: 1\nmachine: {device: auto}\n")
    (folder / "competition.py").touch()
    (folder / "sample.py").touch()
    (folder / "recipes" / "small.yaml").write_text(RECIPE)
    large = RECIPE.replace("recipe: small", "recipe: large").replace("# A small", "# A large")
    large = large.replace("kind: sample", "kind: kaggle").replace("sample.py", "kaggle_files.txt")
    (folder / "recipes" / "large.yaml").write_text(large.replace("image_size_px: 64", "image_size_px: 384"))
    (folder / "params.yaml").write_text(RECIPE)
    return Workspace.open("pets", root)
