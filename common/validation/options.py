"""What a recipe may say about the split."""

from pydantic import Field

from common.options import Options


class SplitOptions(Options):
    """`split` of a recipe."""

    near_duplicate_bits: int = Field(
        4, ge=0, le=16, description="perceptual hashes (64 bits) at most this far apart are one picture"
    )
