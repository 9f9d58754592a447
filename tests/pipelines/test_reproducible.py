"""The whole pipeline from drawn files to the submission: it repeats, and an edit costs what it must.

The tests of this file share one finished copy of the repository; each leaves it as it found it.
"""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.copied_repository import TINY_RECIPE, copy_repository, environment, repro, set_machine, stages_run

STAGES = {
    "code", "download", "preprocess", "split", "labels", "train@tiny-0", "train@tiny-1", "tta@tiny", "ensemble",
    "submit", "report",
}  # fmt: skip
RUN_ONLY_FOR_CODE = {"code"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = copy_repository(tmp_path_factory.mktemp("finished") / "podium")
    set_machine(folder, threads=1, loader_workers=0)
    run = repro(folder)
    assert run.returncode == 0, run.stdout
    assert set(stages_run(run.stdout)) == {*STAGES, "dogs_vs_cats"}
    return folder


def competition(folder, path):
    return folder / "competitions/dogs_vs_cats" / path


def edited(folder, path, change):
    """Apply `change` to a file's text, run, put the file back, run again; gives the stages of the first run."""
    file = folder / path
    before = file.read_text()
    after = change(before)
    assert after != before
    file.write_text(after)
    run = repro(folder)
    file.write_text(before)
    assert run.returncode == 0, run.stdout
    assert repro(folder).returncode == 0
    return set(stages_run(run.stdout))


def test_the_submission_is_whole_and_checked(finished):
    submission = pd.read_csv(competition(finished, "submission.csv"))
    assert list(submission.columns) == ["id", "label"] and len(submission) == 80
    report = pd.read_json(competition(finished, "submission.json"), typ="series")
    assert report["ok"] and len(report["checks"]) >= 6
    assert competition(finished, "report/index.html").stat().st_size > 100_000


def test_a_second_run_does_nothing(finished):
    run = repro(finished)
    assert run.returncode == 0 and stages_run(run.stdout) == []


def test_another_run_from_scratch_gives_the_same_bytes_with_two_loader_workers(finished, tmp_path):
    again = copy_repository(tmp_path / "again")
    set_machine(again, threads=1, loader_workers=2, workers=1)
    run = repro(again)
    assert run.returncode == 0, run.stdout
    for path in ("submission.csv", "split.json", "ensemble/cv.json"):
        assert competition(finished, path).read_bytes() == competition(again, path).read_bytes(), path
    for fold in "01":
        weights = f"runs/tiny/folds/{fold}/weights.safetensors"
        assert competition(finished, weights).read_bytes() == competition(again, weights).read_bytes()


@pytest.mark.parametrize("path", ["common/training/fit.py", "common/files.py", "pipelines/workspace.py"])
def test_a_comment_reruns_no_stage_but_the_look_at_the_code(finished, path):
    ran = edited(finished, path, lambda text: text.replace('"""', '"""Really: ', 1) + "\n\n# A last word.\n")
    assert ran == RUN_ONLY_FOR_CODE


def test_an_edit_of_the_report_retrains_nothing(finished):
    ran = edited(finished, "common/report/page.html", lambda text: text.replace("</body>", "<p>More.</p></body>"))
    assert ran == {"code", "report", "dogs_vs_cats"}


def test_an_edit_of_what_training_imports_retrains(finished):
    ran = edited(
        finished, "common/training/schedule.py", lambda text: text.replace("_cosine(1.0, 1e-4,", "_cosine(1.0, 1.1e-4,")
    )
    assert {"train@tiny-0", "train@tiny-1", "tta@tiny", "ensemble", "submit"} <= ran
    assert not {"download", "preprocess", "split", "labels"} & ran


def test_the_ensemble_s_options_retrain_nothing(finished):
    ran = edited(
        finished, "competitions/dogs_vs_cats/params.yaml", lambda text: text.replace("clip: 0.01", "clip: 0.02")
    )
    assert "ensemble" in ran and not any(stage.startswith(("train", "tta")) for stage in ran)


def test_test_time_views_never_retrain(finished):
    ran = edited(finished, "competitions/dogs_vs_cats/params.yaml", lambda text: text.replace("views: 1", "views: 2"))
    assert "tta@tiny" in ran and not any(stage.startswith("train") for stage in ran)


def test_a_correction_moves_no_fold(finished):
    folds = competition(finished, "data/folds.parquet").read_bytes()
    corrections = competition(finished, "corrections.csv")
    ran = edited(
        finished, corrections.relative_to(finished), lambda text: text + "cat.7,relabel,cat,dog,me,2026-01-01,a dog\n"
    )
    assert "labels" in ran, "the table of corrections is read"
    assert not any(stage.startswith(("split", "train", "tta")) for stage in ran), "but this recipe does not use it"
    assert competition(finished, "data/folds.parquet").read_bytes() == folds


def test_a_correction_that_the_recipe_uses_retrains_on_the_new_label(finished, tmp_path):
    folds = competition(finished, "data/folds.parquet").read_bytes()
    with_correction = tmp_path / "corrected"
    shutil.copytree(finished, with_correction, symlinks=True)
    shutil.copytree(f"{finished}-scratch", f"{with_correction}-scratch")
    competition(with_correction, "params.yaml").write_text(
        TINY_RECIPE.replace("use_corrections: false", "use_corrections: true")
    )
    with open(competition(with_correction, "corrections.csv"), "a") as file:
        file.write("cat.7,relabel,cat,dog,me,2026-01-01,a dog after all\n")
    run = repro(with_correction)
    assert run.returncode == 0, run.stdout
    assert {"labels", "train@tiny-0", "train@tiny-1"} <= set(stages_run(run.stdout))
    assert competition(with_correction, "data/folds.parquet").read_bytes() == folds
    labels = pd.read_parquet(competition(with_correction, "data/labels.parquet")).set_index("id")
    assert labels.loc["cat.7", "label"] == "dog"


def test_the_competition_s_folder_runs_by_itself(finished):
    run = repro(finished / "competitions/dogs_vs_cats", "report", PYTHONPATH=environment(finished)["PYTHONPATH"])
    assert run.returncode == 0 and stages_run(run.stdout) == []


def test_a_recipe_that_is_wrong_stops_before_any_work(finished):
    file = competition(finished, "params.yaml")
    before = file.read_text()
    try:
        file.write_text(before.replace("epochs: 2", "epochs: 2\n    epoch_count: 3"))
        run = repro(finished)
        assert run.returncode != 0
        assert "unknown key 'epoch_count'" in run.stdout and set(stages_run(run.stdout)) == {"code"}
    finally:
        file.write_text(before)
        assert repro(finished).returncode == 0


def test_two_processes_share_a_training_and_one_writes_it_down(finished, tmp_path):
    shared = tmp_path / "shared"
    shutil.copytree(finished, shared, symlinks=True)
    set_machine(shared, device="cpu", processes=2)
    command = [sys.executable, "-m", "pipelines.train", "dogs_vs_cats", "--model", "tiny", "--fold", "0"]
    done = subprocess.run(command, cwd=shared, env=environment(shared), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one, two = (
        json.loads(competition(folder, "runs/tiny/folds/0/metrics.json").read_text()) for folder in (finished, shared)
    )
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["score"] == pytest.approx(one["score"], rel=1e-3)
    assert done.stdout.count("epoch 2/2") == 1 and "Traceback" not in done.stderr

    competition(shared, "data/labels.parquet").unlink()
    failed = subprocess.run(command, cwd=shared, env=environment(shared), capture_output=True, text=True)
    assert failed.returncode == 1 and "labels.parquet" in failed.stderr and "Traceback" not in failed.stderr
