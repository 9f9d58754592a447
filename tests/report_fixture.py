"""A finished run of a small drawn competition, as its stages would have left it, for the report's tests."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

import competitions
from common.competition import Competition
from common.files import write_json, write_text
from common.images.store import write_store
from common.metrics import Metric, fbeta, log_loss, mae
from common.predictions import make_table, write_predictions
from common.randomness import derived_seed, generator
from common.scoring import figures, further_figures, squeezed
from common.tables import write_table
from common.targets import Binary, Multiclass, Multilabel, Regression, Target
from pipelines.split import split
from pipelines.workspace import Workspace

SEED = 7
TRAIN_ROWS, TEST_ROWS, FOLDS, EPOCHS = 48, 14, 3, 6
_BREEDS = tuple(f"breed_{number:02d}" for number in range(16))


@dataclass(frozen=True)
class Task:
    """What is predicted, and how it is scored."""

    targets: dict[str, Target]
    metric: Metric
    title: str
    ids_shared: bool = False  # train and test rows are both numbered from 0


TASKS = {
    "binary": Task({"label": Binary("cat", "dog")}, log_loss, "Dogs & <Cats>"),
    "multiclass": Task({"breed": Multiclass(_BREEDS)}, log_loss, "Sixteen breeds"),
    "multilabel": Task({"tags": Multilabel(("clear", "haze", "road", "water"))}, fbeta(2), "Tags from above"),
    "several": Task(
        {"age": Regression(), "variety": Multiclass(("a", "b", "c"))}, mae, "Age and variety", ids_shared=True
    ),
}


def finished_run(root: Path, kind: str, monkeypatch) -> Workspace:
    """The workspace of a run of `TASKS[kind]`, which lies under `root` and is importable in this test."""
    task, name = TASKS[kind], f"drawn_{kind}"
    workspace = Workspace(root, name)
    _write_params(root, workspace.folder)
    write_text(
        workspace.folder / "competition.py",
        f"from tests.report_fixture import competition\n\nCOMPETITION = competition({kind!r})\n",
    )
    monkeypatch.setattr(competitions, "__path__", [*competitions.__path__, str(root / "competitions")])
    train = _truth(task, TRAIN_ROWS)
    examples, pictures = _draw(task, train)
    write_table(workspace.examples, examples)
    write_store(workspace.images, sorted(pictures.items()))
    write_text(workspace.unreadable, "id,part,path,reason\ncut,train,train/cut.jpg,the file is cut short\n")
    split(workspace)
    folds = pd.read_parquet(workspace.folds).set_index("id")["fold"]
    ids = examples.loc[examples["part"] == "train", "id"]
    _write_predictions(workspace, task, train, examples, folds.loc[ids].to_numpy())
    _write_submission(workspace)
    if kind == "multiclass":
        write_table(workspace.nothing("wide"), _nothing(examples))
    return workspace


def competition(kind: str) -> Competition:
    task = TASKS[kind]
    return Competition(
        slug=kind,
        title=task.title,
        targets=task.targets,
        metric=task.metric,
        read_examples=lambda raw: pd.DataFrame(),
        submission=lambda predictions: predictions,
        caveat="The weights have seen these pictures.",
    )


def _write_params(root: Path, folder: Path) -> None:
    write_text(root / "params.yaml", f"seed: {SEED}\n")
    write_text(
        folder / "params.yaml",
        "recipe: sample  # drawn & small\nsource: {kind: sample, path: sample.py}\n"
        "folds: 3\nfolds_to_run: [0, 1, 2]\n"
        "split: {near_duplicate_bits: 4}\n"
        "models:\n  small: {architecture: resnet10t}\n  wide: {architecture: resnet18}\n",
    )


def _truth(task: Task, rows: int) -> dict[str, np.ndarray]:
    """Truth as each target encodes it, (rows,) or (rows, classes)."""
    draw = generator(SEED, "truth")
    truth = {}
    for name, target in task.targets.items():
        if isinstance(target, Regression):
            truth[name] = draw.normal(60, 9, rows).round()
        elif isinstance(target, Multilabel):
            truth[name] = (draw.random((rows, len(target.classes))) < 0.4).astype(float)
        else:
            truth[name] = (np.arange(rows) % len(target.classes)).astype(float)
    return truth


def _as_written(target: Target, truth: np.ndarray) -> list[object]:
    if isinstance(target, Multilabel):
        return [target.separator.join(np.array(target.classes)[row == 1]) for row in truth]
    return truth.tolist() if isinstance(target, Regression) else [target.classes[int(code)] for code in truth]


def _draw(task: Task, truth: dict[str, np.ndarray]) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """Examples and pictures: shapes on a ground whose colour follows the truth; one is 16-bit grey."""
    draw = generator(SEED, "pictures")
    rows, pictures = [], {}
    for part, number in (("train", TRAIN_ROWS), ("test", TEST_ROWS)):
        for row in range(number):
            id_ = str(row) if task.ids_shared else f"{part}.{row}"
            width, height = int(draw.integers(120, 420)), int(draw.integers(120, 420))
            shade = float(np.asarray(next(iter(truth.values()))[row]).sum()) if part == "train" else row
            pixels = np.full((height, width, 3), draw.integers(60, 200, 3), np.uint8)
            pixels[:, :, int(shade) % 3] = 230
            centre = (int(draw.integers(20, width - 20)), int(draw.integers(20, height - 20)))
            cv2.circle(pixels, centre, int(draw.integers(15, 60)), draw.integers(0, 255, 3).tolist(), -1)
            sixteen = (part, row) == ("train", 0)
            if sixteen:
                pixels = pixels[:, :, 0].astype(np.uint16) * 12
            kind = "png" if sixteen else "jpg"
            data = cv2.imencode(f".{kind}", pixels)[1].tobytes()
            readable = (part, row) != ("test", 3)
            if readable:
                pictures[f"{part}/{id_}.{kind}"] = data
            rows.append(
                {
                    "id": id_,
                    "part": part,
                    "path": f"{part}/{id_}.jpg",
                    "file": f"{part}/{id_}.{kind}" if readable else None,
                    "width_px": width if readable else None,
                    "height_px": height if readable else None,
                    "channels": (1 if sixteen else 3) if readable else None,
                    "bits": (16 if sixteen else 8) if readable else None,
                    "bytes": len(data),
                    "content_hash": hashlib.sha256(data).hexdigest(),
                    "perceptual_hash": _perceptual_hash(part, row),
                }
            )
    examples = pd.DataFrame(rows).astype(
        {
            "width_px": "Int64",
            "height_px": "Int64",
            "channels": "Int64",
            "bits": "Int64",
            "perceptual_hash": "uint64",
        }
    )
    for name, target in task.targets.items():
        examples[name] = pd.Series(_as_written(target, truth[name])).reindex(range(len(examples)))
    return examples, pictures


def _perceptual_hash(part: str, row: int) -> int:
    """Far from all others, but for train.8 and train.9, and for train.20 and test.5."""
    part, row = {("train", 9): ("train", 8), ("test", 5): ("train", 20)}.get((part, row), (part, row))
    return derived_seed(SEED, "hash", part, row)


def _nothing(examples: pd.DataFrame) -> pd.DataFrame:
    """In every fourth example that has a picture nothing is recognised."""
    seen = examples.loc[examples["file"].notna(), ["part", "id"]]
    return seen.assign(probability_of_nothing=np.where(np.arange(len(seen)) % 4 == 0, 0.8, 0.1))


def _guess(target: Target, truth: np.ndarray | None, rows: int, draw: np.random.Generator) -> np.ndarray:
    """Predictions (rows, outputs) that are mostly right where the truth is given."""
    if isinstance(target, Regression):
        centre = np.full(rows, 60.0) if truth is None else truth
        return (centre + draw.normal(0, 4, rows))[:, None]
    logits = draw.normal(0, 1.3, (rows, len(target.outputs)))
    if truth is not None and isinstance(target, Multiclass):
        logits[np.arange(rows), truth.astype(int)] += 3
    elif truth is not None:
        logits += 4 * truth.reshape(rows, -1) - 2
    return target.activate(logits)


def _write_predictions(
    workspace: Workspace, task: Task, train: dict[str, np.ndarray], examples: pd.DataFrame, fold: np.ndarray
) -> None:
    draw = generator(SEED, "predictions")
    ids = {part: examples.loc[examples["part"] == part, "id"].tolist() for part in ("train", "test")}
    oof = {name: _guess(target, train[name], TRAIN_ROWS, draw) for name, target in task.targets.items()}
    test = {name: _guess(target, None, TEST_ROWS, draw) for name, target in task.targets.items()}
    for part, rows, guesses in (("oof", ids["train"], oof), ("test", ids["test"], test)):
        table = make_table(rows, "blend", guesses, task.targets)
        write_predictions(workspace.ensemble(f"{part}.parquet"), table, task.targets, {})
    scored = next(iter(task.targets))
    truth, prediction, metric = train[scored], squeezed(oof[scored]), task.metric
    scores = figures(metric, truth, prediction)
    weights = {"small tta": 0.35, "wide plain": 0.65}
    by_fold = {str(k): metric(truth[fold == k], prediction[fold == k]) for k in range(FOLDS)}
    cv = {
        "metric": metric.name,
        "direction": metric.direction,
        **scores,
        "rows": TRAIN_ROWS,
        "folds": by_fold,
    }
    if further := further_figures(workspace.competition, train, oof):
        cv["targets"] = further
    cv["members"] = {member: {**scores, "weight": weight} for member, weight in weights.items()}
    write_json(workspace.ensemble("cv.json"), cv)
    members = [
        dict(zip(("model", "view"), name.split(), strict=True), weight=weight) for name, weight in weights.items()
    ]
    write_json(workspace.ensemble("weights.json"), {"members": members})
    for model in workspace.models:
        _write_model(workspace, model, metric, by_fold, scores)


def _write_model(
    workspace: Workspace, model: str, metric: Metric, by_fold: dict[str, float], scores: dict[str, float]
) -> None:
    for fold in workspace.folds_to_run:
        draw = generator(SEED, "history", model, fold)
        epochs = np.arange(1, EPOCHS + 1)
        history = pd.DataFrame({"epoch": epochs, "learning_rate": 1e-3 * np.sin(np.pi * epochs / (EPOCHS + 1))})
        history["train_loss"] = 0.7 * np.exp(-epochs / 2) + draw.normal(0, 0.01, EPOCHS)
        history[f"validation_{metric.name}"] = 0.1 + 0.6 * np.exp(-epochs / 2) + draw.normal(0, 0.03, EPOCHS)
        history["images_per_second"], history["seconds"] = 210.0 + fold, 11.5
        folder = workspace.fold_run(model, fold)
        folder.mkdir(parents=True)
        history.to_csv(folder / "history.csv", index=False)
        _activations(draw, dies=model == "wide").to_csv(folder / "activations.csv", index=False)
        write_json(
            folder / "metrics.json",
            {
                "metric": metric.name,
                "score": by_fold[str(fold)],
                "standard_error": scores["standard_error"],
                "rows": TRAIN_ROWS // FOLDS,
                "epochs": EPOCHS,
                "seconds": 11.5 * EPOCHS,
                "images_per_second": 210.0 + fold,
                "peak_memory_bytes": 812_000_000,
                "device": "cpu",
                "processes": 1,
                "precision": "float32",
                "effective_batch_size": 16,
                "micro_batch_size": 8,
            },
        )
    gain = -0.02 if metric.direction == "minimize" else 0.02
    write_json(
        workspace.tta_report(model),
        {
            "metric": metric.name,
            "plain": {"score": scores["score"] - gain, "standard_error": scores["standard_error"]},
            "tta": scores,
            "difference": gain,
            "difference_standard_error": 0.004 if model == "small" else 0.03,
            "views": 4,
            "plain_weight": 0.3,
            "chosen": "tta" if model == "small" else "plain",
            "reason": "it scores better by 0.02, within its error of 0.03",
            "blends": [
                {
                    "plain_weight": weight,
                    **scores,
                    "difference": gain * (1 - weight) * (weight + 0.8),
                    "difference_standard_error": 0.004 if model == "small" else 0.03,
                }
                for weight in (0.0, 0.25, 0.3, 0.5, 0.75)
            ],
        },
    )


def _activations(draw: np.random.Generator, dies: bool) -> pd.DataFrame:
    """Three layers, looked at twice an epoch; of a network that dies, the last one shuts."""
    rows = []
    for epoch in range(1, EPOCHS + 1):
        for batch in (0, 8):
            for depth, layer in enumerate(("stem", "layer1", "layer2")):
                shut = dies and depth == 2 and epoch > 2
                near = 1.0 if shut else 0.2 + 0.1 * depth + draw.normal(0, 0.02)
                numbers = (0.0, 0.0) if shut else (0.3 - 0.1 * depth, 1.0 + 0.3 * depth + draw.normal(0, 0.05))
                rows.append((epoch, batch, layer, *numbers, near))
    return pd.DataFrame(rows, columns=["epoch", "batch", "layer", "mean", "deviation", "near_zero"])


def _write_submission(workspace: Workspace) -> None:
    write_text(workspace.submission, "id,label\n1,0.5\n")
    write_json(
        workspace.submission_report,
        {
            "file": "submission.csv",
            "rows": TEST_ROWS,
            "sha256": hashlib.sha256(workspace.submission.read_bytes()).hexdigest(),
            "ok": False,
            "checks": [
                {"name": "columns", "ok": True, "detail": "['id', 'label'], sample ['id', 'label']"},
                {"name": "ids", "ok": True, "detail": f"{TEST_ROWS} ids, in the order of the sample"},
                {"name": "not constant", "ok": False, "detail": "values spread over 0"},
            ],
            "correlation": {
                "known_good": "0.05.csv",
                "correlation": 0.9312,
                "ok": True,
                "diagnosis": "ok",
                "explanation": "14 rows agree by id: 0.9312, at least 0.9.",
                "kind": "numbers",
                "rows": TEST_ROWS,
                "spearman": 0.9275,
                "per_column": {name: {"pearson": 0.93, "spearman": 0.9275} for name in ("first", "second")},
            },
        },
    )
