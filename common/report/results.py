"""How good the result is: the headline, the members of the ensemble, the folds, and the cost of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.report.blocks import Block, Cell, Facts, Section, Table
from common.report.inputs import Inputs
from common.report.test_time import test_time_blocks
from common.report.wording import bytes_text, count, minutes, number, score_of, words_of


@dataclass(frozen=True)
class Headline:
    """The top of the page."""

    title: str
    name: str
    score: str
    metric: str
    direction: str
    basis: str
    caveat: str
    facts: Facts


def headline(inputs: Inputs) -> Headline:
    """Title, score with its error, and what it was made from."""
    cv, params, metric = inputs.cv, inputs.params, inputs.competition.metric
    source = params.get("source", {})
    pairs: list[tuple[str, str | Cell]] = []
    if cv.get("accuracy"):
        pairs.append(("Accuracy", score_of(cv["accuracy"])))
    pairs += [
        ("Pictures" if "file" in inputs.examples else "Rows", _parts(inputs)),
        ("Recipe", str(params.get("recipe", "–"))),
        ("Source", " ".join(str(source[key]) for key in ("kind", "path") if key in source) or "–"),
        *([("Test set", _predicted_by(cv["test_predictions_from"]))] if "test_predictions_from" in cv else []),
        ("Models", ", ".join(model.name for model in inputs.models) or "–"),
        ("Seed", str(inputs.seed)),
    ]
    checks = inputs.submission.get("checks")
    if checks is not None:
        passed = sum(bool(check["ok"]) for check in checks)
        verdict, state = ("valid", "good") if inputs.submission.get("ok") else ("not valid", "bad")
        text = f"{verdict}, {passed} of {count(len(checks), 'check')} passed"
        pairs.append(("Submission", Cell(text, state=state)))
    folds = cv.get("folds", {})
    return Headline(
        title=inputs.competition.title,
        name=inputs.name,
        score=score_of(cv),
        metric=words_of(metric.name),
        direction="lower is better" if metric.direction == "minimize" else "higher is better",
        basis=f"out-of-fold, {count(cv['rows'], 'row')} in {count(len(folds), 'fold')}" if "rows" in cv else "",
        caveat=inputs.competition.caveat,
        facts=Facts("At a glance", pairs),
    )


def result_section(inputs: Inputs) -> Section:
    """Members with their weights, the score of every fold, and that of the further targets."""
    blocks: list[Block] = []
    if inputs.cv.get("members"):
        blocks.append(_members(inputs))
    if inputs.cv.get("folds"):
        blocks.append(_fold_scores(inputs))
    if inputs.cv.get("targets"):
        blocks.append(_further_targets(inputs))
    if inputs.cv.get("decisions"):
        blocks.append(_decisions(inputs))
    return Section("result", "Result", blocks)


def cost_section(inputs: Inputs) -> Section:
    """What training took, model by model, and whether test-time augmentation was worth its time."""
    blocks: list[Block] = []
    if any(model.metrics for model in inputs.models):
        blocks.append(_costs(inputs))
    if any(model.tta for model in inputs.models):
        blocks += test_time_blocks(inputs)
    return Section("cost", "Speed and test-time augmentation", blocks)


def _predicted_by(trainings: list[str]) -> str:
    """Which trainings' mean the test predictions are."""
    if trainings[0].isdecimal():
        return f"predicted by the networks of {count(len(trainings), 'fold')}"
    return (
        f"predicted by networks trained on all labelled rows ({', '.join(trainings)}), which have no score of their own"
    )


def _parts(inputs: Inputs) -> str:
    extra = len(inputs.part("extra"))
    beside = f" (and {extra:,} extra)" if extra else ""
    return f"{len(inputs.part('train')):,} train{beside}, {len(inputs.part('test')):,} test"


def _members(inputs: Inputs) -> Table:
    """The blend above its members. A member's name is its model and its view."""
    weights = {f"{entry['model']} {entry['view']}": entry["weight"] for entry in inputs.weights.get("members", [])}
    rows: list[tuple[str | Cell, ...]] = [("Blend", "", Cell(score_of(inputs.cv), state="strong"), "")]
    for member, entry in inputs.cv["members"].items():
        model, _, view = member.rpartition(" ")
        weight = entry.get("weight", weights.get(member))
        shown = "–" if weight is None else Cell(f"{weight:.3f}", tint=min(abs(weight), 1.0))
        rows.append((model or member, view if model else "", score_of(entry), shown))
    metric = words_of(inputs.competition.metric.name)
    return Table("Members of the ensemble", "llrr", ("Model", "View", metric[:1].upper() + metric[1:], "Weight"), rows)


def _fold_scores(inputs: Inputs) -> Table:
    """Scores by fold: the spread between folds says how much one of them means."""
    folds = sorted(inputs.cv["folds"], key=int)
    blend = [inputs.cv["folds"][fold] for fold in folds]
    rows: list[tuple[str | Cell, ...]] = [("Blend", *map(number, blend), _spread(blend))]
    for model in inputs.models:
        if model.metrics:
            scores = [model.metrics.get(int(fold), {}).get("score") for fold in folds]
            rows.append((f"{model.name}, plain", *map(number, scores), _spread(scores)))
    head = ("", *(f"Fold {fold}" for fold in folds), "Spread")
    note = "Spread: standard deviation between the folds."
    return Table("Scores by fold", "l" + "r" * (len(folds) + 1), head, rows, note)


def _further_targets(inputs: Inputs) -> Table:
    """What the blend says of the targets that the competition's metric does not look at."""
    rows: list[tuple[str | Cell, ...]] = [
        (name, words_of(entry["metric"]), score_of(entry), f"{entry['rows']:,}")
        for name, entry in inputs.cv["targets"].items()
    ]
    note = "Out-of-fold. Rows: those whose truth is known."
    return Table("Further targets", "llrr", ("Target", "Metric", "Score", "Rows"), rows, note)


def _decisions(inputs: Inputs) -> Table:
    """How probabilities of tags become tags: what the submission does, beside the customary thresholds."""
    said = {
        "expected": "highest expected score",
        "one_threshold": "one threshold",
        "threshold_a_tag": "a threshold a tag",
        "expected_uncalibrated": "highest expected score, not calibrated",
    }
    rows: list[tuple[str | Cell, ...]] = []
    for name, entry in inputs.cv["decisions"].items():
        used = name == "expected"
        gain = {"score": entry.get("difference"), "standard_error": entry.get("difference_standard_error")}
        rows.append((said[name], Cell(score_of(entry), state="strong" if used else ""), "" if used else score_of(gain)))
    note = (
        "Everything (weights of the members, calibration, thresholds) fitted without the fold that is scored. Gain: of "
        "the first row, which the submission follows, over this one, on the same rows, with its paired error."
    )
    return Table(
        "From probabilities to tags",
        "lrr",
        ("Decided by", words_of(inputs.competition.metric.name), "Gain"),
        rows,
        note,
    )


def _spread(scores: list[float | None]) -> str:
    known = [score for score in scores if score is not None and np.isfinite(score)]
    return number(float(np.std(known, ddof=1)), 2) if len(known) > 1 else "–"


def _costs(inputs: Inputs) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for model in inputs.models:
        if not model.metrics:
            continue
        folds = [*model.metrics.values(), *model.all_rows.values()]
        refits = f" + {len(model.all_rows)} on all rows" if model.all_rows else ""
        batch = _each(folds, "effective_batch_size")
        micro = _each(folds, "micro_batch_size")
        rows.append(
            (
                model.name,
                f"{len(model.metrics)}{refits}",
                minutes(sum(float(fold.get("seconds", 0)) for fold in folds)),
                number(float(np.median([fold.get("images_per_second", np.nan) for fold in folds])), 3),
                _each(folds, "epochs"),
                f"{batch} in {micro}" if micro not in (batch, "–") else batch,
                _each(folds, "device"),
                _each(folds, "precision"),
                bytes_text(max(peaks)) if (peaks := _known(folds, "peak_memory_bytes")) else "–",
            )
        )
    head = ("Model", "Folds", "Time", "Images/s", "Epochs", "Batch", "Device", "Precision", "Memory")
    note = (
        "Time: all trainings together. Images/s: their median. Batch: rows of an optimiser "
        "step, and of the micro-batches it is split into. Memory: the highest peak."
    )
    return Table("Training", "lrrrrrllr", head, rows, note)


def _known(folds: list[Mapping[str, Any]], key: str) -> list[Any]:
    return [fold[key] for fold in folds if fold.get(key) is not None]


def _each(folds: list[Mapping[str, Any]], key: str) -> str:
    """The value that all folds share, or each different one."""
    return ", ".join(dict.fromkeys(str(value) for value in _known(folds, key))) or "–"
