"""`podium augment`: one picture twelve times beside the plain one, with the draws named."""

import cv2
import numpy as np
import pandas as pd
import pytest

from common.errors import UsageError
from common.images.contact_sheet import contact_sheet
from common.images.decode import encode_png
from common.images.store import ImageStore, write_store
from common.tables import write_table
from common.training.options import ModelOptions
from pipelines.augment import TIMES, _tiles, _view, augment_command
from tests.pipelines.repository import RECIPE, make_repository


def make(folder, dtype=np.uint8, **options):
    """A competition of five pictures, and a recipe with these options of its first model."""
    pets = make_repository(folder)
    lines = "".join(f"    {name}: {value}\n" for name, value in options.items())
    pets.params_path.write_text(
        RECIPE.replace("    architecture: resnet10t\n", f"    architecture: resnet10t\n{lines}")
    )
    rng = np.random.default_rng(0)
    shape = (40, 50) if dtype == np.uint16 else (40, 50, 3)
    names = [f"train/cat.{number}.png" for number in range(5)]
    pictures = [rng.integers(0, np.iinfo(dtype).max // 4, shape, dtype=dtype) for _ in names]
    pets.data.mkdir(parents=True)
    write_store(pets.images, [(name, encode_png(one)) for name, one in zip(names, pictures, strict=True)])
    bits = 8 * np.dtype(dtype).itemsize
    ids = [name[6:-4] for name in names]
    write_table(pets.examples, pd.DataFrame({"part": "train", "id": ids, "file": names, "bits": bits}))
    return pets


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1)])
@pytest.mark.parametrize("augmentation", ["photo", "top_down", "radiograph", "none"])
def test_the_sheet_is_a_png_in_the_report_folder(tmp_path, dtype, channels, augmentation):
    pets = make(tmp_path, dtype, augmentation=augmentation, channels=channels, mixup=0.2, random_erasing=0.5)
    path = augment_command(pets, None, None, None)
    assert path == pets.report.parent / "augment-first-cat.0.png"
    sheet = cv2.imread(str(path))
    assert sheet.shape[1] > 5 * 224 and sheet.shape[0] > 3 * 224


def test_the_plain_picture_comes_first_and_each_epoch_says_what_was_drawn(tmp_path):
    pets = make(tmp_path, augmentation="photo", cutmix=1.0, random_erasing=0.5)
    options = pets.section(ModelOptions, "models", "first")
    tiles = list(_tiles(_view(pets, options), 2, options, 1))
    assert len(tiles) == 1 + TIMES and tiles[0][1] == ["as in validation"]
    plain = cv2.resize(ImageStore(pets.images).read("train/cat.2.png"), (64, 64))
    np.testing.assert_allclose(tiles[0][0], plain / 255, atol=2 / 255)
    said = "\n".join(line for _, lines in tiles[1:] for line in lines)
    for name in (
        "rotation",
        "zoom",
        "stretch",
        "shift",
        "contrast",
        "brightness",
        "turned mirrored",
        "cutmix",
        "erased",
    ):
        assert name in said
    assert tiles[3][1][0] == "epoch 3"
    assert len({pixels.tobytes() for pixels, _ in tiles}) == 1 + TIMES


def test_an_unknown_id_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match=r"no training picture 'cat.33'.*did you mean 'cat.3'"):
        augment_command(make(tmp_path), None, "cat.33", None)


def test_the_path_can_be_chosen_and_nothing_else_is_written(tmp_path):
    pets = make(tmp_path / "repository")
    before = set((tmp_path / "repository").rglob("*"))
    chosen = augment_command(pets, "second", "cat.4", tmp_path / "sheet.png")
    assert chosen == tmp_path / "sheet.png" and chosen.stat().st_size > 1000
    assert set((tmp_path / "repository").rglob("*")) == before


def test_tiles_of_one_channel_are_shown_grey():
    data = contact_sheet("title", [(np.full((8, 8, 1), 0.5, np.float32), ["one line"])])
    sheet = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    middle = sheet[40 + 112, 12 + 112]
    assert middle.tolist() == [128, 128, 128]
