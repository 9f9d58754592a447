"""What a section of the report is made of; `page.html` draws each kind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import plotly.graph_objects as go


@dataclass(frozen=True)
class Cell:
    """A cell of a table that says more than its text: `tint` 0..1 shades it, `state` is `good` or `bad`."""

    text: str
    tint: float = 0.0
    state: str = ""


@dataclass(frozen=True)
class Table:
    """`alignment` has a letter a column: `l` for words, `r` for numbers. Row heads are the first cells."""

    kind: ClassVar[str] = "table"
    title: str
    alignment: str
    head: tuple[str, ...]
    rows: list[tuple[str | Cell, ...]]
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Short answers, as `Recipe` and `sample`."""

    kind: ClassVar[str] = "facts"
    title: str
    pairs: Sequence[tuple[str, str | Cell]]


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    kind: ClassVar[str] = "words"
    text: str


@dataclass(frozen=True)
class Chart:
    """A figure; `words` says in a sentence what it shows, for those who do not see it."""

    title: str
    figure: go.Figure
    words: str
    note: str = ""

    @property
    def json(self) -> str:
        """The figure as JSON that cannot end a script element.

        The engine is named since `auto` takes another one where it is installed, which writes other bytes.
        """
        return self.figure.to_json(engine="json").replace("</", "<\\/")

    @property
    def height_px(self) -> int:
        return int(self.figure.layout.height)


@dataclass(frozen=True)
class Charts:
    """Figures side by side, as many as fit."""

    kind: ClassVar[str] = "charts"
    title: str
    charts: list[Chart]


@dataclass(frozen=True)
class Picture:
    """A thumbnail, as a data address, with its file's name and what is to be said about it."""

    source: str
    width_px: int
    height_px: int
    file_name: str
    lines: tuple[str, ...]

    @property
    def alternative(self) -> str:
        return ", ".join([self.file_name, *self.lines])


@dataclass(frozen=True)
class Gallery:
    """`pairs`: each picture is two squares side by side."""

    kind: ClassVar[str] = "gallery"
    title: str
    pictures: list[Picture]
    note: str = ""
    pairs: bool = False


@dataclass(frozen=True)
class Folded:
    """A text as it stands in a file, shown on request."""

    kind: ClassVar[str] = "folded"
    title: str
    text: str


Block = Table | Facts | Words | Charts | Gallery | Folded


@dataclass(frozen=True)
class Section:
    anchor: str
    title: str
    blocks: list[Block] = field(default_factory=list)
