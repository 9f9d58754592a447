"""How DICOM files became pictures: before and after, and what the headers said, in train and in test."""

import pandas as pd

from common.dicom.facts import FACTS
from common.report.blocks import Block, Cell, Gallery, Picture, Section, Table
from common.report.gallery import ExampleKey, Thumbnails
from common.report.inputs import Inputs
from common.report.wording import count, share

_MOST_PAIRS = 12
_MOST_VALUES = 12
_KINDS = ["photometric_interpretation", "bits_stored", "transfer_syntax", "mapping"]
_WORDS = {
    "transfer_syntax": "Transfer syntax",
    "photometric_interpretation": "Photometric interpretation",
    "bits_stored": "Bits stored",
    "mapping": "Mapping",
    "decoder": "Decoder",
}


def radiographs_section(inputs: Inputs, thumbnails: Thumbnails | None) -> Section:
    """A pair of pictures of each kind of file, and the distribution of every fact; nothing without DICOM files."""
    blocks: list[Block] = []
    if set(FACTS) <= set(inputs.examples):
        table = inputs.examples[inputs.examples["transfer_syntax"].notna()]
        if thumbnails is not None:
            blocks.append(_pairs(table, thumbnails))
        blocks += [_distribution(table, fact, words) for fact, words in _WORDS.items()]
    return Section("radiographs", "Radiographs", blocks)


def _pairs(table: pd.DataFrame, thumbnails: Thumbnails) -> Gallery:
    """The first file of each kind, the rarest kinds first."""
    sizes = table.groupby(_KINDS, dropna=False)["id"].size().rename("files").reset_index()
    first = table.drop_duplicates(_KINDS).merge(sizes, on=_KINDS).sort_values(["files", "part", "id"], kind="stable")
    pictures: list[Picture | None] = []
    for _, row in first.head(_MOST_PAIRS).iterrows():
        key: ExampleKey = (str(row["part"]), str(row["id"]))
        kind = f"{row['photometric_interpretation']}, {row['bits_stored']} bits"
        pictures.append(thumbnails.before(key, kind, str(row["transfer_syntax"])))
        pictures.append(
            thumbnails.picture(key, str(row["mapping"]), count(int(row["files"]), "file") + " of this kind")
        )
    note = (
        "Left of each pair: the stored values, the least black. Right: the picture that training sees, after the "
        "mapping that its header asks for. Bone should be bright in all of them. The rarest kinds come first."
    )
    return Gallery("Before and after", [picture for picture in pictures if picture is not None], note)


def _distribution(table: pd.DataFrame, fact: str, words: str) -> Table:
    parts = [table.loc[table["part"] == part, fact] for part in ("train", "test")]
    counts = pd.DataFrame({"train": parts[0].value_counts(), "test": parts[1].value_counts()}).fillna(0).astype(int)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    rows: list[tuple[str | Cell, ...]] = []
    for value, row in counts.head(_MOST_VALUES).iterrows():
        shares = [
            (f"{row[part]:,}", share(int(row[part]), len(given))) for part, given in zip(row.index, parts, strict=True)
        ]
        rows.append((str(value), *shares[0], *shares[1]))
    left_out = len(counts) - len(rows)
    note = f"{count(left_out, 'more value')} not shown." if left_out > 0 else ""
    return Table(words, "lrrrr", ("", "Train", "", "Test", ""), rows, note)
