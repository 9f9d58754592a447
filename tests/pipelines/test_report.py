"""The report, in a real browser that may reach nothing but the page."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError
from common.report.blocks import Gallery, Table
from common.report.judged import judge
from common.report.look import DARK, INK
from common.report.page import report_sections
from common.report.results import headline
from common.report.wording import with_error
from pipelines.report import read_inputs, report
from pipelines.workspace import Workspace
from tests.browser import browser, chromium, opened
from tests.report_fixture import TASKS, finished_run

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    """One finished run of each kind of target, with its report."""
    with pytest.MonkeyPatch.context() as patch:
        made = {kind: finished_run(tmp_path_factory.mktemp(kind), kind, patch) for kind in TASKS}
        for workspace in made.values():
            report(workspace)
        yield made


@pytest.fixture(scope="module")
def chromium_running():
    if chromium() is None:
        pytest.skip("no Chromium found; install one or set PODIUM_CHROMIUM")
    with browser() as running:
        yield running


@pytest.mark.parametrize("kind", TASKS)
def test_a_phone_shows_everything_without_a_network(kind, workspaces, chromium_running):
    with opened(chromium_running, workspaces[kind].report, **PHONE) as shown:
        page = shown.page
        assert shown.errors == [] and shown.requests == []
        headings = page.locator("h2")
        assert headings.count() == page.locator("nav a").count() >= 8
        assert all(heading.is_visible() for heading in headings.all())
        charts = page.eval_on_selector_all(
            ".chart",
            "all => all.map(one => [one.querySelectorAll('svg .trace, svg .hm').length, one.ariaLabel])",
        )
        assert len(charts) >= 10
        assert all(traces and words for traces, words in charts)
        pictures = page.eval_on_selector_all("img", "all => all.map(one => [one.naturalWidth, one.alt])")
        assert len(pictures) >= 48
        assert all(0 < width <= 200 and words for width, words in pictures)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_charts_follow_the_readers_colours_and_fit_on_paper(workspaces, chromium_running):
    def first_chart(page):
        return page.eval_on_selector(
            ".chart svg",
            "one => [getComputedStyle(one.querySelector('text')).fill, one.getBoundingClientRect().width]",
        )

    def rgb(colour):
        return "rgb({}, {}, {})".format(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))

    with opened(chromium_running, workspaces["binary"].report, dark=True) as shown:
        assert first_chart(shown.page)[0] == rgb(DARK[INK])
        shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert first_chart(shown.page) == [rgb(INK), 320]
        assert shown.page.locator("pre").is_visible()
        shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert first_chart(shown.page)[0] == rgb(DARK[INK])


def test_it_says_how_good_the_result_is_and_names_the_worst_pictures(workspaces, chromium_running):
    inputs = read_inputs(workspaces["binary"])
    rows = judge(inputs, "label")
    worst = rows.ids[np.argsort(-rows.loss, kind="stable")[:3]]
    with opened(chromium_running, workspaces["binary"].report) as shown:
        page = shown.page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("h1").inner_text() == "Dogs & <Cats>"
        assert page.locator(".score").inner_text() == with_error(inputs.cv["score"], inputs.cv["standard_error"])
        top = page.locator("header").inner_text()
        assert inputs.competition.caveat and inputs.competition.caveat in top
        assert "lower is better" in top and "not valid, 2 of 3 checks passed" in top
        files = page.locator(".gallery-block", has_text="Most wrong").locator(".file").all_inner_texts()
        assert files[:3] == [f"{id_}.jpg" for id_ in worst]
        data = page.locator("#data").inner_text()
        assert "train/cut.jpg" in data and "the file is cut short" in data
        split = page.locator("#split").inner_text()
        assert "train.8.jpg" in split and "given cat" in split and "test.5.jpg" in split
        activations = page.locator("#activations").inner_text()
        assert "No layer is dead" in activations and "Dead at the end: fold 0: layer2; fold 1: layer2;" in activations
        cost = page.locator("#cost").inner_text()
        assert "211" in cost and "with TTA: it helps" in cost and "within its error of 0.03" in cost
        submission = page.locator("#submission").inner_text()
        assert "values spread over 0" in submission and "0.9312" in submission
        assert "recipe: sample  # drawn & small" in page.locator("#recipe pre").text_content()


def test_the_stage_writes_the_same_bytes_in_another_process(workspaces):
    workspace = workspaces["several"]
    here = workspace.report.read_bytes()
    workspace.report.unlink()
    (workspace.root / "competitions" / "__init__.py").touch()
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.report", workspace.name],
        cwd=workspace.root,
        env={**os.environ, "PYTHONHASHSEED": "11", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert workspace.report.read_bytes() == here


def test_a_train_and_a_test_example_may_share_an_id(workspaces):
    inputs = read_inputs(workspaces["several"])
    assert set(inputs.part("test")["id"]) < set(inputs.part("train")["id"])
    blocks = [block for section in report_sections(inputs) for block in section.blocks]
    galleries = {block.title: block.pictures for block in blocks if isinstance(block, Gallery)}
    in_train, in_test = galleries["Near-duplicates across train and test"]
    assert in_train.file_name == "20.jpg" and in_train.lines[1].startswith("given ")
    assert in_test.file_name == "5.jpg" and in_test.lines[1] == "in test"
    size = inputs.part("test").set_index("id").loc["5"]
    assert in_test.width_px / in_test.height_px == pytest.approx(size["width_px"] / size["height_px"], rel=0.02)


def test_targets_that_the_metric_does_not_look_at_have_their_scores_too(workspaces):
    inputs = read_inputs(workspaces["several"])
    blocks = [block for section in report_sections(inputs) for block in section.blocks]
    (table,) = [block for block in blocks if isinstance(block, Table) and block.title == "Further targets"]
    score = inputs.cv["targets"]["variety"]
    known = str(inputs.part("train")["variety"].notna().sum())
    assert table.rows == [("variety", "accuracy", with_error(score["score"], score["standard_error"]), known)]
    assert 0.5 < score["score"] < 1


def test_trainings_on_all_rows_and_extra_data_are_told(workspaces):
    inputs = read_inputs(workspaces["binary"])
    first = inputs.models[0]
    refit = {name: value for name, value in first.metrics[0].items() if name not in ("score", "standard_error")}
    shelter = {"name": "shelter", "source": "the city's shelter", "rows": 9, "joining": 7, "left_out_as_duplicates": 2}
    told = replace(
        inputs,
        models=(replace(first, all_rows={"all-1": refit}), *inputs.models[1:]),
        split={**inputs.split, "extra": [shelter]},
        cv={**inputs.cv, "test_predictions_from": ["all-1"]},
    )
    assert dict(headline(told).facts.pairs)["Test set"].startswith("predicted by networks trained on all labelled rows")
    tables = {
        block.title: block.rows
        for section in report_sections(told)
        for block in section.blocks
        if isinstance(block, Table)
    }
    assert tables["Extra labelled data"] == [("shelter", "the city's shelter", "9", "7", "2")]
    assert [row[1] for row in tables["Training"]] == ["3 + 1 on all rows", "3"]


def test_what_has_not_been_made_is_left_out(workspaces, tmp_path):
    finished = workspaces["multilabel"]
    shutil.copytree(finished.folder, tmp_path / "competitions" / finished.name, ignore=_all_but_the_data)
    shutil.copy(finished.root / "params.yaml", tmp_path)
    begun = Workspace(tmp_path, finished.name)
    report(begun)
    page = begun.report.read_text()
    assert [f'<section id="{anchor}">' in page for anchor in ("classes", "data", "recipe")] == [True] * 3
    assert page.count("<section") == 3
    begun.examples.unlink()
    with pytest.raises(PodiumError, match="preprocess"):
        report(begun)


def test_labels_and_sizes_are_shown_before_any_model(workspaces):
    inputs = read_inputs(workspaces["multiclass"])
    section = next(section for section in report_sections(inputs) if section.anchor == "classes")
    facts, charts, gallery = section.blocks
    assert dict(facts.pairs)["Classes"] == "16" and dict(facts.pairs)["Fewer than 10 rows"] == "16 classes"
    bars = charts.charts[0].figure.data[0]
    given = inputs.part("train")["breed"].value_counts()
    assert dict(zip((name for name, _ in bars.customdata), bars.x, strict=True)) == given.to_dict()
    by_file = {path.rpartition("/")[2]: label for path, label in inputs.part("train")[["path", "breed"]].to_numpy()}
    assert all(by_file[picture.file_name] == picture.lines[0] for picture in gallery.pictures)
    assert {picture.lines[0] for picture in gallery.pictures} == set(given.index)
    data = next(section for section in report_sections(inputs) if section.anchor == "data")
    networks = next(block for block in data.blocks if block.title == "Pictures and networks")
    assert [row[:2] for row in networks.rows] == [("small", "resnet10t"), ("wide", "resnet18")]
    assert all(int(row[3]) > 0 for row in networks.rows)


def test_what_is_not_recognised_is_left_to_a_person(workspaces):
    workspace = workspaces["multiclass"]
    inputs, listed = read_inputs(workspace), pd.read_csv(workspace.triage, dtype={"id": str})
    nothing = inputs.nothing.set_index(["part", "id"])["probability_of_nothing"]
    assert nothing.loc[list(zip(listed["part"], listed["id"], strict=True))].tolist() == pytest.approx(
        listed["probability_of_nothing"]
    )
    assert listed["probability_of_nothing"].is_monotonic_decreasing and len(listed) == len(nothing)
    assert (listed["abstained"] == (listed["probability_of_nothing"] >= 0.5)).all()
    section = next(section for section in report_sections(inputs) if section.anchor == "triage")
    table = section.blocks[1]
    train = listed[(listed["part"] == "train")]
    assert table.rows[0][1:3] == (str(len(train)), str(train["abstained"].sum()))
    right = (train["given"] == train["likeliest"])[~train["abstained"]]
    assert table.rows[0][4].startswith(f"{right.mean():.2f}")
    shown = [block for block in section.blocks if isinstance(block, Gallery)]
    assert [gallery.title for gallery in shown] == ["Least recognised of test", "Least recognised of train"]
    assert len(shown[0].pictures) == int(listed["abstained"].sum() - train["abstained"].sum())
    # Networks without sigmoids cannot say that they recognise nothing.
    assert pd.read_csv(workspaces["binary"].triage).empty
    assert "triage" not in [section.anchor for section in report_sections(read_inputs(workspaces["binary"]))]


def _all_but_the_data(folder, names):
    left_out = {"runs", "ensemble", "report", "split.json", "submission.json", "__pycache__"}
    return left_out & set(names)
