"""How pixel data may be written, and what decodes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TransferSyntax:
    """codec  `native`, or a name in `common/dicom/decode.py`"""

    uid: str
    name: str
    codec: str
    is_big_endian: bool = False

    @property
    def is_encapsulated(self) -> bool:
        return self.codec != "native"


_STANDARD = "1.2.840.10008.1.2"

IMPLICIT = TransferSyntax(_STANDARD, "Implicit VR Little Endian", "native")
EXPLICIT = TransferSyntax(f"{_STANDARD}.1", "Explicit VR Little Endian", "native")
DEFLATED = TransferSyntax(f"{_STANDARD}.1.99", "Deflated Explicit VR Little Endian", "native")
BIG_ENDIAN = TransferSyntax(f"{_STANDARD}.2", "Explicit VR Big Endian", "native", is_big_endian=True)
JPEG_2000 = TransferSyntax(f"{_STANDARD}.4.90", "JPEG 2000 Lossless", "jpeg2000")
HTJ2K = TransferSyntax(f"{_STANDARD}.4.201", "HTJ2K Lossless", "htj2k")

TRANSFER_SYNTAXES = (
    IMPLICIT,
    EXPLICIT,
    DEFLATED,
    BIG_ENDIAN,
    TransferSyntax(f"{_STANDARD}.8.1", "Deflated Image Frame", "deflate"),
    TransferSyntax(f"{_STANDARD}.5", "RLE Lossless", "rle"),
    TransferSyntax(f"{_STANDARD}.4.50", "JPEG Baseline", "jpeg"),
    TransferSyntax(f"{_STANDARD}.4.51", "JPEG Extended", "jpeg"),
    TransferSyntax(f"{_STANDARD}.4.57", "JPEG Lossless", "jpeg"),
    TransferSyntax(f"{_STANDARD}.4.70", "JPEG Lossless SV1", "jpeg"),
    TransferSyntax(f"{_STANDARD}.4.80", "JPEG-LS Lossless", "jpegls"),
    TransferSyntax(f"{_STANDARD}.4.81", "JPEG-LS Near-lossless", "jpegls"),
    JPEG_2000,
    TransferSyntax(f"{_STANDARD}.4.91", "JPEG 2000", "jpeg2000"),
    HTJ2K,
    TransferSyntax(f"{_STANDARD}.4.202", "HTJ2K Lossless RPCL", "htj2k"),
    TransferSyntax(f"{_STANDARD}.4.203", "HTJ2K", "htj2k"),
)

BY_UID = {syntax.uid: syntax for syntax in TRANSFER_SYNTAXES}
