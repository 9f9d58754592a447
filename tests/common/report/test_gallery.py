import base64

import cv2
import numpy as np
import pandas as pd
import pytest

from common.images.store import ImageStore, write_store
from common.report.gallery import Thumbnails, eight_bits


def thumbnails_of(tmp_path, pixels):
    in_test = np.full((10, 30), 255, np.uint8)
    stored = {"test/a.png": in_test, "train/a.png": pixels}
    encoded = [(name, cv2.imencode(".png", picture)[1].tobytes()) for name, picture in stored.items()]
    write_store(tmp_path / "images.zip", encoded)
    examples = pd.DataFrame(
        {
            "file": ["test/a.png", "train/a.png", None],
            "path": ["test/a.gif", "train/deep/a.tif", "train/b.jpg"],
        },
        index=pd.MultiIndex.from_tuples([("test", "a"), ("train", "a"), ("train", "b")]),
    )
    return Thumbnails(ImageStore(tmp_path / "images.zip"), examples)


def decoded(picture):
    data = base64.b64decode(picture.source.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_thumbnail_keeps_shape_colours_and_the_name_of_the_delivered_file(tmp_path):
    blue_above_red = np.zeros((600, 300, 3), np.uint8)
    blue_above_red[:300, :, 0] = 255
    blue_above_red[300:, :, 2] = 255
    picture = thumbnails_of(tmp_path, blue_above_red).picture(("train", "a"), "given cat")
    pixels = decoded(picture)
    assert pixels.shape == (200, 100, 3) == (picture.height_px, picture.width_px, 3)
    assert pixels[20, 50].argmax() == 0 and pixels[180, 50].argmax() == 2
    assert picture.alternative == "a.tif, given cat"


def test_a_dark_radiograph_can_be_seen():
    pixels = np.linspace(100, 900, 64 * 64).reshape(64, 64).astype(np.uint16)
    shown = eight_bits(pixels)
    assert shown.dtype == np.uint8
    assert shown.min() == 0 and shown.max() == 255
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()


def test_a_flat_picture_stays_flat():
    assert np.ptp(eight_bits(np.full((8, 8), 4000, np.uint16))) == 0


def test_examples_without_a_picture_are_left_out(tmp_path):
    thumbnails = thumbnails_of(tmp_path, np.zeros((8, 8), np.uint8))
    captions = {("train", "b"): ("unreadable",), ("train", "unknown"): (), ("train", "a"): ("read",)}
    assert [picture.file_name for picture in thumbnails.pictures(captions, 5)] == ["a.tif"]


def test_a_train_and_a_test_example_of_one_id_have_each_their_picture(tmp_path):
    thumbnails = thumbnails_of(tmp_path, np.zeros((8, 8), np.uint8))
    shown = thumbnails.pictures({("train", "a"): ("given cat",), ("test", "a"): ("in test",)}, 5)
    assert [picture.file_name for picture in shown] == ["a.tif", "a.gif"]
    assert [decoded(picture).shape for picture in shown] == [(8, 8), (10, 30)]


def test_of_four_bands_the_colours_are_shown(tmp_path):
    """The fourth band lies where PNG has its transparency; it is neither that nor does it set the brightness."""
    bands = np.zeros((20, 20, 4), np.uint16)
    bands[:10, :, 2], bands[:, :, 3] = 3000, 60000  # red above, as OpenCV counts; near infrared everywhere
    shown = decoded(thumbnails_of(tmp_path, bands).picture(("train", "a"))).astype(int)
    assert shown.shape == (20, 20, 3)
    assert (shown[2, 2] - [0, 0, 255]).tolist() == pytest.approx([0, 0, 0], abs=8) and shown[17, 17].max() < 8
