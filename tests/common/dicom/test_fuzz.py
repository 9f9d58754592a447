"""No input crashes the process, or takes memory or time without bound."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


def survived(seed: int, count: int, seconds: int) -> None:
    command = [sys.executable, "-m", "tests.common.dicom.fuzz", str(seed), str(count)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    assert (ended.returncode, ended.stdout) == (0, f"all {count} survived\n"), ended.stdout + ended.stderr


def test_500_damaged_files():
    survived(seed=0, count=500, seconds=120)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_20000_damaged_files(seed):
    survived(seed, 20_000, seconds=1200)
