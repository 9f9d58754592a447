"""A ramp of all 65,536 greys goes from a DICOM file to the network, and none is lost on the way."""

import hashlib

import numpy as np
import pytest
import torch

from common.dicom.convert import convert
from common.dicom.png import encode_png16
from common.dicom.transfer_syntax import EXPLICIT, JPEG_2000
from common.images.augment import augment
from common.images.cache import decode_once
from common.images.store import write_store
from common.training.network import Network
from tests.common.dicom.drawn import drawn

SIDE = 256
RAMP = np.arange(65536, dtype=np.uint16).reshape(SIDE, SIDE)


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_2000], ids=lambda syntax: syntax.name)
def test_every_grey_arrives(syntax, tmp_path):
    shown = convert(drawn(RAMP, syntax, PhotometricInterpretation="MONOCHROME1")).pixels
    assert np.array_equal(shown, 65535 - RAMP)

    png = encode_png16(shown)
    write_store(tmp_path / "images.zip", [("train/a.png", png)])
    hashes = [hashlib.sha256(png).hexdigest()]
    cached = decode_once(tmp_path / "images.zip", ["train/a.png"], hashes, 16, SIDE, "squash", 1, channels=1)
    pictures = cached[np.array([0])]
    assert np.array_equal(pictures[0, :, :, 0], shown)

    mirrored, light = augment(pictures, ["a"], "mirror", 1, "train", 0)
    assert len(np.unique(mirrored)) == 65536
    network = Network(torch.nn.Identity(), (0.5,), (0.25,))
    seen = network(torch.from_numpy(mirrored), torch.from_numpy(light))
    assert seen.dtype == torch.float32 and len(torch.unique(seen)) == 65536
    assert (seen.min(), seen.max()) == (-2, 2)


def test_a_reduced_and_turned_ramp_has_far_more_than_256_greys(tmp_path):
    wide = np.repeat(np.repeat(RAMP[:, :128], 2, 0), 2, 1)
    pictures = convert(drawn(wide)).pixels[None, :SIDE, :SIDE, None]
    turned, light = augment(pictures, ["a"], "radiograph", 1, "train", 0)
    network = Network(torch.nn.Identity(), (0.5,), (0.25,))
    seen = network(torch.from_numpy(turned), torch.from_numpy(light))
    assert len(torch.unique(seen)) > 10_000
