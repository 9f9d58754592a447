"""`podium eda`: a look at the data before any model, on the drawn sample, from raw files."""

import subprocess
import sys

from tests.browser import browser, chromium, opened
from tests.copied_repository import copy_repository, environment


def podium(folder, *arguments):
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)


def test_one_command_shows_the_data_and_trains_nothing(tmp_path):
    folder = copy_repository(tmp_path / "copy")
    done = podium(folder, "eda", "dogs_vs_cats")
    assert done.returncode == 0, done.stderr
    competition = folder / "competitions/dogs_vs_cats"
    page = competition / "report/eda.html"
    assert done.stdout.splitlines()[-1] == str(page)
    assert not (competition / "runs").exists() and not (competition / "ensemble/oof.parquet").exists()
    text = page.read_text()
    for heading in ("Labels", "Data", "Split and duplicates", "Samples a class", "Train and test"):
        assert f">{heading}</h" in text
    assert "not scored yet" in text
    if chromium():
        with browser() as running, opened(running, page) as shown:
            assert shown.errors == [] and shown.requests == []
            labels = shown.page.locator("#classes").inner_text()
            assert "119 rows" in labels and "120 rows" in labels


def test_data_that_cannot_be_read_is_said_and_no_page_is_left(tmp_path):
    folder = copy_repository(tmp_path / "copy")
    recipe = folder / "competitions/dogs_vs_cats/params.yaml"
    recipe.write_text(recipe.read_text().replace("max_unreadable: 1", "max_unreadable: 0"))
    done = podium(folder, "eda", "dogs_vs_cats")
    assert done.returncode == 1
    assert "1 of 320 pictures cannot be read" in done.stderr + done.stdout
    assert "podium: dogs_vs_cats: the data could not be made ready" in done.stderr
    assert not (folder / "competitions/dogs_vs_cats/report/eda.html").exists()
