"""`podium dicom ...`: radiographs as files, apart from any competition."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from common.dicom.options import DicomOptions

app = typer.Typer(
    name="dicom",
    help="DICOM files to 16-bit pictures, and to smaller DICOM files. Works on any folder.",
    epilog="Example: podium dicom show one.dcm",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Read with all folders below it; never written to.")]
Window = Annotated[
    str,
    typer.Option(
        help="file: the file's own VOI LUT or window, else its full stored range; full_range: always that;"
        " percentiles: of each picture."
    ),
]
Percentiles = Annotated[str, typer.Option(metavar="LOW,HIGH", help="What percentiles makes black and white.")]
Frame = Annotated[int | None, typer.Option(help="The frame to take, from 0; without it files of several are refused.")]
Side = Annotated[int | None, typer.Option(help="Reduce larger pictures to this, by area, after the mapping.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")]
Memory = Annotated[
    float | None, typer.Option(min=0.1, help="For all processes together.", show_default="0.7 of what is free")
]


@app.command(epilog="Example: podium dicom convert train/ pictures/ --longest-side-px 1024")
def convert(
    folder: Folder,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Gets a PNG of the same name for each, and unreadable.csv.")
    ],
    window: Window = "file",
    percentiles: Percentiles = "0.5,99.5",
    frame: Frame = None,
    longest_side_px: Side = None,
    workers: Workers = None,
    max_memory_gb: Memory = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a folder of DICOM files into 16-bit grey PNGs: rescale, window, inversion and scaling done right.

    A run that was stopped goes on where it was. Pictures made with other settings are not replaced unasked.
    """
    from pipelines.dicom_convert import convert_command

    options = _options(window, percentiles, frame, longest_side_px)
    raise typer.Exit(convert_command(folder, out, options, workers, max_memory_gb, overwrite))


@app.command(epilog="Example: podium dicom show train/1332/one.dcm --out one.png")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A DICOM file.")],
    out: Annotated[Path | None, typer.Option(help="The PNG.", show_default="beside FILE")] = None,
    window: Window = "file",
    percentiles: Percentiles = "0.5,99.5",
    frame: Frame = None,
    longest_side_px: Side = None,
    overwrite: Overwrite = False,
) -> None:
    """Say what is done to a file and why, without a word about the patient, and write the PNG."""
    from pipelines.dicom_convert import show_command

    raise typer.Exit(show_command(file, out, _options(window, percentiles, frame, longest_side_px), overwrite))


@app.command(epilog="Example: podium dicom recompress train/ smaller/ --to jpeg2000")
def recompress(
    folder: Annotated[Path, typer.Argument(metavar="FROM", help="Never written to.")],
    out: Annotated[Path, typer.Argument(metavar="TO", help="Gets a file of the same name for each.")],
    to: Annotated[
        str, typer.Option(help="htj2k: ten times as fast; jpeg2000: a little smaller, known to more readers.")
    ] = "htj2k",
    workers: Workers = None,
    max_memory_gb: Memory = None,
) -> None:
    """Rewrite DICOM files losslessly in less room, check every pixel and attribute, and say what it saved.

    Files that cannot be rewritten without loss, or would not shrink, are copied as they are.
    """
    from pipelines.dicom_recompress import recompress_command

    raise typer.Exit(recompress_command(folder, out, to, workers, max_memory_gb))


def _options(window: str, percentiles: str, frame: int | None, longest_side_px: int | None) -> "DicomOptions":
    from common.dicom.options import DicomOptions
    from common.options import parse

    given = {
        "window": window,
        "percentiles": percentiles.split(","),
        "frame": frame,
        "longest_side_px": longest_side_px,
    }
    return parse(DicomOptions, given, "the command line")
