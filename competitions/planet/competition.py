"""Planet: Understanding the Amazon from Space: which tags describe a chip of 256 px, about 950 m of rainforest.

Four tags are weather, of which every chip has one; under a wholly `cloudy` sky there is no other tag. (Of 40,479 real
training rows one breaks the rule: it has no weather.) Scored by F2, so a missing tag costs more than one too many.
"""

from typing import TYPE_CHECKING

import pandas as pd

from common.competition import Competition
from common.decoding.expected_fbeta import Exclusive, ExpectedFbeta
from common.errors import PodiumError
from common.layouts import decoded_column, examples_of_table, find_pictures, rows_to_predict
from common.metrics import fbeta
from common.targets import Multilabel

if TYPE_CHECKING:
    from common.raw.files import RawFiles

WEATHER = ("clear", "partly_cloudy", "haze", "cloudy")
TAGS = (
    *WEATHER,
    *("primary", "water", "road", "agriculture", "cultivation", "habitation", "bare_ground"),
    *("slash_burn", "selective_logging", "blooming", "blow_down", "conventional_mine", "artisinal_mine"),
)
SAMPLE = "sample_submission_v2.csv"

by_expected_f2 = ExpectedFbeta(2, Exclusive(tags=tuple(map(TAGS.index, WEATHER)), alone=(TAGS.index("cloudy"),)))
tags = Multilabel(TAGS, decide=by_expected_f2)


def read_jpg(raw: "RawFiles") -> pd.DataFrame:
    """`train-jpg/train_0.jpg` is the picture of `train_0`; test pictures lie in two folders (on Kaggle's in one)."""
    _require_unpacked(raw)
    test = rows_to_predict(raw, SAMPLE, "image_name", "test-jpg", "test-jpg-additional", "test-jpg-v2")
    return examples_of_table(raw, "train_v2.csv", "image_name", {"tags": "tags"}, "train-jpg", test)


def read_tif(raw: "RawFiles") -> pd.DataFrame:
    """16 bits a band: blue, green, red, near infrared.

    The additional test pictures lie under wrong names: of the file `old` in test-tif-v2, the mapping gives in `new` the
    name that it should have, which is that of its JPEG and of its row in the submission.
    """
    _require_unpacked(raw)
    test = rows_to_predict(raw, SAMPLE, "image_name", "test-tif-v2")
    mapping = raw.read_csv("test_v2_file_mapping.csv")
    delivered = dict(zip(mapping["new"], mapping["old"], strict=True))
    named = [f"{id_}.tif" for id_ in test["id"]]
    test["path"] = find_pictures(raw, [delivered.get(name, name) for name in named], "test-tif-v2")
    examples = examples_of_table(raw, "train_v2.csv", "image_name", {"tags": "tags"}, "train-tif-v2", test)
    return examples.assign(bands="BGRN")


def submission(predictions: pd.DataFrame) -> pd.DataFrame:
    """The tags with the highest expected F2, as text."""
    return decoded_column(predictions, "tags", tags, "tags")


def _require_unpacked(raw: "RawFiles") -> None:
    packed = [name for name in raw.names() if name.endswith(".7z")]
    if packed and not raw.under("train-jpg") and not raw.under("train-tif-v2"):
        raise PodiumError(f"{raw.root}: unpack {packed[0]} and the like first (7z x FILE.tar.7z; tar xf FILE.tar)")


COMPETITION = Competition(
    slug="planet-understanding-the-amazon-from-space",
    title="Planet: Understanding the Amazon from Space",
    targets={"tags": tags},
    metric=fbeta(2, by_expected_f2),
    read_examples=read_jpg,
    inputs={"tif": read_tif},
    submission=submission,
    sample_submission=SAMPLE,
    id_column="image_name",
)
