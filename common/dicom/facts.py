"""What is kept of how a radiograph was made from its file; nothing in it tells of a person."""

FACTS = {
    "transfer_syntax": "str",
    "photometric_interpretation": "str",
    "bits_stored": "Int8",
    "mapping": "str",
    "decoder": "str",
    "original_width_px": "Int32",
    "original_height_px": "Int32",
}
"""Names, with the types of a table's columns."""
