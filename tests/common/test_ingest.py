"""Pictures go into the store as they are, or as lossless PNG; the table says what they are."""

import io
import multiprocessing
import pickle
import zipfile

import cv2
import imagecodecs
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from common.errors import PodiumError
from common.images.ingest import ingest, work_folder
from common.images.perceptual_hash import FLAT, perceptual_hash, turned_and_mirrored
from common.images.spread import Spread
from common.images.store import ImageStore, write_store
from common.raw.files import RawFiles

HERE = Spread(workers=0)
RAMP_16_BIT = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def some_picture(seed: int, side_px: int = 48) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


def jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def raw(tmp_path):
    """40 JPEGs, so two batches; then a 16-bit PNG, a GIF, and a JPEG that is cut short."""
    folder = tmp_path / "raw"
    (folder / "train").mkdir(parents=True)
    for number in range(40):
        (folder / "train" / f"{number}.jpg").write_bytes(jpeg(some_picture(number)))
    (folder / "train" / "deep.png").write_bytes(cv2.imencode(".png", RAMP_16_BIT)[1].tobytes())
    Image.fromarray(some_picture(50)).save(folder / "train" / "moving.gif")
    (folder / "train" / "short.jpg").write_bytes(jpeg(some_picture(51))[:600])
    return RawFiles(folder)


def pictures_of(raw: RawFiles) -> pd.DataFrame:
    paths = raw.under("train")
    ids = [path.split("/")[1].partition(".")[0] for path in paths]
    return pd.DataFrame({"part": "train", "id": ids, "path": paths}).sort_values("id", ignore_index=True)


def test_pictures_are_stored_and_described(raw, tmp_path):
    pictures = pictures_of(raw)
    with work_folder(tmp_path / "images.zip") as work:
        facts = ingest(raw, pictures, tmp_path / "images.zip", work, HERE)
    assert not work.exists()
    table = pictures.join(facts).set_index("id")
    with ImageStore(tmp_path / "images.zip") as store:
        assert store.names() == sorted(table["file"].dropna())
        assert store.read_bytes("train/7.jpg") == raw.read_bytes("train/7.jpg")
        np.testing.assert_array_equal(store.read("train/deep.png"), RAMP_16_BIT)
        assert store.read("train/moving.png").shape == (48, 48, 3)
    assert table.loc["deep", ["width_px", "height_px", "channels", "bits"]].tolist() == [256, 256, 1, 16]
    assert table.loc["7", ["width_px", "height_px", "channels", "bits"]].tolist() == [48, 48, 3, 8]
    assert table.loc["7", "bytes"] == len(raw.read_bytes("train/7.jpg"))
    assert "cut short" in table.loc["short", "reason"]
    assert table["reason"].notna().sum() == 1
    # Beside the unreadable picture of its batch, a hash keeps all of its 64 bits.
    assert table.loc["moving", "perceptual_hash"] == perceptual_hash(some_picture_as_gif())


def some_picture_as_gif() -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(some_picture(50)).save(out, "GIF")
    return np.array(Image.open(out).convert("RGB"))


def test_the_number_of_workers_changes_no_byte(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("common.images.spread._WORKERS_START_SECONDS", 0.0)
    pictures = pictures_of(raw)
    tables = []
    for workers in (0, 2):
        with work_folder(tmp_path / f"{workers}.zip") as work:
            tables.append(ingest(raw, pictures, tmp_path / f"{workers}.zip", work, Spread(workers)))
    pd.testing.assert_frame_equal(*tables)
    assert (tmp_path / "0.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_a_rerun_does_only_what_is_left(raw, tmp_path):
    pictures, store = pictures_of(raw), tmp_path / "images.zip"
    with pytest.raises(PodiumError, match="too many"), work_folder(store) as work:
        facts = ingest(raw, pictures, store, work, HERE)
        raise PodiumError("too many are unreadable")
    assert facts["reason"].notna().sum() == 1
    finished = {path.name: path.stat().st_mtime_ns for path in work.glob("*.parquet")}
    assert len(finished) == 2
    (raw.root / "train" / "short.jpg").write_bytes(jpeg(some_picture(51)))
    mended = RawFiles(raw.root)
    with work_folder(store) as again:
        assert again == work
        assert ingest(mended, pictures, store, work, HERE)["reason"].isna().all()
        left = {path.name: path.stat().st_mtime_ns for path in work.glob("*.parquet")}
        assert len(left.keys() - finished.keys()) == 1  # the batch of the mended file
        assert all(left[name] == finished[name] for name in finished)
    assert not work.exists()
    with work_folder(tmp_path / "unbroken.zip") as fresh:
        assert fresh != work
        ingest(mended, pictures, tmp_path / "unbroken.zip", fresh, HERE)
    assert store.read_bytes() == (tmp_path / "unbroken.zip").read_bytes()


def test_the_store_is_a_plain_zip_with_fixed_times(tmp_path):
    write_store(tmp_path / "a.zip", [("test/1.png", b"one"), ("train/1.png", b"two")])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    with pytest.raises(ValueError, match="sorted"):
        write_store(tmp_path / "b.zip", [("2", b""), ("1", b"")])
    assert not (tmp_path / "b.zip").exists()


def test_the_store_can_be_pickled_and_forked(tmp_path):
    pixels = some_picture(1)
    write_store(tmp_path / "a.zip", [("1.png", cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes())])
    store = ImageStore(tmp_path / "a.zip")
    store.read("1.png")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(store.read, ("1.png",)), pixels)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).read("1.png"), pixels)


def test_the_store_names_what_is_missing_or_damaged(tmp_path):
    path = tmp_path / "a.zip"
    with pytest.raises(PodiumError, match="run preprocess"):
        ImageStore(path)
    write_store(path, [("1.png", b"content of a picture")])
    with pytest.raises(PodiumError, match=r"no picture '2\.png'"):
        ImageStore(path).read("2.png")
    path.write_bytes(path.read_bytes().replace(b"content of", b"CONTENT of"))
    with pytest.raises(PodiumError, match=r"'1\.png' is damaged"):
        ImageStore(path).read_bytes("1.png")


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_a_perceptual_hash_survives_another_encoding_and_size(seed):
    pixels = some_picture(seed, side_px=300)
    smaller = cv2.resize(pixels, (230, 230), interpolation=cv2.INTER_AREA)
    again = np.array(Image.open(io.BytesIO(jpeg(smaller, quality=60))))
    assert distance(perceptual_hash(pixels), perceptual_hash(again)) <= 4
    assert distance(perceptual_hash(pixels), perceptual_hash(pixels.astype(np.uint16) * 257)) <= 2
    assert distance(perceptual_hash(pixels), perceptual_hash(some_picture(seed + 100, 300))) > 12


@pytest.mark.parametrize("seed", range(4))
def test_the_hash_of_a_turned_or_mirrored_picture_follows_from_that_of_the_upright_one(seed):
    pixels = some_picture(seed, 300)
    positions = [np.rot90(one, quarters) for one in (pixels, pixels[:, ::-1]) for quarters in range(4)]
    hashes = [perceptual_hash(np.ascontiguousarray(one)) for one in positions]
    derived = turned_and_mirrored(np.array([hashes[0]], dtype=np.uint64))[:, 0]
    assert derived[0] == hashes[0]
    assert len(set(derived.tolist())) == 8
    for derived_hash in derived:
        assert min(distance(int(derived_hash), hash_) for hash_ in hashes) <= 1  # a wave of strength 0 has no sign


def test_a_picture_in_a_narrow_part_of_sixteen_bits_is_not_flat():
    """As sensors of 12 bits give them, and satellites: what would be one grey level of 8 bits is a picture."""
    narrow = 3000 + some_picture(60).astype(np.uint16)
    assert perceptual_hash(narrow) == perceptual_hash(some_picture(60).astype(np.uint16) * 257) != FLAT
    assert perceptual_hash(np.random.default_rng(0).integers(3000, 3010, (200, 200), dtype=np.uint16)) == FLAT


def test_a_flat_picture_has_no_telling_hash():
    assert perceptual_hash(np.full((50, 50, 3), 200, np.uint8)) == FLAT
    assert perceptual_hash(np.random.default_rng(0).integers(118, 121, (200, 200), dtype=np.uint8)) == FLAT


def test_tiffs_of_four_bands_keep_them_where_the_table_names_their_order(tmp_path):
    bands = np.dstack([RAMP_16_BIT, RAMP_16_BIT.T, RAMP_16_BIT[::-1], RAMP_16_BIT[:, ::-1]])
    folder = tmp_path / "raw" / "train"
    folder.mkdir(parents=True)
    (folder / "a.tif").write_bytes(imagecodecs.tiff_encode(bands, photometric="minisblack", extrasample="unspecified"))
    (folder / "b.jpg").write_bytes(jpeg(some_picture(1)))
    pictures = pictures_of(RawFiles(tmp_path / "raw")).assign(bands=["BGRN", ""])
    with work_folder(tmp_path / "images.zip") as work:
        facts = ingest(RawFiles(tmp_path / "raw"), pictures, tmp_path / "images.zip", work, HERE)
    assert facts["reason"].isna().all()
    assert facts["channels"].tolist() == [4, 3] and facts["bits"].tolist() == [16, 8]
    with ImageStore(tmp_path / "images.zip") as store:
        np.testing.assert_array_equal(store.read("train/a.png"), bands[:, :, [2, 1, 0, 3]])
