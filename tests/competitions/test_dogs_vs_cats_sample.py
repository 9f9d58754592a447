"""The drawn sample has Kaggle's layout, and the flaws that it says it has."""

import io
import json

import pytest
from PIL import Image

from common.errors import PodiumError
from common.images.decode import UnreadablePicture, decode
from common.raw.files import RawFiles
from competitions.dogs_vs_cats.competition import COMPETITION
from competitions.dogs_vs_cats.sample import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    draw(folder, seed=3)
    return folder


@pytest.fixture(scope="module")
def traps(folder):
    return json.loads((folder / "_traps.json").read_text())


def content(folder, id_: str) -> bytes:
    return (folder / ("train" if "." in id_ else "test") / f"{id_}.jpg").read_bytes()


def test_it_has_the_layout_of_the_competition(folder):
    examples = COMPETITION.read_examples(RawFiles(folder))
    train, test = (examples[examples["part"] == part] for part in ("train", "test"))
    assert train["label"].value_counts().to_dict() == {"cat": 120, "dog": 120}
    assert set(test["id"]) == {str(number) for number in range(1, 81)}
    assert test["label"].isna().all()
    assert (train["id"] == train["path"].str.removeprefix("train/").str.removesuffix(".jpg")).all()
    sample = RawFiles(folder).read_csv("sample_submission.csv")
    assert sample["id"].tolist() == [str(number) for number in range(1, 81)]
    assert set(sample["label"]) == {"0.5"}


def test_the_same_seed_draws_the_same_bytes(folder, tmp_path):
    draw(tmp_path, seed=3)
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(names) == 240 + 80 + 2
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_one_picture_of_all_is_cut_short(folder, traps):
    unreadable = []
    for path in sorted((folder / "train").iterdir()):
        try:
            decode(path.read_bytes())
        except UnreadablePicture:
            unreadable.append(path.stem)
    assert unreadable == [traps["truncated"]]


def test_special_encodings_are_what_they_say(folder, traps):
    def image(name: str) -> Image.Image:
        return Image.open(io.BytesIO(content(folder, traps[name])))

    assert image("greyscale").mode == "L"
    assert image("cmyk").mode == "CMYK"
    assert image("exif_rotated").getexif()[0x0112] == 6
    lying = image("exif_rotated").size
    assert decode(content(folder, traps["exif_rotated"])).pixels.shape[:2] == lying


def test_exact_duplicates_are_equal_bytes_and_near_ones_are_not(folder, traps):
    for original, copy in traps["exact_duplicates"]:
        assert content(folder, original) == content(folder, copy)
    for original, copy in traps["near_duplicates_across_classes"]:
        assert content(folder, original) != content(folder, copy)
        assert {original[:3], copy[:3]} == {"cat", "dog"}
    for original, copy in traps["near_duplicates_across_train_and_test"]:
        assert content(folder, original) != content(folder, copy)
        assert "." in original
        assert traps["test_labels"][copy] == original[:3]


def test_no_picture_is_in_two_traps(traps):
    singles = ("greyscale", "cmyk", "exif_rotated", "truncated")
    pairs = (name for name in traps if "duplicates" in name)
    ids = [*traps["wrong_labels"], *(traps[name] for name in singles)]
    ids += [id_ for name in pairs for pair in traps[name] for id_ in pair]
    assert len(ids) == len(set(ids)) == 6 + 4 + 2 * (3 + 3 + 2)


def test_a_folder_in_another_layout_has_no_examples(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.jpg").touch()
    assert COMPETITION.read_examples(RawFiles(tmp_path)).empty
    with pytest.raises(PodiumError):
        RawFiles(tmp_path).read_csv("sample_submission.csv")
