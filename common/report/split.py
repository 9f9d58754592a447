"""What the split found: folds, near-duplicates with their pictures, and whether test is like train."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.report.blocks import Block, Cell, Gallery, Picture, Section, Table
from common.report.checks import checks_table
from common.report.gallery import ExampleKey, Thumbnails
from common.report.inputs import Inputs
from common.report.judged import as_written
from common.report.wording import count, number

_MOST_PICTURES = 24
_MOST_CLASSES = 8


def split_section(inputs: Inputs, thumbnails: Thumbnails | None) -> Section:
    """split.json, with the pictures that it names where there are pictures."""
    split, blocks = inputs.split, list[Block]()
    if split.get("checks"):
        blocks.append(checks_table("Checks on the split", split["checks"], otherwise="! look"))
    if split.get("folds"):
        blocks.append(_folds(split))
    if split.get("extra"):
        blocks.append(_extra(split["extra"]))
    if split.get("shift"):
        blocks.append(_shift(split["shift"]))
    if thumbnails is not None and split.get("duplicates"):
        blocks += _duplicates(inputs, split["duplicates"], thumbnails)
    return Section("split", "Split and duplicates", blocks)


def _folds(split: Mapping[str, Any]) -> Table:
    """Rows of each fold, and its counts by class or its mean."""
    entries: list[Mapping[str, Any]] = list(split["folds"].values())
    classes = list(entries[0].get("classes", {}))
    shown = classes if len(classes) <= _MOST_CLASSES else []
    has_mean = "mean" in entries[0]
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"Fold {fold}",
            f"{entry['rows']:,}",
            *(f"{entry['classes'][name]:,}" for name in shown),
            *([number(entry["mean"])] if has_mean else []),
        )
        for fold, entry in split["folds"].items()
    ]
    head = ("", "Rows", *shown, *(["Mean"] if has_mean else []))
    groups = split.get("groups")
    note = ""
    if groups:
        several = groups["of_several_rows"]
        shared = f"{several:,} of them with several rows (at most {groups['largest']:,})" if several else "a row each"
        note = f"{count(groups['count'], 'group')}, {shared}; a group stays in one fold."
    return Table("Folds", "l" + "r" * (len(head) - 1), head, rows, note)


def _extra(sources: Sequence[Mapping[str, Any]]) -> Table:
    """Where labelled data from elsewhere comes from, and how much of it is trained on."""
    rows: list[tuple[str | Cell, ...]] = [
        (one["name"], one["source"], *(f"{one[key]:,}" for key in ("rows", "joining", "left_out_as_duplicates")))
        for one in sources
    ]
    note = "Trained on in every fold, validated in none. Left out: what shows a picture of train or test, or nearly."
    return Table("Extra labelled data", "llrrr", ("Folder", "Source", "Rows", "Trained on", "Left out"), rows, note)


def _shift(shift: Mapping[str, Mapping[str, float]]) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for name, entry in shift.items():
        show = _percent if name.startswith("share_") else number
        far = f"{entry['difference_in_deviations']:+.2f} ± {entry['standard_error_in_deviations']:.2f}"
        means = (show(entry["train_mean"]), show(entry["test_mean"]))
        rows.append((name.removeprefix("share_").replace("_", " "), *means, far.replace("-", "−")))
    head = ("Mean of", "Train", "Test", "Difference")
    return Table("Train and test", "lrrr", head, rows, "Difference: test minus train, in standard deviations.")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _duplicates(inputs: Inputs, found: Mapping[str, Any], thumbnails: Thumbnails) -> list[Block]:
    """A gallery of each list of groups: those whose labels conflict, that leak into test, and the others."""
    conflicting = [_keys(train=entry["ids"]) for entry in found.get("conflicting_labels", [])]
    across = [_keys(train=entry["train"], test=entry["test"]) for entry in found.get("across_train_and_test", [])]
    shown = {keys[0] for keys in conflicting}  # no example stands in two groups
    in_train = [_keys(train=entry["ids"]) for entry in found.get("in_train", [])]
    kinds = {
        "Near-duplicates with conflicting labels": conflicting,
        "Near-duplicates across train and test": across,
        "Near-duplicates in train": [keys for keys in in_train if keys[0] not in shown],
    }
    return [_gallery(inputs, title, groups, thumbnails) for title, groups in kinds.items() if groups]


def _keys(**ids_by_part: list[str]) -> list[ExampleKey]:
    return [(part, id_) for part, ids in ids_by_part.items() for id_ in ids]


def _gallery(inputs: Inputs, title: str, groups: Sequence[Sequence[ExampleKey]], thumbnails: Thumbnails) -> Gallery:
    """Whole groups, as many as fit."""
    given = inputs.examples.set_index(["part", "id"])[list(inputs.competition.targets)]
    pictures: list[Picture] = []
    shown = 0
    for place, keys in enumerate(groups):
        if pictures and len(pictures) + len(keys) > _MOST_PICTURES:
            break
        shown = place + 1
        captions = {}
        for key in keys:
            labels = ", ".join(as_written(label) for label in given.loc[[key]].iloc[0])
            captions[key] = (f"group {shown}", "in test" if key[0] == "test" else f"given {labels}")
        pictures += thumbnails.pictures(captions, _MOST_PICTURES)
    note = f"{count(len(groups), 'group')} found" + (f"; the first {shown} are shown." if shown < len(groups) else ".")
    return Gallery(title, pictures, note)
