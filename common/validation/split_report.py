"""What there is to know about a split before anything is trained on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from common.targets import Multilabel, Regression, Target

_SHIFT_LIMIT = 0.25  # standard deviations; Cohen calls 0.2 small
_SHIFT_STANDARD_ERRORS = 4  # chance alone goes that far in 1 of 16,000 comparisons
_UNEVEN_SHARE = 0.1  # of a tag's rows in a fold
_NAMED = 5


def split_report(
    train: pd.DataFrame, examples: pd.DataFrame, duplicates: np.ndarray, targets: Mapping[str, Target]
) -> dict[str, Any]:
    """The content of split.json.

    train       training rows with `id`, the targets, `fold` and `group`
    examples    all rows: `id`, `part`, the targets, `content_hash`, and what the pictures are like
    duplicates  (n,) numbers, see `find_duplicates`; one a row of `examples`

    Returns `folds` (rows, and counts by class or the mean), `groups`, `duplicates` (by ids: within train,
    across train and test, with conflicting labels), `shift` (train against test) and `checks`, each with
    `name`, `ok` and `detail`.
    """
    scored = next(iter(targets))
    folds = _folds(train, scored, targets[scored])
    sizes = train["group"].value_counts()
    several = sizes[sizes > 1]
    found = _duplicates(examples, duplicates, targets)
    shift = _shift(examples)
    return {
        "folds": folds,
        "groups": {
            "count": len(sizes),
            "of_several_rows": len(several),
            "rows_in_them": int(several.sum()),
            "largest": int(sizes.max()),
        },
        "duplicates": found,
        "shift": shift,
        "checks": _checks(train, isinstance(targets[scored], Multilabel), folds, int(sizes.max()), found, shift),
    }


def _folds(train: pd.DataFrame, name: str, target: Target) -> dict[str, Any]:
    truth = target.encode(train.set_index("id")[name])
    folds: dict[str, Any] = {}
    for fold in sorted(train["fold"].unique()):
        inside = truth[train["fold"].to_numpy() == fold]
        known = inside[~np.isnan(inside)] if inside.ndim == 1 else inside
        entry: dict[str, Any] = {"rows": len(inside)}
        if isinstance(target, Regression):
            entry["mean"] = float(known.mean()) if known.size else None
        else:
            positions = np.arange(len(target.classes))
            hits = np.nansum(known, axis=0) if known.ndim == 2 else (known[:, None] == positions).sum(axis=0)
            entry["classes"] = {label: int(count) for label, count in zip(target.classes, hits, strict=True)}
        folds[str(fold)] = entry
    return folds


def _duplicates(examples: pd.DataFrame, duplicates: np.ndarray, targets: Mapping[str, Target]) -> dict[str, Any]:
    """Groups of pictures that are the same or nearly; a group may stand in several of the lists."""
    numbers = pd.Series(duplicates, index=examples.index)
    in_train: list[dict[str, Any]] = []
    across: list[dict[str, Any]] = []
    conflicting: list[dict[str, Any]] = []
    for _, rows in examples[numbers.duplicated(keep=False).to_numpy()].groupby(numbers):
        train, test = rows[rows["part"] == "train"], rows[rows["part"] == "test"]
        if len(train) > 1:
            in_train.append({"ids": train["id"].tolist(), "same_bytes": train["content_hash"].nunique() == 1})
        if len(train) and len(test):
            entry = {"train": train["id"].tolist(), "test": test["id"].tolist()}
            across.append({**entry, "same_bytes": rows["content_hash"].nunique() == 1})
        differing = [name for name in targets if train[name].nunique() > 1]
        if differing:
            values = train[differing].astype(object).where(train[differing].notna(), None)
            conflicting.append({"ids": train["id"].tolist(), "labels": values.to_dict(orient="list")})
    return {"in_train": in_train, "across_train_and_test": across, "conflicting_labels": conflicting}


def _shift(examples: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Means of simple figures in train and test, and their difference in standard deviations of both."""
    figures = pd.DataFrame(
        {
            "width_px": examples["width_px"].astype("float64"),
            "height_px": examples["height_px"].astype("float64"),
            "bytes": examples["bytes"].astype("float64"),
            "share_16_bit": (examples["bits"] == 16).astype("float64"),
            "share_grey": (examples["channels"] == 1).astype("float64"),
        }
    )
    is_train = (examples["part"] == "train").to_numpy()
    shift = {}
    for name, values in figures.items():
        train, test = values[is_train].dropna(), values[~is_train].dropna()
        spread = np.sqrt((train.var(ddof=0) + test.var(ddof=0)) / 2)
        difference = float(test.mean() - train.mean())
        if len(train) and len(test):
            shift[str(name)] = {
                "train_mean": float(train.mean()),
                "test_mean": float(test.mean()),
                "difference_in_deviations": float(difference / spread) if spread > 0 else 0.0,
                "standard_error_in_deviations": float(np.sqrt(1 / len(train) + 1 / len(test))),
            }
    return shift


def _checks(
    train: pd.DataFrame, tags: bool, folds: dict[str, Any], largest: int, found: dict[str, Any], shift: dict[str, Any]
) -> list[dict[str, Any]]:
    def check(name: str, ok: bool, detail: str) -> dict[str, Any]:
        return {"name": name, "ok": bool(ok), "detail": detail}

    allowed = max(1, largest)
    sizes = [entry["rows"] for entry in folds.values()]
    checks = [
        check(
            "fold sizes",
            max(sizes) - min(sizes) <= allowed,
            f"{min(sizes):,} to {max(sizes):,} rows; the largest group has {largest:,}",
        )
    ]
    counts = pd.DataFrame([entry["classes"] for entry in folds.values() if "classes" in entry])
    if len(counts):
        ranges = counts.max() - counts.min()
        # No deal makes all of several tags even at once: a tenth of a fold's share is even enough.
        excess = ranges - np.maximum(allowed, counts.mean() * _UNEVEN_SHARE) if tags else ranges - allowed
        worst = excess.idxmax()
        checks.append(
            check(
                "class balance",
                excess.max() <= 0,
                f"most uneven: '{worst}', {counts[worst].min():,} to {counts[worst].max():,} rows a fold",
            )
        )
    torn = int((train.groupby("group")["fold"].nunique() > 1).sum())
    checks.append(check("groups whole", not torn, f"{torn:,} groups lie in several folds"))
    across, conflicting = found["across_train_and_test"], found["conflicting_labels"]
    checks.append(
        check(
            "no near-duplicates across train and test",
            not across,
            _names(
                f"{len(across):,} groups",
                [entry["train"] + [f"test {id_}" for id_ in entry["test"]] for entry in across],
            ),
        )
    )
    checks.append(
        check(
            "no near-duplicates with conflicting labels",
            not conflicting,
            _names(f"{len(conflicting):,} groups", [entry["ids"] for entry in conflicting]),
        )
    )
    shifted = [
        f"{name} {entry['train_mean']:,.4g} against {entry['test_mean']:,.4g}"
        for name, entry in shift.items()
        if abs(entry["difference_in_deviations"])
        > max(_SHIFT_LIMIT, _SHIFT_STANDARD_ERRORS * entry["standard_error_in_deviations"])
    ]
    checks.append(check("test looks like train", not shifted, "; ".join(shifted) or "sizes, bytes and depth agree"))
    return checks


def _names(text: str, groups: list[list[str]]) -> str:
    shown = "; ".join(" = ".join(ids) for ids in groups[:_NAMED])
    return text + (f": {shown}" if shown else "") + ("; ..." if len(groups) > _NAMED else "")
